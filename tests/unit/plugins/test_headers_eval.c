/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "filter/base/cleanup.h"
#include "plugins/headers/headers_eval.h"

static void see(struct headers *h, const char *name, const char *value)
{
	headers_see_field(h, name, strlen(name), value, strlen(value));
}

static void says_what_is_malformed(void **state)
{
	static const struct {
		const char *name, *value;
		enum headers_field field;
		bool bad;
	} rows[] = {
		{ "Date", " Tue, 25 Nov 2025 23:59:59 +0000", HEADERS_DATE, false },
		{ "Date", " yesterday", HEADERS_DATE, true },
		{ "from ", " A <a@example.org>", HEADERS_FROM, false },
		{ "From", " a@example.org, b@example.org", HEADERS_FROM, false },
		{ "From", "", HEADERS_FROM, true },
		{ "From", " undisclosed:;", HEADERS_FROM, true },
		{ "From", " A <a>", HEADERS_FROM, true },
		{ "Sender", " a@example.org, b@example.org", HEADERS_SENDER, true },
		{ "To", " undisclosed-recipients:;", HEADERS_TO, false },
		{ "To", " a@example.org b@example.org", HEADERS_TO, true },
		{ "Message-ID", " <1@example.org>", HEADERS_MESSAGE_ID, false },
		{ "Message-ID", "\r\n\t<1@example.org> ", HEADERS_MESSAGE_ID, false },
		{ "Message-ID", " <\"a@b\"@[192.0.2.1]>", HEADERS_MESSAGE_ID, false },
		{ "Message-ID", " 1@example.org", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <1@example.org> <2@example.org>", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <1@2@example.org>", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <@example.org>", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <1@>", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <1 2@example.org>", HEADERS_MESSAGE_ID, true },
		{ "Message-ID", " <>", HEADERS_MESSAGE_ID, true },
		{ "Subject", " =?utf-8?q?=ff", HEADERS_SUBJECT, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct headers h;

		headers_init(&h, "mx.example.org");
		see(&h, rows[i].name, rows[i].value);
		if (h.malformed[rows[i].field] != rows[i].bad || h.count[rows[i].field] != 1)
			fail_msg("%s:%s", rows[i].name, rows[i].value);
		headers_done(&h);
	}
}

static void finds_the_address_that_is_shown(void **state)
{
	static const struct {
		const char *from, *shown; /* NULL: none */
	} rows[] = {
		{ " boss@bank.example <x@evil.example>", "boss@bank.example" },
		{ " \"Boss (boss@bank.example)\" <x@evil.example>", "boss@bank.example" },
		{ " \"mailto:boss@bank.example.\" <x@evil.example>", "boss@bank.example" },
		{ " =?utf-8?B?Ym9zc0BiYW5rLmV4YW1wbGU=?= <x@evil.example>", "boss@bank.example" },
		{ " =?utf-8?Q?boss=40bank=2Eexample?= <x@evil.example>", "boss@bank.example" },
		{ " =?iso-8859-1?Q?boss=40?=\r\n =?utf-8?q?b=C3=A4nk.example?= <x@evil.example>", "boss@b\xc3\xa4nk.example" },
		{ " \"X@EVIL.example\" <x@evil.example>", NULL }, /* his own */
		{ " \"x@evil.example, boss@bank.example\" <x@evil.example>", "boss@bank.example" },
		{ " \"me @ home\" <x@evil.example>", NULL },
		{ " \"boss@bank\" <x@evil.example>", NULL },
		{ " x@evil.example", NULL },
		{ " x@evil.example (boss@bank.example)", NULL },
		{ " \"@\" <x@evil.example>", NULL },
		{ " =?utf-8?B?", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(4096);
		struct headers h;

		headers_init(&h, "mx.example.org");
		see(&h, "From", rows[i].from);
		if (headers_shown_address(&h, &shown) != (rows[i].shown != NULL) || strcmp(text_str(&shown), rows[i].shown ? rows[i].shown : "") != 0)
			fail_msg("From:%s shows '%s'", rows[i].from, text_str(&shown));
		headers_done(&h);
	}
}

static void counts_those_that_we_have_received(void **state)
{
	struct headers h;

	(void)state;
	headers_init(&h, "mx.example.org");
	see(&h, "Received", " from a.example (by by mx.example.org) by MX.example.org (Postfix)\r\n\twith ESMTP id 1; Tue, 25 Nov 2025 23:59:59 +0000");
	see(&h, "Received", " from mx.example.org by b.example with ESMTP; Tue, 25 Nov 2025 23:59:59 +0000");
	see(&h, "Received", " by mx.example.org.; Tue, 25 Nov 2025 23:59:59 +0000");
	see(&h, "Received", "");
	see(&h, "Received", " by");
	see(&h, "X-Received", " by mx.example.org");
	assert_int_equal(h.received, 5);
	assert_int_equal(h.received_by_us, 2);
	headers_done(&h);
}

/* cr lf hidden long empty, a letter each */
static const char *body_flags(const char *body, size_t len, size_t step)
{
	static char flags[8];
	struct headers h;
	char *p = flags;

	headers_init(&h, "");
	for (size_t i = 0; i < len; i += step)
		headers_see_body(&h, body + i, len - i < step ? len - i : step);
	if (h.bare_cr || h.after_cr)
		*p++ = 'c';
	if (h.bare_lf)
		*p++ = 'l';
	if (h.hidden_end)
		*p++ = 'h';
	if (h.long_line)
		*p++ = 'g';
	if (!h.has_body)
		*p++ = 'e';
	*p = '\0';
	headers_done(&h);
	return flags;
}

static void sees_ends_of_lines_however_the_body_is_cut(void **state)
{
	static const struct {
		const char *body, *flags;
	} rows[] = {
		{ "", "e" },
		{ "\r\n \t\r\n\r\n", "e" },
		{ "a", "" },
		{ "a\r\nb\r\n", "" },
		{ "a\nb\r\n", "l" },
		{ "a\rb\r\n", "c" },
		{ "a\r", "c" },
		{ "a\r\r\nb\r\n", "c" },
		{ "a\r\n.\r\nb\r\n", "" }, /* with its stuffing taken away that is a line of a dot */
		{ "a\n.\nMAIL FROM:<x@y>\r\n", "lh" },
		{ "a\n.\r\nb\r\n", "lh" },
		{ "a\r\n.\nb\r\n", "lh" },
		{ "a\r.\rb\r\n", "ch" },
		{ "a\r\n.\rb\r\n", "ch" },
		{ "a\r.\r\nb\r\n", "ch" },
		{ "a\n..\nb\r\n", "l" },
		{ "a\n.b\nb\r\n", "l" },
		{ "a\n. \nb\r\n", "l" },
		{ "a\n\r\n.\r\nb", "l" },
		{ ".\nb", "lh" },
	};
	char longest[2048], copy[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t step = 1; step < 5; step++) {
			strcpy(copy, body_flags(rows[i].body, strlen(rows[i].body), step));
			if (strcmp(copy, rows[i].flags) != 0)
				fail_msg("row %zu in steps of %zu: %s", i, step, copy);
		}
	memset(longest, 'x', sizeof longest);
	memcpy(longest + 998, "\r\n", 2);
	for (size_t step = 1; step < 1200; step += 97) {
		assert_string_equal(body_flags(longest, 1998, step), "");
		assert_string_equal(body_flags(longest, 1999, step), "g");
	}
}

static void sees_octets_of_the_header(void **state)
{
	char longest[1100];
	struct headers h;

	(void)state;
	headers_init(&h, "");
	see(&h, "Subject", " plain\r\n\tfolded");
	assert_false(h.eight_bit || h.control || h.long_line || h.bare_cr || h.bare_lf);
	see(&h, "Subject", " \xc3\xa4");
	assert_true(h.eight_bit && !h.control);
	see(&h, "Subject", " \x01");
	assert_true(h.control && !h.bare_cr);
	see(&h, "Subject", " a\rb");
	assert_true(h.bare_cr && !h.bare_lf);
	see(&h, "Subject", " a\n b");
	assert_true(h.bare_lf && !h.long_line);
	memset(longest, 'x', sizeof longest);
	headers_see_field(&h, "X", 1, longest, 996);
	assert_false(h.long_line);
	headers_see_field(&h, "X", 1, longest, 997);
	assert_true(h.long_line);
	assert_int_equal(h.count[HEADERS_SUBJECT], 5);
	headers_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_malformed),
		cmocka_unit_test(finds_the_address_that_is_shown),
		cmocka_unit_test(counts_those_that_we_have_received),
		cmocka_unit_test(sees_ends_of_lines_however_the_body_is_cut),
		cmocka_unit_test(sees_octets_of_the_header),
	};

	g_mime_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
