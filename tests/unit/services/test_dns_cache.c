/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter/services/dns_cache.h"

static struct dns_question question(const char *name)
{
	return (struct dns_question){ name, SLUICE_DNS_A };
}

static void put(struct dns_cache *c, const char *name, enum sluice_dns_status status, uint32_t ttl_s, int64_t now_ms)
{
	struct dns_question q = question(name);
	struct dns_answer *a = dns_answer_empty(status, ttl_s);

	dns_cache_put(c, &q, a, now_ms);
	dns_answer_unref(a);
}

/* The age of what is kept, or -1. */
static int64_t age(struct dns_cache *c, const char *name, int64_t now_ms)
{
	struct dns_question q = question(name);
	uint32_t age_s = 0;
	struct dns_answer *a = dns_cache_get(c, &q, now_ms, &age_s);

	dns_answer_unref(a);
	return a ? (int64_t)age_s : -1;
}

static const struct {
	const char *row;
	enum sluice_dns_status status;
	uint32_t ttl_s;
	int64_t later_ms, want;
} cases[] = {
	{ "alive", SLUICE_DNS_NODATA, 10, 9999, 9 },
	{ "over", SLUICE_DNS_NODATA, 10, 10000, -1 },
	{ "a name that is not", SLUICE_DNS_NXDOMAIN, 10, 5000, 5 },
	{ "a failure with a TTL", SLUICE_DNS_FAILED, 5, 1000, 1 },
	{ "a failure without", SLUICE_DNS_FAILED, 0, 0, -1 },
	{ "TTL 0", SLUICE_DNS_NODATA, 0, 0, -1 },
	{ "a timeout", SLUICE_DNS_TIMEOUT, 10, 0, -1 },
	{ "a week is cut to a day", SLUICE_DNS_NODATA, 604800, 86400000, -1 },
};

static void keeps_for_the_ttl(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_cache *c = dns_cache_new(1 << 20);
		int64_t got;

		put(c, "example.org", cases[i].status, cases[i].ttl_s, 1000);
		got = age(c, "example.org", 1000 + cases[i].later_ms);
		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].row, (int)got, (int)cases[i].want);
		dns_cache_free(c);
	}
}

static void a_type_is_part_of_the_question(void **state)
{
	struct dns_cache *c = dns_cache_new(1 << 20);
	struct dns_question q = question("example.org");
	uint32_t age_s;

	(void)state;
	put(c, "example.org", SLUICE_DNS_NODATA, 10, 0);
	q.type = SLUICE_DNS_TXT;
	assert_null(dns_cache_get(c, &q, 0, &age_s));
	assert_int_equal(dns_cache_stats(c).misses, 1);
	dns_cache_free(c);
}

static void a_new_answer_takes_the_old_ones_place(void **state)
{
	struct dns_cache *c = dns_cache_new(1 << 20);

	(void)state;
	put(c, "example.org", SLUICE_DNS_NODATA, 10, 0);
	put(c, "example.org", SLUICE_DNS_NODATA, 10, 8000);
	assert_int_equal(age(c, "example.org", 12000), 4);
	assert_int_equal(dns_cache_stats(c).entries, 1);
	dns_cache_free(c);
}

static void is_bounded_and_keeps_what_is_used(void **state)
{
	struct dns_cache *c = dns_cache_new(256 * 1024);
	struct dns_cache_stats stats;

	(void)state;
	put(c, "used.example.org", SLUICE_DNS_NODATA, 1000, 0);
	for (unsigned i = 0; i < 20000; i++) {
		char name[64];

		snprintf(name, sizeof name, "n%u.example.org", i);
		put(c, name, SLUICE_DNS_NODATA, 1000, 0);
		assert_int_equal(age(c, "used.example.org", 0), 0);
	}
	stats = dns_cache_stats(c);
	assert_true(stats.size_bytes <= 256 * 1024);
	assert_true(stats.entries > 500);
	assert_int_equal(stats.entries + stats.evicted, 20001);
	assert_int_equal(age(c, "n0.example.org", 0), -1);
	dns_cache_free(c);
}

static void of_no_size_keeps_nothing(void **state)
{
	struct dns_cache *c = dns_cache_new(0);

	(void)state;
	put(c, "example.org", SLUICE_DNS_NODATA, 1000, 0);
	assert_int_equal(age(c, "example.org", 0), -1);
	dns_cache_free(c);
	dns_cache_free(NULL);
}

static void *use(void *arg)
{
	for (unsigned i = 0; i < 5000; i++) {
		char name[64];

		snprintf(name, sizeof name, "n%u.example.org", i % 700);
		put(arg, name, SLUICE_DNS_NODATA, 1 + i % 3, i);
		(void)age(arg, name, i + 500);
	}
	return NULL;
}

static void serves_several_threads(void **state)
{
	struct dns_cache *c = dns_cache_new(128 * 1024);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(dns_cache_stats(c).hits + dns_cache_stats(c).misses, 20000);
	dns_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_for_the_ttl),
		cmocka_unit_test(a_type_is_part_of_the_question),
		cmocka_unit_test(a_new_answer_takes_the_old_ones_place),
		cmocka_unit_test(is_bounded_and_keeps_what_is_used),
		cmocka_unit_test(of_no_size_keeps_nothing),
		cmocka_unit_test(serves_several_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
