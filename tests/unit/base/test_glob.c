/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/glob.h"

static const struct { const char *text, *pattern; bool matches; } rows[] = {
	{ "", "", true }, { "", "*", true }, { "", "?", false }, { "a", "", false }, { "abc", "abc", true }, { "ABC", "abc", true },
	{ "abc", "a?c", true }, { "ac", "a?c", false }, { "abbbc", "a*c", true }, { "abbbcd", "a*c", false }, { "mail-7.example.net", "mail-*.example.*", true },
	{ "aaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*c", false }, { "abcabd", "*abd", true }, { "x", "**", true },
};

static void texts_match_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (glob_matches(rows[i].text, strlen(rows[i].text), rows[i].pattern, strlen(rows[i].pattern)) != rows[i].matches)
			fail_msg("'%s' and '%s'", rows[i].text, rows[i].pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_match_patterns) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
