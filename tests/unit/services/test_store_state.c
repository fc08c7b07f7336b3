/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/services/store_state.h"

#define SECOND_US INT64_C(1000000)
#define START_US  (INT64_C(1700000000) * SECOND_US)

static struct store_state entry;

static struct sluice_store_answer apply(const struct sluice_store_op *op, int64_t now_us)
{
	struct sluice_store_answer a;
	bool changed;

	store_state_apply(op, now_us, &entry, &a, &changed);
	return a;
}

static void a_clock_that_goes_back_locks_nobody_out(void **state)
{
	const struct sluice_store_op rate = { .verb = SLUICE_STORE_RATE, .rate = { SECOND_US, 5, 1, false } };
	const struct sluice_store_op greylist = { .verb = SLUICE_STORE_GREYLIST, .greylist = { 60000, 3600000, 86400000 } };
	const struct sluice_store_op count = { .verb = SLUICE_STORE_COUNT, .count = { 1000, 3 } };
	struct sluice_store_answer a;

	(void)state;
	memset(&entry, 0, sizeof entry);
	for (int i = 0; i < 5; i++)
		assert_true(apply(&rate, START_US).allowed);
	a = apply(&rate, START_US - 3600 * SECOND_US);
	assert_false(a.allowed);
	assert_true(a.wait_ms <= 1000);
	assert_true(apply(&rate, START_US - 3599 * SECOND_US).allowed); /* not an hour of seconds, each of which begins anew */

	memset(&entry, 0, sizeof entry);
	assert_int_equal(apply(&count, START_US).number, 3);
	assert_int_equal(apply(&count, START_US - 3600 * SECOND_US).number, 6);
	assert_int_equal(apply(&count, START_US - 3590 * SECOND_US).number, 3); /* of another window */

	memset(&entry, 0, sizeof entry);
	assert_int_equal(apply(&greylist, START_US).greylist, SLUICE_STORE_GREYLIST_NEW);
	a = apply(&greylist, START_US - 3600 * SECOND_US);
	assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_EARLY);
	assert_true(a.wait_ms <= 60000);
	assert_int_equal(apply(&greylist, START_US - 3530 * SECOND_US).greylist, SLUICE_STORE_GREYLIST_PASS);
}

static void octets_that_are_no_entry_count_as_none(void **state)
{
	const struct sluice_store_op ops[] = {
		{ .verb = SLUICE_STORE_GREYLIST, .greylist = { 1000, 60000, 60000 } },
		{ .verb = SLUICE_STORE_RATE, .rate = { SECOND_US, 1, 1, false } },
		{ .verb = SLUICE_STORE_COUNT, .count = { 3600000, 1 } },
		{ .verb = SLUICE_STORE_SET, .set = { 3600000, "m", 1 } },
		{ .verb = SLUICE_STORE_GET },
		{ .verb = SLUICE_STORE_TALLY, .tally = { .add = { 1, 0 }, .lifetime_ms = 1000 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		struct sluice_store_answer a;

		memset(&entry, 0xff, sizeof entry);
		entry.len = 17;
		entry.expires_ms = INT64_MAX;
		a = apply(&ops[i], START_US);
		assert_int_equal(a.status, ops[i].verb == SLUICE_STORE_GET ? SLUICE_STORE_ABSENT : SLUICE_STORE_OK);
		assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_NEW);
		if (ops[i].verb == SLUICE_STORE_RATE)
			assert_true(a.allowed);
		if (ops[i].verb == SLUICE_STORE_COUNT || ops[i].verb == SLUICE_STORE_SET)
			assert_int_equal(a.number, 1);
		if (ops[i].verb == SLUICE_STORE_TALLY)
			assert_memory_equal(a.value, (&(struct sluice_store_tally){ { 1, 0 } }), sizeof(struct sluice_store_tally));
	}
}

static void units_come_back_one_by_one(void **state)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_RATE, .rate = { SECOND_US, 3, 1, false } };

	(void)state;
	memset(&entry, 0, sizeof entry);
	for (int i = 0; i < 3; i++)
		assert_true(apply(&op, START_US).allowed);
	assert_int_equal(apply(&op, START_US).wait_ms, 1000);
	assert_int_equal(apply(&op, START_US + SECOND_US - 1000).wait_ms, 1);
	assert_true(apply(&op, START_US + SECOND_US).allowed);
	assert_false(apply(&op, START_US + SECOND_US).allowed);
	assert_int_equal(apply(&op, START_US + 10 * SECOND_US).number, 2);
}

static void counts_know_the_window_before(void **state)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_COUNT, .count = { 1000, 1 } };
	struct sluice_store_answer a;

	(void)state;
	memset(&entry, 0, sizeof entry);
	(void)apply(&op, START_US);
	(void)apply(&op, START_US);
	a = apply(&op, START_US + SECOND_US);
	assert_int_equal(a.number, 1);
	assert_int_equal(a.before, 2);
	a = apply(&op, START_US + 3 * SECOND_US - 1);
	assert_int_equal(a.number, 1);
	assert_int_equal(a.before, 1);
	a = apply(&op, START_US + 60 * SECOND_US);
	assert_int_equal(a.before, 0);
}

/* The index of what expires is written for each change of it. */
static void the_time_of_an_item_moves_when_an_eighth_of_it_is_gone(void **state)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_TALLY, .tally = { .add = { 1, 0 }, .lifetime_ms = 8000 } };

	(void)state;
	memset(&entry, 0, sizeof entry);
	(void)apply(&op, START_US);
	assert_int_equal(entry.expires_ms, START_US / 1000 + 8000);
	(void)apply(&op, START_US + SECOND_US);
	assert_int_equal(entry.expires_ms, START_US / 1000 + 8000);
	(void)apply(&op, START_US + SECOND_US + 1000);
	assert_int_equal(entry.expires_ms, START_US / 1000 + 9001);
	(void)apply(&op, START_US - 3600 * SECOND_US); /* the clock has gone back */
	assert_int_equal(entry.expires_ms, START_US / 1000 - 3600000 + 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_goes_back_locks_nobody_out),
		cmocka_unit_test(octets_that_are_no_entry_count_as_none),
		cmocka_unit_test(units_come_back_one_by_one),
		cmocka_unit_test(counts_know_the_window_before),
		cmocka_unit_test(the_time_of_an_item_moves_when_an_eighth_of_it_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
