/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/suggest.h"

static void names_the_nearest_word_that_is_near_enough(void **state)
{
	static const char *const words[] = { "spf.result", "spf.reason", "dnsbl.weight", "client.ip", "no", "at",
		NULL };
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "spf.resutl", "spf.result" },
		{ "SPF.Result", "spf.result" },
		{ "spf.reslt", "spf.result" },
		{ "spf_reason", "spf.reason" },
		{ "dnsbl.weigth", "dnsbl.weight" },
		{ "dsnbl.wieght", "dnsbl.weight" },
		{ "client.ipp", "client.ip" },
		{ "on", "no" },
		{ "x", NULL },
		{ "", NULL },
		{ "greylist", NULL },
		{ "spf", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct suggest s = suggest_for(rows[i].word, strlen(rows[i].word));

		for (size_t w = 0; words[w]; w++)
			suggest_try(&s, words[w]);
		if (s.best != rows[i].want && (!s.best || !rows[i].want || strcmp(s.best, rows[i].want) != 0))
			fail_msg("'%s': got %s", rows[i].word, s.best ? s.best : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_nearest_word_that_is_near_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
