/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contract.c - what services/store.h promises, run against each home:
 *
 *	contract lmdb FOLDER [OPERATIONS]
 *	contract redis SERVER [OPERATIONS]    contract sentinels|cluster "SERVER ..." [OPERATIONS [RUN]]
 *	contract write FOLDER                 writes numbers until it is killed, and says which were answered
 *	contract read FOLDER                  says how far the numbers reach
 *
 * OPERATIONS is how many the concurrent test runs, 20,000 unless told; a million is the soak. RUN is in each key. Times are real, as a Redis has
 * no other; what is waited for is bounded below, never above.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/cleanup.h"
#include "filter/services/clock.h"
#include "filter/services/reactor.h"
#include "filter/services/store_lmdb.h"
#include "filter/services/store_redis.h"

#define THREADS 8
#define HOUR_MS 3600000

static struct store *store;
static long operations = 20000;
static char run_id[32]; /* in each key: a Redis may keep those of another run */

/* ---- one at a time ---- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t here;
	bool done;
	struct sluice_store_answer answer;
	char value[256];
};

static void on_answer(void *arg, const struct sluice_store_answer *answer)
{
	struct wait *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	w->answer = *answer;
	if (answer->value && answer->value_len < sizeof w->value) {
		memcpy(w->value, answer->value, answer->value_len);
		w->answer.value = w->value;
	}
	w->done = true;
	(void)pthread_cond_signal(&w->here);
	(void)pthread_mutex_unlock(&w->lock);
}

static struct sluice_store_answer ask_once(struct wait *w, const struct sluice_store_op *op, uint64_t token)
{
	*w = (struct wait){ .lock = PTHREAD_MUTEX_INITIALIZER, .here = PTHREAD_COND_INITIALIZER };
	store_run_once(store, op, token, on_answer, w);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->done)
		(void)pthread_cond_wait(&w->here, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	return w->answer;
}

static struct sluice_store_answer ask(struct wait *w, const struct sluice_store_op *op)
{
	return ask_once(w, op, 0);
}

static struct sluice_store_op keyed(enum sluice_store_verb verb, char buf[STORE_KEY_MAX], const char *key)
{
	int len = snprintf(buf, STORE_KEY_MAX, "%s/%s", run_id, key);

	return (struct sluice_store_op){ .verb = verb, .key = buf, .key_len = (size_t)len };
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* ---- greylist ---- */

static struct sluice_store_answer touch(const char *key, int64_t delay, int64_t window, int64_t lifetime)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_GREYLIST, buf, key);
	struct wait w;

	op.greylist.delay_ms = delay;
	op.greylist.window_ms = window;
	op.greylist.lifetime_ms = lifetime;
	return ask(&w, &op);
}

static void a_retry_after_the_delay_passes_and_is_known_from_then_on(void **state)
{
	struct sluice_store_answer a = touch("retry", 200, HOUR_MS, HOUR_MS);

	(void)state;
	assert_int_equal(a.status, SLUICE_STORE_OK);
	assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_NEW);
	assert_int_equal(a.wait_ms, 200);
	a = touch("retry", HOUR_MS, HOUR_MS, HOUR_MS);
	assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_EARLY);
	assert_true(a.wait_ms > HOUR_MS - 60000 && a.wait_ms <= HOUR_MS);
	sleep_ms(210);
	a = touch("retry", 200, HOUR_MS, HOUR_MS);
	assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_PASS);
	assert_int_equal(a.number, 1);
	a = touch("retry", 200, HOUR_MS, HOUR_MS);
	assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_KNOWN);
	assert_int_equal(a.number, 2);
}

static void a_retry_after_the_window_is_a_first_try(void **state)
{
	(void)state;
	assert_int_equal(touch("late", 10, 50, HOUR_MS).greylist, SLUICE_STORE_GREYLIST_NEW);
	sleep_ms(80);
	assert_int_equal(touch("late", 10, 50, HOUR_MS).greylist, SLUICE_STORE_GREYLIST_NEW);
}

