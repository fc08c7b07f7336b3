/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugins/dmarc/dmarc_seen.h"

static void a_day_has_so_many_rows_and_no_more(void **state)
{
	struct dmarc_seen *s = dmarc_seen_new(1000);

	(void)state;
	assert_non_null(s);
	assert_int_equal(dmarc_seen_admit(s, 1, 0), DMARC_FIRST);
	for (uint64_t i = 1; i < 1000; i++) /* all of them want the same place */
		assert_int_equal(dmarc_seen_admit(s, 1, i << 32), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, 7), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 1, 0), DMARC_ADMITTED);
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(dmarc_seen_admit(s, 1, i << 32), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 1, UINT64_MAX), DMARC_FULL);
	dmarc_seen_free(s);
}

static void each_day_begins_anew(void **state)
{
	struct dmarc_seen *s = dmarc_seen_new(2);

	(void)state;
	assert_non_null(s);
	assert_int_equal(dmarc_seen_admit(s, 20000, 1), DMARC_FIRST);
	assert_int_equal(dmarc_seen_admit(s, 20000, 2), DMARC_ADMITTED);
	assert_int_equal(dmarc_seen_admit(s, 20000, 3), DMARC_FULL);
	assert_int_equal(dmarc_seen_admit(s, 20001, 3), DMARC_FIRST);
	assert_int_equal(dmarc_seen_admit(s, 20000, 4), DMARC_ADMITTED); /* it began before midnight */
	assert_int_equal(dmarc_seen_admit(s, 20001, 5), DMARC_FULL);
	dmarc_seen_free(s);
	dmarc_seen_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_so_many_rows_and_no_more),
		cmocka_unit_test(each_day_begins_anew),
	};

	return cmocka_run_group_tests_name("dmarc_seen", tests, NULL, NULL);
}
