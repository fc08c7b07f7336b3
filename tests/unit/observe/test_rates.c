/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/observe/rates.h"

static void a_step_is_what_came_since_the_last(void **state)
{
	static struct rates r;
	struct metrics_cases now = { .verdicts = { [CASE_ACCEPT] = 5 } };

	(void)state;
	rates_note(&r, &now, 1000);
	assert_int_equal(r.count, 0);
	now.verdicts[CASE_ACCEPT] = 7;
	now.time = (struct metrics_histogram){ .count = 2, .below = { [2] = 2 } };
	rates_note(&r, &now, 11000);
	assert_int_equal(r.count, 1);
	assert_int_equal(rates_step(&r, 0)->verdicts[CASE_ACCEPT], 2);
	assert_int_equal(rates_step(&r, 0)->took_ms, 10000);
	assert_true(rates_step(&r, 0)->p50_us > 300 && rates_step(&r, 0)->p50_us <= 1000);
	for (int i = 0; i < 2 * RATES_STEPS; i++)
		rates_note(&r, &now, 21000 + i);
	assert_int_equal(r.count, RATES_STEPS);
	assert_int_equal(rates_step(&r, RATES_STEPS - 1)->time_ms, 21000 + 2 * RATES_STEPS - 1);
	assert_int_equal(rates_step(&r, 0)->time_ms, 21000 + RATES_STEPS);
	assert_int_equal(rates_step(&r, 0)->p95_us, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_step_is_what_came_since_the_last) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