static void a_pass_is_forgotten_after_its_lifetime(void **state)
{
	(void)state;
	assert_int_equal(touch("old", 0, HOUR_MS, 50).greylist, SLUICE_STORE_GREYLIST_NEW);
	assert_int_equal(touch("old", 0, HOUR_MS, 50).greylist, SLUICE_STORE_GREYLIST_PASS);
	sleep_ms(80);
	assert_int_equal(touch("old", 0, HOUR_MS, 50).greylist, SLUICE_STORE_GREYLIST_NEW);
}

/* ---- rate ---- */

static struct sluice_store_answer take(const char *key, int64_t interval_us, int64_t burst, int64_t cost, bool count_blocked)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_RATE, buf, key);
	struct wait w;

	op.rate.interval_us = interval_us;
	op.rate.burst = burst;
	op.rate.cost = cost;
	op.rate.count_blocked = count_blocked;
	return ask(&w, &op);
}

#define SLOW_US 600000000 /* one unit in ten minutes: none comes back while a test runs */

static void a_burst_is_allowed_and_one_more_is_not(void **state)
{
	struct sluice_store_answer a;

	(void)state;
	for (int i = 0; i < 5; i++) {
		a = take("burst", SLOW_US, 5, 1, false);
		assert_true(a.status == SLUICE_STORE_OK && a.allowed);
		assert_int_equal(a.number, 4 - i);
	}
	a = take("burst", SLOW_US, 5, 1, false);
	assert_false(a.allowed);
	assert_int_equal(a.number, 0);
	assert_true(a.wait_ms > 0 && a.wait_ms <= SLOW_US / 1000);
}

static void units_come_back_with_time(void **state)
{
	(void)state;
	assert_true(take("refill", 100000, 1, 1, false).allowed);
	sleep_ms(110);
	assert_true(take("refill", 100000, 1, 1, false).allowed);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
	(void)state;
	assert_true(take("refund", SLOW_US, 3, 3, false).allowed);
	assert_false(take("refund", SLOW_US, 3, 1, false).allowed);
	assert_true(take("refund", SLOW_US, 3, -2, false).allowed);
	assert_true(take("refund", SLOW_US, 3, 2, false).allowed);
	assert_false(take("refund", SLOW_US, 3, 1, false).allowed);
	/* more than was taken makes no credit */
	assert_true(take("refund", SLOW_US, 3, -100, false).allowed);
	assert_int_equal(take("refund", SLOW_US, 3, 0, false).number, 3);
}

static void looking_takes_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(take("look", SLOW_US, 2, 0, false).number, 2);
}

static void tries_that_are_refused_count_where_that_is_asked(void **state)
{
	int64_t before;

	(void)state;
	assert_true(take("blocked", SLOW_US, 2, 2, true).allowed);
	before = take("blocked", SLOW_US, 2, 1, true).wait_ms;
	assert_true(take("blocked", SLOW_US, 2, 1, true).wait_ms > before);
	/* but no debt is larger than the burst */
	for (int i = 0; i < 10; i++)
		assert_true(take("blocked", SLOW_US, 2, 1, true).wait_ms <= 3 * (int64_t)SLOW_US / 1000);
}

static void more_than_the_burst_is_never_allowed(void **state)
{
	(void)state;
	assert_false(take("cost", SLOW_US, 2, 3, false).allowed);
	assert_true(take("cost", SLOW_US, 2, 2, false).allowed);
}

/* ---- counts and sets ---- */

static struct sluice_store_answer count(const char *key, int64_t window_ms, int64_t add)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_COUNT, buf, key);
	struct wait w;

	op.count.window_ms = window_ms;
	op.count.add = add;
	return ask(&w, &op);
}

#define LONG_MS INT64_C(100000000000) /* three years: no window ends while a test runs */

static void counts_add_up(void **state)
{
	(void)state;
	assert_int_equal(count("sum", LONG_MS, 0).number, 0);
	assert_int_equal(count("sum", LONG_MS, 2).number, 2);
	assert_int_equal(count("sum", LONG_MS, 40).number, 42);
	assert_int_equal(count("sum", LONG_MS, 0).number, 42);
}

