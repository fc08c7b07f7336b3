/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/mailbox.h"

/* Each entry in brackets; BAD as "!". */
static void read_all(const char *value, struct text *out)
{
	struct header_lexer l = { value, value + strlen(value) };
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	enum mailbox_step step;

	while ((step = mailbox_next(&l, &address)) != MAILBOX_END) {
		if (step == MAILBOX_BAD)
			text_addc(out, '!');
		else
			text_addf(out, "[%s]", text_str(&address));
	}
}

static void finds_the_address_of_each_entry(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "a@example.org", "[a@example.org]" },
		{ " Jane Doe <jane@example.org>", "[jane@example.org]" },
		{ "\"Doe, Jane\" <jane@example.org> (her own)", "[jane@example.org]" },
		{ "jane@example.org (Jane <x@y.example>)", "[jane@example.org]" },
		{ "\"a@bank.example\" <b@example.org>", "[b@example.org]" },
		{ "a@bank.example <b@example.org>", "[b@example.org]" },
		{ "a@example.org, <b@example.org>,\n\t\"C\" <c@example.org>", "[a@example.org][b@example.org][c@example.org]" },
		{ "friends: a@example.org, B <b@example.org>;", "[a@example.org][b@example.org]" },
		{ "undisclosed-recipients:;", "" },
		{ "", "" },
		{ " , ,", "" },
		{ "\"a b\"@example.org", "[\"a b\"@example.org]" },
		{ "\"a@b\"@example.org", "[\"a@b\"@example.org]" },
		{ "jane . doe @ example.org", "[jane.doe@example.org]" },
		{ "<@hop.example,@hop2.example:a@example.org>", "[a@example.org]" },
		{ "a@[192.0.2.1]", "[a@[192.0.2.1]]" },
		{ "a@[IPv6:2001:db8::1], b@example.org", "[a@[IPv6:2001:db8::1]][b@example.org]" },
		{ "J\xc3\xb6rg <j@b\xc3\xbc.example>", "[j@b\xc3\xbc.example]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

		read_all(rows[i].value, &got);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].value, text_str(&got), rows[i].want);
	}
}

static void what_can_be_read_in_two_ways_is_bad(void **state)
{
	static const char *const rows[] = {
		"root", "<>", "<a@example.org", "a@example.org>", "<a@example.org> <b@example.net>", "<a@example.org> b@example.net",
		"<a@example.org> Jane", "Jane a@example.org", "a@example.org@example.net", "<<a@example.org>>", "<a@example.org", "\"a@example.org",
		"@example.org", "a@", "<a:b@example.org>", "(a@example.org", "a@[192.0.2.1", "a@exam ple.org",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

		read_all(rows[i], &got);
		if (strcmp(text_str(&got), "!") != 0)
			fail_msg("'%s': got '%s'", rows[i], text_str(&got));
	}
}

static void an_address_that_is_too_long_is_bad(void **state)
{
	char value[MAILBOX_MAX_BYTES + 32];
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

	(void)state;
	memset(value, 'a', MAILBOX_MAX_BYTES);
	strcpy(value + MAILBOX_MAX_BYTES, "@example.org, b@example.org");
	read_all(value, &got);
	assert_string_equal(text_str(&got), "![b@example.org]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_address_of_each_entry),
		cmocka_unit_test(what_can_be_read_in_two_ways_is_bad),
		cmocka_unit_test(an_address_that_is_too_long_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
