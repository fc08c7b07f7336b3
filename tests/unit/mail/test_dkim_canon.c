/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/mail/dkim_canon.h"

static void fields_are_lower_case_and_of_single_blanks(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} rows[] = {
		{ "A", " X", "a:X" }, /* RFC 6376 3.4.5 */
		{ "B ", " Y\t\r\n\tZ  ", "b:Y Z" },
		{ "Subject", "", "subject:" },
		{ "Subject", " \t ", "subject:" },
		{ "Subject", " a\n b", "subject:a b" },
		{ "X-\xc3\xa4", " \xc3\xa4", "x-\xc3\xa4:\xc3\xa4" },
		{ "", "", ":" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text out = TEXT_INIT(100);

		dkim_canon_header(&out, DKIM_RELAXED, rows[i].name, strlen(rows[i].name), rows[i].value, strlen(rows[i].value));
		if (strcmp(text_str(&out), rows[i].want) != 0)
			fail_msg("row %zu: got '%s'", i, text_str(&out));
		text_done(&out);
	}
}

static void take(void *out, const char *bytes, size_t len)
{
	text_add(out, bytes, len);
}

static void canonical(struct text *out, enum dkim_canon canon, const char *body, size_t len, size_t chunk)
{
	struct dkim_canon_body b;

	dkim_canon_body(&b, canon, take, out);
	for (size_t at = 0; at < len; at += chunk)
		dkim_canon_body_add(&b, body + at, len - at < chunk ? len - at : chunk);
	dkim_canon_body_end(&b);
}

static void bodies_lose_blanks_and_empty_lines(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n" }, /* RFC 6376 3.4.5 */
		{ "", "" },
		{ "\r\n", "" },
		{ " \t\r\n\r\n \r\n", "" },
		{ " \t ", "" },
		{ "\r\n\r\na", "\r\n\r\na\r\n" },
		{ "a", "a\r\n" },
		{ "a\r\n", "a\r\n" },
		{ "a \t", "a\r\n" },
		{ "a\r\n\r\n \r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
		{ "a\rb\nc\r\n", "a\rb\nc\r\n" },
		{ "a\r\r\n", "a\r\r\n" },
		{ "a\r", "a\r\r\n" },
		{ "a \r b", "a \r b\r\n" },
		{ "\n", "\n\r\n" },
		{ "\xff\r\n", "\xff\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t chunk = 1; chunk <= 5; chunk++) {
			struct text out = TEXT_INIT(100);

			canonical(&out, DKIM_RELAXED, rows[i].body, strlen(rows[i].body), chunk);
			if (strcmp(text_str(&out), rows[i].want) != 0)
				fail_msg("row %zu by %zu: got '%s'", i, chunk, text_str(&out));
			text_done(&out);
		}
	}
}

static void simple_bodies_lose_empty_lines_alone(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n" }, /* RFC 6376 3.4.5 */
		{ "", "\r\n" },
		{ "\r\n", "\r\n" },
		{ "\r\n\r\n", "\r\n" },
		{ " \r\n\r\n", " \r\n" },
		{ "\r\n\r\na", "\r\n\r\na\r\n" },
		{ "a\t", "a\t\r\n" },
		{ "a\rb\nc\r\n", "a\rb\nc\r\n" },
		{ "a\r\r\n", "a\r\r\n" },
		{ "\r", "\r\r\n" },
		{ "\n", "\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t chunk = 1; chunk <= 5; chunk++) {
			struct text out = TEXT_INIT(100);

			canonical(&out, DKIM_SIMPLE, rows[i].body, strlen(rows[i].body), chunk);
			if (strcmp(text_str(&out), rows[i].want) != 0)
				fail_msg("row %zu by %zu: got '%s'", i, chunk, text_str(&out));
			text_done(&out);
		}
	}
}

static void simple_fields_stay_as_they_are(void **state)
{
	struct text out = TEXT_INIT(100);

	(void)state;
	dkim_canon_header(&out, DKIM_SIMPLE, "SubJect ", 8, "  a\r\n\tb ", 8);
	assert_string_equal(text_str(&out), "SubJect :  a\r\n\tb ");
	text_done(&out);
}

static void more_than_the_buffer_holds_is_the_same(void **state)
{
	static char body[3 * DKIM_CANON_BUFFER_BYTES];
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2 * sizeof body);

	(void)state;
	memset(body, 'a', sizeof body);
	memcpy(body + DKIM_CANON_BUFFER_BYTES - 1, "\r\n", 2);
	canonical(&out, DKIM_RELAXED, body, sizeof body, 1000);
	assert_int_equal(out.len, sizeof body + 2);
	assert_memory_equal(out.bytes, body, sizeof body);
}