static void a_count_begins_anew_with_its_window(void **state)
{
	struct sluice_store_answer a;
	int64_t seen;

	(void)state;
	seen = count("window", 200, 7).number;
	assert_int_equal(seen, 7);
	do { /* until the next window: at most 200 ms away */
		sleep_ms(5);
		a = count("window", 200, 0);
	} while (a.number == 7);
	assert_int_equal(a.number, 0);
	assert_true(a.before == 7 || a.before == 0); /* 0: this machine slept through a whole window */
}

static struct sluice_store_answer set_add(const char *key, int64_t window_ms, const char *member)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_SET, buf, key);
	struct wait w;

	op.set.window_ms = window_ms;
	op.set.member = member;
	op.set.member_len = strlen(member);
	return ask(&w, &op);
}

static void a_set_counts_each_member_once(void **state)
{
	(void)state;
	assert_int_equal(set_add("few", LONG_MS, "a").number, 1);
	assert_int_equal(set_add("few", LONG_MS, "b").number, 2);
	assert_int_equal(set_add("few", LONG_MS, "a").number, 2);
	assert_int_equal(set_add("few", LONG_MS, "").number, 3);
}

static void a_large_set_is_estimated_within_a_tenth(void **state)
{
	char member[32];
	int64_t got = 0;

	(void)state;
	for (int i = 1; i <= 5000; i++) {
		(void)snprintf(member, sizeof member, "user%d@example.org", i);
		got = set_add("many", LONG_MS, member).number;
		if (i == 20)
			assert_true(got >= 19 && got <= 21);
		if (i == 200)
			assert_true(got >= 180 && got <= 220);
	}
	if (got < 4500 || got > 5500)
		fail_msg("5000 members are estimated as %lld", (long long)got);
}

/* ---- values ---- */

static struct sluice_store_answer put(const char *key, const void *value, size_t len, int64_t lifetime_ms)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_PUT, buf, key);
	struct wait w;

	op.put.value = value;
	op.put.value_len = len;
	op.put.lifetime_ms = lifetime_ms;
	return ask(&w, &op);
}

static struct sluice_store_answer get(struct wait *w, const char *key)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_GET, buf, key);

	return ask(w, &op);
}

static struct sluice_store_answer delete(const char *key, enum sluice_store_verb of)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_DELETE, buf, key);
	struct wait w;

	op.entry.of = of;
	return ask(&w, &op);
}

static void a_value_is_kept_until_it_expires(void **state)
{
	struct wait w;

	(void)state;
	assert_int_equal(get(&w, "value").status, SLUICE_STORE_ABSENT);
	assert_int_equal(put("value", "a\0b", 3, HOUR_MS).status, SLUICE_STORE_OK);
	assert_int_equal(get(&w, "value").value_len, 3);
	assert_memory_equal(w.value, "a\0b", 3);
	assert_int_equal(put("value", "", 0, HOUR_MS).status, SLUICE_STORE_OK);
	assert_int_equal(get(&w, "value").status, SLUICE_STORE_OK);
	assert_int_equal(w.answer.value_len, 0);
	assert_int_equal(put("value", "short", 5, 50).status, SLUICE_STORE_OK);
	sleep_ms(80);
	assert_int_equal(get(&w, "value").status, SLUICE_STORE_ABSENT);
}

static void deleting_is_of_one_verb(void **state)
{
	struct wait w;

	(void)state;
	assert_int_equal(put("both", "x", 1, HOUR_MS).status, SLUICE_STORE_OK);
	assert_int_equal(count("both", LONG_MS, 5).number, 5);
	assert_int_equal(delete("both", SLUICE_STORE_GET).status, SLUICE_STORE_OK);
	assert_int_equal(delete("both", SLUICE_STORE_GET).status, SLUICE_STORE_ABSENT);
	assert_int_equal(get(&w, "both").status, SLUICE_STORE_ABSENT);
	assert_int_equal(count("both", LONG_MS, 0).number, 5);
	assert_int_equal(delete("both", SLUICE_STORE_COUNT).status, SLUICE_STORE_OK);
	assert_int_equal(count("both", LONG_MS, 0).number, 0);
}

