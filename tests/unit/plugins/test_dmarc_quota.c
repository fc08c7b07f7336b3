/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugins/dmarc/dmarc_quota.h"

static void each_domain_has_its_own(void **state)
{
	struct dmarc_quota *q = dmarc_quota_new(2, 100);
	unsigned n = 9;

	(void)state;
	assert_true(dmarc_quota_take(q, 5, 1, &n));
	assert_int_equal(n, 0);
	assert_true(dmarc_quota_take(q, 5, 1, &n));
	assert_int_equal(n, 1);
	assert_false(dmarc_quota_take(q, 5, 1, &n));
	assert_true(dmarc_quota_take(q, 5, 2 * DMARC_QUOTA_DOMAINS + 1, &n)); /* of the same slot */
	assert_int_equal(n, 0);
	assert_true(dmarc_quota_take(q, 5, 0, &n));
	assert_false(dmarc_quota_take(q, 4, 1, &n)); /* what comes late */
	assert_true(dmarc_quota_take(q, 6, 1, &n));
	assert_int_equal(n, 0);
	dmarc_quota_free(q);
}

static void all_of_them_have_so_many(void **state)
{
	struct dmarc_quota *q = dmarc_quota_new(10, 3);
	unsigned n;

	(void)state;
	for (uint64_t i = 0; i < 3; i++)
		assert_true(dmarc_quota_take(q, 5, i, &n));
	assert_false(dmarc_quota_take(q, 5, 1, &n));
	assert_false(dmarc_quota_take(q, 5, 7, &n));
	assert_true(dmarc_quota_take(q, 6, 7, &n));
	dmarc_quota_free(q);
}

static void who_makes_up_domains_has_so_many(void **state)
{
	struct dmarc_quota *q = dmarc_quota_new(10, UINT32_MAX);
	unsigned n;

	(void)state;
	for (uint64_t i = 0; i < DMARC_QUOTA_DOMAINS; i++)
		assert_true(dmarc_quota_take(q, 5, i * 7919, &n));
	assert_false(dmarc_quota_take(q, 5, UINT64_MAX, &n));
	assert_true(dmarc_quota_take(q, 5, 7919, &n));
	dmarc_quota_free(q);
	dmarc_quota_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_domain_has_its_own),
		cmocka_unit_test(all_of_them_have_so_many),
		cmocka_unit_test(who_makes_up_domains_has_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
