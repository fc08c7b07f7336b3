/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/observe/metrics.h"

static void counts_cases_by_verdict_stage_and_check(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1u << 20);
	static const struct case_check checks[] = { { "spf", SLUICE_TEMPERROR, 200000 } };
	struct case_ c = { .verdict = { .action = CASE_REJECT, .stage = SLUICE_STAGE_RCPT }, .checks = checks, .check_count = 1 };
	struct metrics *m = metrics_new();

	(void)state;
	c.stages[SLUICE_STAGE_RCPT] = (struct case_stage){ true, 2000000 };
	metrics_case(m, &c);
	metrics_case(m, &c);
	metrics_add(m, METRIC_CONNECTIONS_OPEN, 3);
	metrics_add(m, METRIC_CONNECTIONS_OPEN, -1);
	assert_int_equal(metrics_get(m, METRIC_CONNECTIONS_OPEN), 2);
	assert_int_equal(metrics_cases(m, CASE_REJECT), 2);
	assert_int_equal(metrics_cases(m, CASE_ACCEPT), 0);
	metrics_print(&out, m);
	assert_non_null(strstr(text_str(&out), "# TYPE sluice_connections gauge\nsluice_connections 2\n"));
	assert_non_null(strstr(text_str(&out), "sluice_verdicts_total{verdict=\"reject\",stage=\"rcpt\"} 2\n"));
	assert_non_null(strstr(text_str(&out), "sluice_check_outcomes_total{check=\"spf\",outcome=\"temperror\"} 2\n"));
	/* buckets are cumulative: 2 ms is in le=0.003 and all above */
	assert_non_null(strstr(text_str(&out), "sluice_stage_seconds_bucket{stage=\"rcpt\",le=\"0.001\"} 0\n"));
	assert_non_null(strstr(text_str(&out), "sluice_stage_seconds_bucket{stage=\"rcpt\",le=\"0.003\"} 2\n"));
	assert_non_null(strstr(text_str(&out), "sluice_stage_seconds_bucket{stage=\"rcpt\",le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(text_str(&out), "sluice_stage_seconds_sum{stage=\"rcpt\"} 0.004000000\n"));
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts_cases_by_verdict_stage_and_check) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