static void any_octets_make_a_key(void **state)
{
	static const char a[] = "k\0}{\r\n\xff one", b[] = "k\0}{\r\n\xff two";
	struct sluice_store_op op = { .verb = SLUICE_STORE_COUNT, .key = a, .key_len = sizeof a, .count = { LONG_MS, 1 } };
	struct wait w;

	(void)state;
	(void)ask(&w, &op);
	op.key = b;
	(void)ask(&w, &op);
	op.count.add = 0;
	op.key = a;
	assert_true(ask(&w, &op).number >= 1);
	op.verb = SLUICE_STORE_DELETE;
	op.entry.of = SLUICE_STORE_COUNT;
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_OK);
	op.key = b;
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_OK);
}

/* ---- tallies ---- */

static struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX]; /* of the last answer */

static void on_tallies(void *arg, const struct sluice_store_answer *answer)
{
	if (answer->status == SLUICE_STORE_OK && answer->value_len <= sizeof tallies)
		memcpy(tallies, answer->value, answer->value_len);
	on_answer(arg, answer);
}

static struct sluice_store_answer tally(const char *book, const uint64_t *items, size_t count, int32_t first, int32_t second, int64_t lifetime_ms)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_TALLY, buf, book);
	struct wait w = { .lock = PTHREAD_MUTEX_INITIALIZER, .here = PTHREAD_COND_INITIALIZER };

	op.tally.items = items;
	op.tally.count = count;
	op.tally.add[0] = first;
	op.tally.add[1] = second;
	op.tally.lifetime_ms = lifetime_ms;
	memset(tallies, 0xee, sizeof tallies);
	store_run(store, &op, on_tallies, &w);
	(void)pthread_mutex_lock(&w.lock);
	while (!w.done)
		(void)pthread_cond_wait(&w.here, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	return w.answer;
}

static void assert_tally(size_t i, uint32_t first, uint32_t second)
{
	assert_int_equal(tallies[i].counts[0], first);
	assert_int_equal(tallies[i].counts[1], second);
}

static void items_are_counted_each_for_itself(void **state)
{
	static const uint64_t items[] = { 0, 1, UINT64_C(0x7d7b3a0a0d000000), UINT64_MAX };

	(void)state;
	assert_int_equal(tally("book", items, 4, 0, 0, HOUR_MS).status, SLUICE_STORE_OK);
	assert_tally(0, 0, 0);
	assert_tally(3, 0, 0);
	assert_int_equal(tally("book", items, 3, 1, 0, HOUR_MS).value_len, 3 * sizeof *tallies);
	assert_tally(2, 1, 0);
	(void)tally("book", items + 1, 3, 2, 3, HOUR_MS);
	assert_tally(0, 3, 3);
	assert_tally(2, 2, 3);
	(void)tally("book", items, 4, 0, 0, HOUR_MS);
	assert_tally(0, 1, 0);
	assert_tally(1, 3, 3);
	assert_tally(3, 2, 3);
	(void)tally("boo", items, 4, 0, 0, HOUR_MS);
	assert_tally(1, 0, 0);
	assert_int_equal(tally("book", NULL, 0, 1, 1, HOUR_MS).value_len, 0);
}

static void a_tally_goes_neither_below_nothing_nor_above_what_fits(void **state)
{
	static const uint64_t item = 7;

	(void)state;
	(void)tally("bounds", &item, 1, 2, 1, HOUR_MS);
	(void)tally("bounds", &item, 1, -5, 0, HOUR_MS);
	assert_tally(0, 0, 1);
	(void)tally("bounds", &item, 1, 0, -1, HOUR_MS);
	assert_tally(0, 0, 0);
	for (int i = 0; i < 3; i++)
		(void)tally("bounds", &item, 1, INT32_MAX, 1, HOUR_MS);
	assert_tally(0, UINT32_MAX, 3);
	(void)tally("bounds", &item, 1, INT32_MIN, INT32_MIN, HOUR_MS);
	assert_tally(0, UINT32_MAX - (UINT32_C(1) << 31), 0);
}