/* RFC 6376 3.4.3 and 3.4.4 word by word: a line after the other, with its end made, and empty lines at the end taken away. */
static void plainly(struct text *out, enum dkim_canon canon, const char *body, size_t len)
{
	size_t full = 0; /* the length up to the last line that is not empty */

	for (const char *at = body, *end = body + len; at < end;) {
		const char *crlf = memmem(at, (size_t)(end - at), "\r\n", 2), *stop = crlf ? crlf : end, *next = crlf ? crlf + 2 : end;
		size_t before = out->len;

		for (; at < stop; at++) {
			bool blank = canon == DKIM_RELAXED && (*at == ' ' || *at == '\t');

			if (!blank)
				text_addc(out, *at);
			else if (at + 1 < stop && at[1] != ' ' && at[1] != '\t')
				text_addc(out, ' ');
		}
		if (out->len > before)
			full = out->len + 2;
		text_adds(out, "\r\n");
		at = next;
	}
	if (full == 0 && canon == DKIM_SIMPLE)
		text_adds(out, "\r\n");
	out->len = full ? full : canon == DKIM_SIMPLE ? 2 : 0;
}

/* Of few octets, so that all that has a meaning meets; much of it words, as they are passed on together. */
static void every_body_is_as_the_rfc_words_it(void **state)
{
	static const char *const parts[] = { "a", "bcd", "some words of a line", "\xe4\xf6\x80", "\r\n", "\r\n", "\r\n\r\n", " ", " ", "  ",
		"\t", " \r\n", "\r", "\n", "\x01", "\x1f ", "\x7f" };
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 40000; round++) {
		size_t count = round & 2 ? ARRAY_LEN(parts) : 5; /* of few blanks and no controls: long stretches stay as they are */
		struct text body = TEXT_INIT(2000), want = TEXT_INIT(3000), whole = TEXT_INIT(3000), cut = TEXT_INIT(3000);
		enum dkim_canon canon = round % 2 ? DKIM_RELAXED : DKIM_SIMPLE;

		for (unsigned n = round % 83; n > 0; n--) {
			seed = seed * 1664525 + 1013904223;
			text_adds(&body, parts[(seed >> 16) % count]);
		}
		plainly(&want, canon, text_str(&body), body.len);
		canonical(&whole, canon, text_str(&body), body.len, body.len + 1);
		canonical(&cut, canon, text_str(&body), body.len, 1 + round % 230);
		if (whole.len != want.len || memcmp(text_str(&whole), text_str(&want), want.len) != 0)
			fail_msg("round %u: '%s' is '%s'", round, text_str(&body), text_str(&whole));
		if (cut.len != want.len || memcmp(text_str(&cut), text_str(&want), want.len) != 0)
			fail_msg("round %u by %u: '%s' is '%s'", round, 1 + round % 230, text_str(&body), text_str(&cut));
		text_done(&body);
		text_done(&want);
		text_done(&whole);
		text_done(&cut);
	}
}

/* However the octets fall into the blocks that are looked at together. */
static void a_line_may_end_anywhere(void **state)
{
#define FOUR_LINES "\r\n\r\n\r\n\r\n"
#define MANY_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES
	static const char *const ends[] = { MANY_LINES, MANY_LINES "b\r\n", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n", " \r\n", "\r\n \r\n", "\r\nb\r\n", "\r\n\tb \r\n", " b", "  b",
		"\rb", "\nb", "\r" };
	char words[200];

	(void)state;
	memset(words, 'w', sizeof words);
	for (size_t len = 0; len <= sizeof words; len++)
		for (size_t i = 0; i < ARRAY_LEN(ends); i++)
			for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
				SLUICE_CLEANUP(text_done) struct text body = TEXT_INIT(1000), want = TEXT_INIT(1000), got = TEXT_INIT(1000);

				text_add(&body, words, len);
				text_adds(&body, ends[i]);
				plainly(&want, canon, text_str(&body), body.len);
				canonical(&got, canon, text_str(&body), body.len, body.len);
				if (got.len != want.len || memcmp(text_str(&got), text_str(&want), want.len) != 0)
					fail_msg("%zu octets and end %zu: %zu octets in place of %zu", len, i, got.len, want.len);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_lower_case_and_of_single_blanks),
		cmocka_unit_test(bodies_lose_blanks_and_empty_lines),
		cmocka_unit_test(simple_bodies_lose_empty_lines_alone),
		cmocka_unit_test(simple_fields_stay_as_they_are),
		cmocka_unit_test(more_than_the_buffer_holds_is_the_same),
		cmocka_unit_test(every_body_is_as_the_rfc_words_it),
		cmocka_unit_test(a_line_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
