/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/ctl/attach.h"

static void items_keep_their_braces(void **state)
{
	static const char *const want[] = { "inet:h:1", "{ unix:a, command_timeout=5s }", "$others", "{open, inet:h:2" };
	const char *at = " inet:h:1,{ unix:a, command_timeout=5s }\t$others ,, {open, inet:h:2", *item;
	size_t len, count = 0;

	(void)state;
	while ((item = attach_next_item(&at, &len))) {
		if (count == ARRAY_LEN(want) || len != strlen(want[count]) || memcmp(item, want[count], len) != 0)
			fail_msg("item %zu: got '%.*s'", count, (int)len, item);
		count++;
	}
	assert_int_equal(count, ARRAY_LEN(want));
}

static void a_list_without_blanks_is_the_same_list(void **state)
{
	static const struct { const char *list, *want; } cases[] = {
		{ "", "" }, { "a", "a" }, { "a b", "a,b" }, { " a ,\tb  c ", "a,b,c" }, { "{ inet:h:1, x = 5s } b", "{inet:h:1,x=5s},b" }, { "$a, {b}", "$a,{b}" }, { "{ a b }", "{a,b}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(100);

		attach_compact(&out, cases[i].list);
		if (strcmp(text_str(&out), cases[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", cases[i].list, text_str(&out), cases[i].want);
	}
}

static void times_are_those_of_postfix(void **state)
{
	static const struct { const char *value; int64_t want; } cases[] = { { "30s", 30000 }, { "30", 30000 }, { "5m", 300000 }, { "1h", 3600000 }, { "2d", 172800000 },
		{ "1w", 604800000 }, { "", -1 }, { "s", -1 }, { "5x", -1 }, { "5ms", -1 }, { "-5s", -1 }, { "99999999999s", -1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (attach_time_ms(cases[i].value) != cases[i].want)
			fail_msg("'%s': got %lld", cases[i].value, (long long)attach_time_ms(cases[i].value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_keep_their_braces),
		cmocka_unit_test(a_list_without_blanks_is_the_same_list),
		cmocka_unit_test(times_are_those_of_postfix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