static void an_item_that_nothing_is_added_to_is_forgotten(void **state)
{
	static const uint64_t items[] = { 1, 2 };

	(void)state;
	(void)tally("short", items, 2, 1, 1, 400);
	sleep_ms(200);
	(void)tally("short", items, 1, 1, 0, HOUR_MS);
	assert_tally(0, 2, 1);
	sleep_ms(220);
	(void)tally("short", items, 2, 0, 0, 400);
	assert_tally(0, 2, 1);
	assert_tally(1, 0, 0);
}

static void as_many_items_as_fit_are_counted_at_once(void **state)
{
	static uint64_t items[SLUICE_STORE_TALLY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		items[i] = i * UINT64_C(0x9e3779b97f4a7c15);
	for (int i = 0; i < 2; i++)
		assert_int_equal(tally("many", items, SLUICE_STORE_TALLY_MAX, 1, i, HOUR_MS).status, SLUICE_STORE_OK);
	for (size_t i = 0; i < SLUICE_STORE_TALLY_MAX; i++)
		assert_tally(i, 2, 1);
	assert_int_equal(tally("many", items, SLUICE_STORE_TALLY_MAX + 1, 1, 1, HOUR_MS).status, SLUICE_STORE_FAILED);
}

static void what_is_too_long_fails(void **state)
{
	static char key[STORE_KEY_MAX + 1], value[STORE_VALUE_MAX + 1];
	struct sluice_store_op op = { .verb = SLUICE_STORE_GET, .key = key, .key_len = sizeof key };
	struct wait w;

	(void)state;
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_FAILED);
	op.key_len = STORE_KEY_MAX;
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_ABSENT);
	assert_int_equal(put("large", value, sizeof value, HOUR_MS).status, SLUICE_STORE_FAILED);
	assert_int_equal(put("large", value, STORE_VALUE_MAX, HOUR_MS).status, SLUICE_STORE_OK);
	op = (struct sluice_store_op){ .verb = SLUICE_STORE_TALLY, .key = key, .key_len = STORE_KEY_MAX - STORE_ITEM_BYTES + 1 };
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_FAILED);
	op.key_len--;
	assert_int_equal(ask(&w, &op).status, SLUICE_STORE_OK);
}

static void a_look_at_the_greylist_notes_nothing(void **state)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_GREYLIST, buf, "looked");
	struct wait w;

	(void)state;
	op.greylist.delay_ms = HOUR_MS;
	op.greylist.window_ms = op.greylist.lifetime_ms = 2 * HOUR_MS;
	op.greylist.look = true;
	for (int i = 0; i < 2; i++)
		assert_int_equal(ask(&w, &op).greylist, SLUICE_STORE_GREYLIST_NEW);
	assert_int_equal(touch("looked", HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS).greylist, SLUICE_STORE_GREYLIST_NEW);
	assert_int_equal(ask(&w, &op).greylist, SLUICE_STORE_GREYLIST_EARLY);
	op.greylist.delay_ms = 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(ask(&w, &op).greylist, SLUICE_STORE_GREYLIST_PASS);
	assert_int_equal(touch("looked", 0, 2 * HOUR_MS, 2 * HOUR_MS).greylist, SLUICE_STORE_GREYLIST_PASS);
	for (int i = 0; i < 2; i++) {
		struct sluice_store_answer a = ask(&w, &op);

		assert_int_equal(a.greylist, SLUICE_STORE_GREYLIST_KNOWN);
		assert_int_equal(a.number, 1);
	}
}

struct listed {
	size_t count;
	bool wrong;
	char prefix[64];
};

