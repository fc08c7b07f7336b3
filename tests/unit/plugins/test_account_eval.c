/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "filter/base/text.h"
#include "plugins/account/account_eval.h"

static bool may(const char *table, const char *account, const char *address)
{
	struct sluice_config_error err;
	struct account_table *t = NULL;
	bool yes;

	assert_int_equal(account_table_parse("t", table, strlen(table), &t, &err), 0);
	yes = account_may_send(t, account, strlen(account), address, strlen(address));
	account_table_free(t);
	return yes;
}

static void an_account_has_the_addresses_of_all_its_lines(void **state)
{
	static const char table[] = "a a@x.example\nb b@x.example\nab ab@x.example @ab.example\na a2@x.example\r\n";
	static const struct { const char *account, *address; bool want; } rows[] = {
		{ "a", "a@x.example", true }, { "A", "A2@X.example", true }, { "a", "b@x.example", false }, { "ab", "any@AB.example", true },
		{ "ab", "@ab.example", false }, { "ab", "any@xab.example", false }, { "b", "ab@x.example", false }, { "c", "a@x.example", false },
		{ "", "a@x.example", false }, { "c", "", true }, { "c@x.example", "C@x.example", true }, { "c@x.example", "d@x.example", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (may(table, rows[i].account, rows[i].address) != rows[i].want)
			fail_msg("%s as %s", rows[i].account, rows[i].address);
	assert_false(may("", "a", "a@x.example"));
	assert_false(may("# nothing\n\n   \n", "#", "nothing@x.example"));
}

static void a_bad_line_is_named(void **state)
{
	static const struct { const char *table, *want; } rows[] = {
		{ "a\n", "t:1: there is no address after the account 'a'" },
		{ "\na # a@x.example\n", "t:2: there is no address after the account 'a'" },
		{ "a a@x.example\nb nobody\n", "t:2: write user@example.org or @example.org after the account, and not 'nobody'" },
		{ "a a@\n", "t:1: write user@example.org or @example.org after the account, and not 'a@'" },
		{ "a <a@x.example>\n", "t:1: write user@example.org or @example.org after the account, and not '<a@x.example>'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_config_error err = { "", 0 };
		struct account_table *t = NULL;

		assert_int_equal(account_table_parse("t", rows[i].table, strlen(rows[i].table), &t, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].want);
	}
}

static void a_large_table_is_searched_right(void **state)
{
	SLUICE_CLEANUP(text_done) struct text table = TEXT_INIT(4u << 20);
	struct sluice_config_error err;
	struct account_table *t = NULL;

	(void)state;
	for (int i = 0; i < 20000; i++)
		text_addf(&table, "u%d u%d@x.example\n", i * 7919 % 20000, i * 7919 % 20000);
	assert_int_equal(account_table_parse("t", text_str(&table), table.len, &t, &err), 0);
	for (int i = 0; i < 20000; i++) {
		char account[16], address[32];

		(void)snprintf(account, sizeof account, "u%d", i);
		(void)snprintf(address, sizeof address, "u%d@x.example", i);
		assert_true(account_may_send(t, account, strlen(account), address, strlen(address)));
		assert_false(account_may_send(t, account, strlen(account), "u@x.example", 11));
	}
	account_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_account_has_the_addresses_of_all_its_lines),
		cmocka_unit_test(a_bad_line_is_named),
		cmocka_unit_test(a_large_table_is_searched_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
