/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugins/dmarc/dmarc_seen.h"

static void a_day_has_so_many_rows_and_no_more(void **state)
{
	struct dmarc_seen *s = dmarc_seen_new(1000, 100000);

	(void)state;
	assert_non_null(s);
	assert_int_equal(dmarc_seen_admit(s, 1, 0, 10), DMARC_FIRST);
	for (uint64_t i = 1; i < 1000; i++) /* all of them want the same place */
		assert_int_equal(dmarc_seen_admit(s, 1, i << 32, 10), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, 7, 10), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 1, 0, 10), DMARC_ADMITTED);
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(dmarc_seen_admit(s, 1, i << 32, 10), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, UINT64_MAX, 10), DMARC_FULL);
	dmarc_seen_free(s);
}

static void each_day_begins_anew(void **state)
{
	struct dmarc_seen *s = dmarc_seen_new(2, 1000);

	(void)state;
	assert_non_null(s);
	assert_int_equal(dmarc_seen_admit(s, 20000, 1, 10), DMARC_FIRST);
	assert_int_equal(dmarc_seen_admit(s, 20000, 2, 10), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 20000, 3, 10), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 20001, 3, 10), DMARC_FIRST);
	assert_int_equal(dmarc_seen_admit(s, 20000, 4, 10), DMARC_ADMITTED); /* it began before midnight */
	assert_int_equal(dmarc_seen_admit(s, 20001, 5, 10), DMARC_FULL);
	dmarc_seen_free(s);
	dmarc_seen_free(NULL);
}

static void large_rows_are_fewer(void **state)
{
	struct dmarc_seen *s = dmarc_seen_new(1000, 1000);

	(void)state;
	assert_non_null(s);
	assert_int_equal(dmarc_seen_admit(s, 1, 1, 1001), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 1, 2, 900), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, 3, 101), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 1, 4, 100), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, 2, 900), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, 5, 1), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 2, 5, 1000), DMARC_FIRST);
	dmarc_seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_so_many_rows_and_no_more),
		cmocka_unit_test(each_day_begins_anew),
		cmocka_unit_test(large_rows_are_fewer),
	};

	return cmocka_run_group_tests_name("dmarc_seen", tests, NULL, NULL);
}