static void on_row(void *arg, const struct store_row *row)
{
	struct listed *listed = arg;

	listed->count++;
	listed->wrong |= row->key_len <= strlen(listed->prefix) || memcmp(row->key, listed->prefix, strlen(listed->prefix)) != 0 ||
			 row->expires_ms <= 0 || row->expires_ms > 2 * LONG_MS;
}

static size_t list(enum sluice_store_verb verb, const char *prefix, size_t limit)
{
	struct listed listed = { 0 };

	(void)snprintf(listed.prefix, sizeof listed.prefix, "%s/%s", run_id, prefix);
	assert_int_equal(store_each(store, verb, listed.prefix, limit, 60000, on_row, &listed), 0);
	assert_false(listed.wrong);
	return listed.count;
}

static void entries_are_listed_by_verb_and_prefix(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof name, "list[*]?\\^-%d", i);
		assert_int_equal(count(name, LONG_MS, 1).number, 1);
	}
	assert_int_equal(count("list[x]y", LONG_MS, 1).number, 1);
	assert_int_equal(put("list[*]?\\^-value", "x", 1, HOUR_MS).status, SLUICE_STORE_OK);
	assert_int_equal(list(SLUICE_STORE_COUNT, "list[*]?\\^-", 1000), 30);
	assert_int_equal(list(SLUICE_STORE_COUNT, "list[*]?\\^-", 7), 7);
	assert_int_equal(list(SLUICE_STORE_COUNT, "list", 1000), 31);
	assert_int_equal(list(SLUICE_STORE_GET, "list", 1000), 1);
	assert_int_equal(list(SLUICE_STORE_COUNT, "none", 1000), 0);
	assert_int_equal(delete("list[x]y", SLUICE_STORE_COUNT).status, SLUICE_STORE_OK);
	assert_int_equal(list(SLUICE_STORE_COUNT, "list", 1000), 30);
}

static void a_call_waits_for_the_answer(void **state)
{
	char buf[STORE_KEY_MAX];
	struct sluice_store_op op = keyed(SLUICE_STORE_COUNT, buf, "called");

	(void)state;
	op.count.window_ms = LONG_MS;
	op.count.add = 3;
	assert_int_equal(store_call(store, &op, 60000, NULL).number, 3);
	assert_int_equal(store_call(store, &op, 60000, NULL).number, 6);
	for (int i = 0; i < 100; i++)
		(void)store_call(store, &op, -1, NULL); /* nobody waits for most of these answers: they are to harm nothing */
	assert_int_equal(store_call(store, &op, 60000, NULL).number, 309);
}

/* Only a Redis has tokens: elsewhere no answer is lost. */
static void what_has_a_token_is_done_once(void **state)
{
	const bool all = store->home->run_once == NULL;
	char taken[STORE_KEY_MAX], counted[STORE_KEY_MAX];
	struct sluice_store_op rate = keyed(SLUICE_STORE_RATE, taken, "once/key"), add = keyed(SLUICE_STORE_COUNT, counted, "once/key");
	struct wait w;

	(void)state;
	rate.rate.interval_us = SLOW_US;
	rate.rate.burst = 10;
	rate.rate.cost = 3;
	assert_int_equal(ask_once(&w, &rate, UINT64_MAX).number, 7);
	assert_int_equal(ask_once(&w, &rate, UINT64_MAX).number, all ? 4 : 7);
	assert_true(w.answer.status == SLUICE_STORE_OK && w.answer.allowed);
	assert_int_equal(ask_once(&w, &rate, 2).number, all ? 1 : 4);
	rate.rate.cost = 1;
	assert_int_equal(ask(&w, &rate).number, all ? 0 : 3);
	assert_int_equal(ask_once(&w, &rate, 2).number, all ? 0 : 3); /* the other operation has not made it forget */
	add.count.window_ms = LONG_MS;
	add.count.add = 3;
	assert_int_equal(ask_once(&w, &add, 1).number, 3);
	assert_int_equal(ask_once(&w, &add, 1).number, all ? 6 : 3);
	assert_int_equal(ask_once(&w, &add, 2).number, all ? 9 : 6);
	assert_int_equal(ask(&w, &add).number, all ? 12 : 9);
	assert_int_equal(ask_once(&w, &add, 1).number, all ? 15 : 9);
	for (uint64_t token = 3; token < 18; token++) /* sixteen are kept */
		(void)ask_once(&w, &add, token);
	assert_int_equal(ask_once(&w, &add, 2).number, all ? 63 : 54);
	assert_int_equal(ask_once(&w, &add, 1).number, all ? 66 : 57);
	assert_int_equal(list(SLUICE_STORE_RATE, "once/", 10), 1);
	assert_int_equal(list(SLUICE_STORE_COUNT, "once/", 10), 1);
}

