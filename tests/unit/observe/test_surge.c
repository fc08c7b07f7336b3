/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "filter/observe/surge.h"

static uint64_t count;
static double average;

/* So many matches within this window; how many of them were unusual. */
static unsigned match(struct surge *s, const char *rule, int64_t window, unsigned times)
{
	unsigned unusual = 0;

	for (unsigned i = 0; i < times; i++)
		unusual += surge_count(s, rule, window * SURGE_WINDOW_MS + i, &count, &average);
	return unusual;
}

static void what_is_as_ever_is_not_unusual(void **state)
{
	struct surge *s = surge_new();

	(void)state;
	for (int64_t w = 100; w < 200; w++)
		assert_int_equal(match(s, "steady", w, 400), 0);
	assert_int_equal(match(s, "steady", 200, 3000), 0);
	surge_free(s);
}

static void ten_times_as_often_is_said_once(void **state)
{
	struct surge *s = surge_new();

	(void)state;
	for (int64_t w = 100; w < 112; w++)
		assert_int_equal(match(s, "r", w, 20), 0);
	assert_int_equal(match(s, "other", 112, 1000), 0); /* nobody knows it yet */
	assert_int_equal(match(s, "r", 112, 199), 0);
	assert_int_equal(match(s, "r", 112, 1000), 1);
	assert_true(average > 19.9 && average < 20.1);
	assert_int_equal(match(s, "r", 113, 1000), 1); /* it goes on: one window does not make it usual */
	surge_free(s);
}

static void it_becomes_usual_in_time(void **state)
{
	struct surge *s = surge_new();
	unsigned told = 0;

	(void)state;
	for (int64_t w = 0; w < 20; w++)
		(void)match(s, "r", w, 10);
	for (int64_t w = 20; w < 60; w++)
		told += match(s, "r", w, 500);
	assert_true(told >= 1 && told <= 3);
	surge_free(s);
}

static void a_quiet_rule_has_to_match_often_all_the_same(void **state)
{
	struct surge *s = surge_new();

	(void)state;
	(void)match(s, "r", 0, 1);
	assert_int_equal(match(s, "r", SURGE_WINDOWS, SURGE_LEAST - 1), 0);
	assert_int_equal(match(s, "r", SURGE_WINDOWS, 1), 1);
	assert_int_equal(count, SURGE_LEAST);
	surge_free(s);
}

static void its_first_hour_is_not_judged(void **state)
{
	struct surge *s = surge_new();

	(void)state;
	(void)match(s, "r", 0, 1);
	assert_int_equal(match(s, "r", SURGE_WINDOWS - 1, 100000), 0);
	surge_free(s);
}

static void time_with_nothing_counts(void **state)
{
	struct surge *s = surge_new();

	(void)state;
	for (int64_t w = 0; w < 20; w++)
		(void)match(s, "r", w, 100);
	(void)match(s, "r", 1000, 1);
	assert_true(average < 0.001);
	surge_free(s);
}

static void there_is_a_limit_of_rules(void **state)
{
	struct surge *s = surge_new();
	char name[20];

	(void)state;
	for (unsigned i = 0; i < SURGE_RULES_MAX + 10; i++) {
		(void)snprintf(name, sizeof name, "rule-%u", i);
		assert_int_equal(match(s, name, 0, 1), 0);
	}
	surge_free(s);
	surge_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_as_ever_is_not_unusual),
		cmocka_unit_test(ten_times_as_often_is_said_once),
		cmocka_unit_test(it_becomes_usual_in_time),
		cmocka_unit_test(a_quiet_rule_has_to_match_often_all_the_same),
		cmocka_unit_test(its_first_hour_is_not_judged),
		cmocka_unit_test(time_with_nothing_counts),
		cmocka_unit_test(there_is_a_limit_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
