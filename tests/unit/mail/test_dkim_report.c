/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/vec.h"
#include "filter/mail/dkim_report.h"

static void a_pass_counts_and_else_what_says_most(void **state)
{
	static const enum dkim_result order[] = { DKIM_NONE, DKIM_NEUTRAL, DKIM_PERMERROR, DKIM_POLICY, DKIM_FAIL,
		DKIM_TEMPERROR, DKIM_PASS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k <= i; k++) {
			assert_int_equal(dkim_result_join(order[i], order[k]), order[i]);
			assert_int_equal(dkim_result_join(order[k], order[i]), order[i]);
		}
}

static void tells_signatures_apart_by_their_beginning(void **state)
{
	static const char *const apart[] = { "AAAAAAAAB", "BAAAAAAAA", "" }, *const alike[] = { "AAAAAAAAAAB",
		"AAAAAAAAAAC", "AAAAAAAAAAB" };

	(void)state;
	assert_int_equal(dkim_b_length(apart, 3), 8);
	assert_int_equal(dkim_b_length(alike, 3), 11);
	assert_int_equal(dkim_b_length(NULL, 0), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pass_counts_and_else_what_says_most),
		cmocka_unit_test(tells_signatures_apart_by_their_beginning),
	};

	return cmocka_run_group_tests_name("dkim_report", tests, NULL, NULL);
}