/* ---- many at once ---- */

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t quiet;
	long under_way, allowed, failed;
};

static void on_crowd(void *arg, const struct sluice_store_answer *answer)
{
	struct crowd *c = arg;

	(void)pthread_mutex_lock(&c->lock);
	c->allowed += answer->status == SLUICE_STORE_OK && answer->allowed;
	c->failed += answer->status == SLUICE_STORE_FAILED;
	if (--c->under_way < 2000)
		(void)pthread_cond_broadcast(&c->quiet);
	(void)pthread_mutex_unlock(&c->lock);
}

static void *crowd_thread(void *arg)
{
	struct crowd *c = arg;
	char shared[STORE_KEY_MAX], own[STORE_KEY_MAX], name[64];
	struct sluice_store_op rate = keyed(SLUICE_STORE_RATE, shared, "crowd"), counter;

	(void)snprintf(name, sizeof name, "crowd/%lx", (unsigned long)pthread_self());
	counter = keyed(SLUICE_STORE_COUNT, own, name);
	rate.rate.interval_us = INT64_C(3600000000);
	rate.rate.burst = 1000;
	rate.rate.cost = 1;
	counter.count.window_ms = LONG_MS;
	counter.count.add = 1;
	for (long i = 0; i < operations / THREADS; i++) {
		(void)pthread_mutex_lock(&c->lock);
		while (c->under_way >= 4000)
			(void)pthread_cond_wait(&c->quiet, &c->lock);
		c->under_way++;
		(void)pthread_mutex_unlock(&c->lock);
		store_run(store, i % 2 ? &counter : &rate, on_crowd, c);
	}
	return NULL;
}

static void many_threads_take_exactly_what_there_is(void **state)
{
	struct crowd c = { .lock = PTHREAD_MUTEX_INITIALIZER, .quiet = PTHREAD_COND_INITIALIZER };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_thread, &c), 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_lock(&c.lock);
	while (c.under_way > 0)
		(void)pthread_cond_wait(&c.quiet, &c.lock);
	(void)pthread_mutex_unlock(&c.lock);
	assert_int_equal(c.failed, 0);
	assert_int_equal(c.allowed, 1000); /* an hour a unit: none came back */
}

/* ---- the program ---- */

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_retry_after_the_delay_passes_and_is_known_from_then_on),
	cmocka_unit_test(a_retry_after_the_window_is_a_first_try),
	cmocka_unit_test(a_pass_is_forgotten_after_its_lifetime),
	cmocka_unit_test(a_burst_is_allowed_and_one_more_is_not),
	cmocka_unit_test(units_come_back_with_time),
	cmocka_unit_test(what_is_given_back_can_be_taken_again),
	cmocka_unit_test(looking_takes_nothing),
	cmocka_unit_test(tries_that_are_refused_count_where_that_is_asked),
	cmocka_unit_test(more_than_the_burst_is_never_allowed),
	cmocka_unit_test(counts_add_up),
	cmocka_unit_test(a_count_begins_anew_with_its_window),
	cmocka_unit_test(a_set_counts_each_member_once),
	cmocka_unit_test(a_large_set_is_estimated_within_a_tenth),
	cmocka_unit_test(a_value_is_kept_until_it_expires),
	cmocka_unit_test(deleting_is_of_one_verb),
	cmocka_unit_test(any_octets_make_a_key),
	cmocka_unit_test(items_are_counted_each_for_itself),
	cmocka_unit_test(a_tally_goes_neither_below_nothing_nor_above_what_fits),
	cmocka_unit_test(an_item_that_nothing_is_added_to_is_forgotten),
	cmocka_unit_test(as_many_items_as_fit_are_counted_at_once),
	cmocka_unit_test(what_is_too_long_fails),
	cmocka_unit_test(a_look_at_the_greylist_notes_nothing),
	cmocka_unit_test(entries_are_listed_by_verb_and_prefix),
	cmocka_unit_test(a_call_waits_for_the_answer),
	cmocka_unit_test(what_has_a_token_is_done_once),
	cmocka_unit_test(many_threads_take_exactly_what_there_is),
};

