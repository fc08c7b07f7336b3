/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/observe/guard.h"

#define MINUTE 60000

static char why[200];

/* Minutes with so many cases and refusals each, and what they add up to. */
static struct guard_counts past(struct guard *g, const int64_t (*minutes)[2], size_t count)
{
	struct guard_counts now = { 0 };

	guard_note(g, &now, 1);
	for (size_t i = 0; i < count; i++) {
		now.cases += minutes[i][0];
		now.refused += minutes[i][1];
		guard_note(g, &now, 1 + (int64_t)(i + 1) * MINUTE);
	}
	return now;
}

static void what_leaves_the_band_goes_back(void **state)
{
	static const int64_t minutes[][2] = { { 100, 20 }, { 50, 15 }, { 10, 10 }, { 200, 50 } }; /* 20%, 30%; too few to count; 25% */
	static const struct { int64_t cases, refused; enum guard_state want; } rows[] = {
		{ 19, 19, GUARD_WATCHING }, /* too few to say */
		{ 20, 5, GUARD_WATCHING },
		{ 100, 40, GUARD_WATCHING },    /* 30% and the margin */
		{ 100, 41, GUARD_ROLLED_BACK },
		{ 1000, 100, GUARD_WATCHING },
		{ 1000, 99, GUARD_ROLLED_BACK }, /* it refuses too little, too */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct guard g = { .count = 0 };
		struct guard_counts now = past(&g, minutes, ARRAY_LEN(minutes));

		assert_true(guard_begin(&g, &now, 5 * MINUTE, 2 * MINUTE));
		now.cases += rows[i].cases;
		now.refused += rows[i].refused;
		if (guard_look(&g, &now, 5 * MINUTE + 1, why) != rows[i].want)
			fail_msg("%lld of %lld: %s", (long long)rows[i].refused, (long long)rows[i].cases, guard_words[g.state]);
	}
	assert_string_equal(why, "99 of 1000 cases were refused, which is 9%; before it was between 10% and 40%");
}

static void what_stays_in_it_is_kept_when_time_is_up(void **state)
{
	static const int64_t minutes[][2] = { { 100, 20 } };
	struct guard g = { .count = 0 };
	struct guard_counts now = past(&g, minutes, 1);

	(void)state;
	assert_true(guard_begin(&g, &now, 2 * MINUTE, MINUTE));
	assert_int_equal(guard_look(&g, &now, 3 * MINUTE - 1, why), GUARD_WATCHING);
	assert_int_equal(guard_look(&g, &now, 3 * MINUTE, why), GUARD_KEPT);
	now.faults = 5;
	assert_int_equal(guard_look(&g, &now, 3 * MINUTE + 1, why), GUARD_KEPT);
	guard_end(&g);
	assert_int_equal(guard_look(&g, &now, 3 * MINUTE + 2, why), GUARD_IDLE);
}

static void a_fault_where_there_was_none_goes_back(void **state)
{
	static const int64_t minutes[][2] = { { 100, 20 } };
	struct guard g = { .count = 0 };
	struct guard_counts now = past(&g, minutes, 1);

	(void)state;
	assert_true(guard_begin(&g, &now, 2 * MINUTE, MINUTE));
	now.faults++;
	assert_int_equal(guard_look(&g, &now, 2 * MINUTE + 1, why), GUARD_ROLLED_BACK);
	assert_string_equal(why, "1 faults, and none before");
	now.cases += 10;
	guard_note(&g, &now, 10 * MINUTE); /* from now on faults are nothing new */
	assert_true(guard_begin(&g, &now, 11 * MINUTE, MINUTE));
	now.faults++;
	assert_int_equal(guard_look(&g, &now, 11 * MINUTE + 1, why), GUARD_WATCHING);
}

static void without_a_past_there_is_no_guard(void **state)
{
	static const int64_t few[][2] = { { 5, 0 }, { 5, 0 }, { 5, 0 } };
	struct guard g = { .count = 0 };
	struct guard_counts now = past(&g, few, ARRAY_LEN(few));

	(void)state;
	assert_false(guard_begin(&g, &now, 4 * MINUTE, MINUTE));
	now.cases += 5; /* 20 in all, though never in a minute */
	assert_true(guard_begin(&g, &now, 4 * MINUTE, MINUTE));
}

static void only_the_last_hour_counts(void **state)
{
	int64_t minutes[GUARD_MINUTES + 1][2];
	struct guard g = { .count = 0 };
	struct guard_counts now;

	(void)state;
	minutes[0][0] = 100;
	minutes[0][1] = 90;
	for (size_t i = 1; i < ARRAY_LEN(minutes); i++) {
		minutes[i][0] = 100;
		minutes[i][1] = 10;
	}
	now = past(&g, minutes, ARRAY_LEN(minutes));
	assert_true(guard_begin(&g, &now, 100 * MINUTE, MINUTE));
	assert_int_equal(g.low, 0);
	assert_int_equal(g.high, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leaves_the_band_goes_back),
		cmocka_unit_test(what_stays_in_it_is_kept_when_time_is_up),
		cmocka_unit_test(a_fault_where_there_was_none_goes_back),
		cmocka_unit_test(without_a_past_there_is_no_guard),
		cmocka_unit_test(only_the_last_hour_counts),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