static struct store *open_lmdb(const char *folder)
{
	struct store_lmdb_settings settings = { .path = folder, .max_bytes = 256u << 20 };
	struct err err;
	struct store *s = store_lmdb_open(&settings, &err);

	if (!s)
		fprintf(stderr, "%s\n", err.text);
	return s;
}

#define SERVERS_MAX 16

static struct store *open_redis(enum redis_kind kind, char *servers, struct reactor *reactor)
{
	const char *names[SERVERS_MAX];
	struct store_redis_settings settings = { .reactor = reactor, .kind = kind, .servers = names, .prefix = "contract", .master = "mymaster", .user = "",
		.password = "", .timeout_ms = 60000 };
	struct err err;
	struct store *s;
	struct wait w;
	char *rest;

	for (char *name = strtok_r(servers, " ", &rest); name && settings.server_count < SERVERS_MAX; name = strtok_r(NULL, " ", &rest))
		names[settings.server_count++] = name;
	s = store_redis_open(&settings, &err);
	if (!s) {
		fprintf(stderr, "%s\n", err.text);
		return NULL;
	}
	store = s;
	while (get(&w, "hello").status == SLUICE_STORE_FAILED) /* until it is connected; the caller's patience is the bound */
		sleep_ms(20);
	return s;
}

/* Numbers under a few keys; each is said once it has been answered, with the time. */
static int write_numbers(void)
{
	for (long i = 1;; i++) {
		if (count("numbers", LONG_MS, 1).number != i)
			return 1;
		printf("%lld %ld\n", (long long)clock_mono_ms(), i);
		fflush(stdout);
	}
}

static struct store *open_home(const char *kind, char *where, struct reactor **ret_reactor)
{
	static const char *const kinds[] = { [REDIS_ONE] = "redis", [REDIS_SENTINELS] = "sentinels", [REDIS_CLUSTER] = "cluster" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kind, kinds[i])) {
			*ret_reactor = reactor_new();
			return *ret_reactor ? open_redis((enum redis_kind)i, where, *ret_reactor) : NULL;
		}
	return open_lmdb(where);
}

int main(int argc, char **argv)
{
	struct reactor *reactor = NULL;
	int failures;

	if (argc < 3)
		return 64;
	if (argc > 3)
		operations = atol(argv[3]);
	(void)snprintf(run_id, sizeof run_id, "%lld-%d", (long long)clock_wall_ms(), (int)getpid());
	if (argc > 4)
		(void)snprintf(run_id, sizeof run_id, "%s", argv[4]);
	store = open_home(argv[1], argv[2], &reactor);
	if (!store)
		return 1;
	if (!strcmp(argv[1], "write") || !strcmp(argv[1], "read"))
		(void)snprintf(run_id, sizeof run_id, "numbers");
	if (!strcmp(argv[1], "write"))
		return write_numbers();
	if (!strcmp(argv[1], "read")) {
		printf("%lld\n", (long long)count("numbers", LONG_MS, 0).number);
		failures = 0;
	} else {
		failures = cmocka_run_group_tests(tests, NULL, NULL);
	}
	store_free(store);
	reactor_free(reactor);
	return failures;
}
