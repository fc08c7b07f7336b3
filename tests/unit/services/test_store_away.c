/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/services/clock.h"
#include "filter/services/store_away.h"
#include "filter/services/store_state.h"

#define ENTRIES 8
#define JOBS    64
#define LONG_MS INT64_C(100000000000) /* three years: no window ends while a test runs */
#define SLOW_US 600000000             /* one unit in ten minutes */

/* ---- a store that does each operation when the test says so, and answers or not ---- */

struct job {
	struct sluice_store_op op;
	char key[40];
	uint64_t token;
	void (*done)(void *arg, const struct sluice_store_answer *answer);
	void *arg;
};

struct fake {
	struct store store; /* first */
	bool away;          /* each operation fails at once */
	struct job jobs[JOBS];
	size_t count;
	struct {
		enum sluice_store_verb verb;
		char key[40];
		struct store_state state;
	} entries[ENTRIES];
	size_t used;
	uint64_t tokens[JOBS];
	size_t token_count;
};

static const struct sluice_store_answer failed = { .status = SLUICE_STORE_FAILED, .why = "away" };

static void run_once(struct store *s, const struct sluice_store_op *op, uint64_t token, void (*done)(void *arg, const struct sluice_store_answer *answer),
	void *arg)
{
	struct fake *f = (struct fake *)s;
	struct job *job = &f->jobs[f->count];

	if (f->away) {
		done(arg, &failed);
		return;
	}
	assert_true(f->count < JOBS && op->key_len < sizeof job->key && op->verb != SLUICE_STORE_SET && op->verb != SLUICE_STORE_TALLY);
	f->count++;
	*job = (struct job){ .op = *op, .token = token, .done = done, .arg = arg };
	memcpy(job->key, op->key, op->key_len);
}

static void run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	run_once(s, op, 0, done, arg);
}

static struct store_state *entry_of(struct fake *f, const struct job *job)
{
	enum sluice_store_verb verb = job->op.verb == SLUICE_STORE_DELETE ? job->op.entry.of : job->op.verb;
	size_t i = 0;

	verb = verb == SLUICE_STORE_PUT ? SLUICE_STORE_GET : verb;
	while (i < f->used && (f->entries[i].verb != verb || strcmp(f->entries[i].key, job->key) != 0))
		i++;
	if (i == f->used) {
		assert_true(f->used < ENTRIES);
		f->used++;
		f->entries[i].verb = verb;
		memcpy(f->entries[i].key, job->key, sizeof job->key);
	}
	return &f->entries[i].state;
}

/* Has an operation with this token been done? From now on it has. */
static bool is_known(struct fake *f, uint64_t token)
{
	for (size_t i = 0; i < f->token_count; i++)
		if (f->tokens[i] == token)
			return true;
	if (token)
		f->tokens[f->token_count++] = token;
	return false;
}

static void look(struct sluice_store_op *op)
{
	if (op->verb == SLUICE_STORE_RATE)
		op->rate.cost = 0;
	else
		op->count.add = 0;
}

/* Do the job of this index, and answer, or lose the answer. */
static void step(struct fake *f, size_t i, bool answer)
{
	struct sluice_store_answer a;
	struct job job;
	bool changed;

	assert_true(i < f->count);
	job = f->jobs[i];
	f->count--;
	memmove(&f->jobs[i], &f->jobs[i + 1], (f->count - i) * sizeof job);
	job.op.key = job.key;
	if (is_known(f, job.token))
		look(&job.op);
	store_state_apply(&job.op, clock_wall_ms() * 1000, entry_of(f, &job), &a, &changed);
	job.done(job.arg, answer ? &a : &failed);
}

static struct store_stats no_stats(struct store *s)
{
	(void)s;
	return (struct store_stats){ .working = true };
}

static void no_free(struct store *s)
{
	(void)s;
}

static const struct store_home fake_home = { .run = run, .run_once = run_once, .stats = no_stats, .free = no_free };

/* ---- the two of them ---- */

struct both {
	struct fake shared, local;
	struct store_away *away;
	struct store *store;
	enum sluice_store_verb verb;
};

static void settle(struct both *b)
{
	while (b->local.count || b->shared.count)
		step(b->local.count ? &b->local : &b->shared, 0, true);
}

static void on_answer(void *arg, const struct sluice_store_answer *answer)
{
	*(struct sluice_store_answer *)arg = *answer;
}

static struct sluice_store_op op_of(const struct both *b, const char *key, int64_t n)
{
	struct sluice_store_op op = { .verb = b->verb, .key = key, .key_len = strlen(key) };

	if (b->verb == SLUICE_STORE_RATE) {
		op.rate.interval_us = SLOW_US;
		op.rate.burst = 1000;
		op.rate.cost = n;
	} else {
		op.count.window_ms = LONG_MS;
		op.count.add = n;
	}
	return op;
}

static struct sluice_store_answer heard; /* the last answer to take() */

static void take(struct both *b, const char *key, int64_t n)
{
	struct sluice_store_op op = op_of(b, key, n);

	store_run(b->store, &op, on_answer, &heard);
}

/* What a store has taken, or counted. */
static int64_t has(struct both *b, struct fake *f, const char *key)
{
	struct sluice_store_op op = op_of(b, key, 0);
	struct sluice_store_answer a;

	run(&f->store, &op, on_answer, &a);
	step(f, f->count - 1, true);
	return b->verb == SLUICE_STORE_RATE ? op.rate.burst - a.number : a.number;
}

static void go_away(struct both *b)
{
	b->shared.away = true;
	store_away_shared_changed(b->away, false, "gone");
}

static void come_back(struct both *b)
{
	b->shared.away = false;
	store_away_shared_changed(b->away, true, NULL);
}

/* An operation of another key that the shared store answers, before it does what else it has to do. */
static void another(struct both *b)
{
	take(b, "other", 1);
	step(&b->shared, b->shared.count - 1, true);
	assert_int_equal(heard.status, SLUICE_STORE_OK);
}

static void start(struct both *b, enum sluice_store_verb verb)
{
	struct store_away_settings settings = { 0 };

	*b = (struct both){ .verb = verb };
	b->shared.store.home = b->local.store.home = &fake_home;
	b->away = store_away_new(&settings);
	assert_non_null(b->away);
	b->store = store_away_join(b->away, &b->shared.store, &b->local.store);
	go_away(b);
	for (int i = 0; i < 5; i++)
		take(b, "key", 1);
	settle(b);
	assert_int_equal(has(b, &b->local, "key"), 5);
}

/* All is in the shared store, once. */
static void end(struct both *b, int64_t want)
{
	settle(b);
	another(b);
	settle(b);
	assert_int_equal(store_stats(b->store).to_merge, 0);
	assert_int_equal(has(b, &b->shared, "key"), want);
	assert_int_equal(has(b, &b->local, "key"), 0);
	store_free(b->store);
}

static struct both both; /* too large for a stack under valgrind */

static const enum sluice_store_verb verbs[] = { SLUICE_STORE_RATE, SLUICE_STORE_COUNT };

static void what_was_taken_meanwhile_is_merged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		come_back(&both);
		end(&both, 5);
	}
}

static void an_operation_beside_the_merge_of_its_key_is_merged_after_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		come_back(&both);
		both.shared.away = true;
		take(&both, "key", 1);
		both.shared.away = false;
		step(&both.local, 0, true); /* the merge has looked: five */
		step(&both.local, 0, true); /* six */
		another(&both);
		if (both.local.count) /* a second merge looks */
			step(&both.local, 0, true);
		end(&both, 6);
	}
}

static void a_merge_whose_answer_is_lost_is_not_done_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		come_back(&both);
		step(&both.local, 0, true);
		step(&both.shared, 0, false);
		assert_int_equal(has(&both, &both.shared, "key"), 5);
		end(&both, 5);
	}
}

static void what_is_taken_after_an_answer_was_lost_is_merged_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		come_back(&both);
		step(&both.local, 0, true);
		step(&both.shared, 0, false);
		go_away(&both);
		take(&both, "key", 3);
		settle(&both);
		assert_int_equal(has(&both, &both.local, "key"), 8);
		come_back(&both);
		end(&both, 8);
	}
}

static void a_merge_that_was_not_done_is_done_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		come_back(&both);
		both.shared.away = true;
		settle(&both);
		assert_int_equal(store_stats(both.store).to_merge, 1);
		both.shared.away = false;
		end(&both, 5);
	}
}

static void a_local_store_that_is_out_of_order_for_a_while_loses_nothing(void **state)
{
	(void)state;
	start(&both, SLUICE_STORE_RATE);
	both.local.away = true;
	come_back(&both);
	assert_int_equal(store_stats(both.store).to_merge, 1);
	both.local.away = false;
	another(&both);
	end(&both, 5);
}

static void a_key_that_is_refused_again_and_again_is_left(void **state)
{
	(void)state;
	start(&both, SLUICE_STORE_COUNT);
	come_back(&both);
	for (int tries = 1; store_stats(both.store).to_merge; tries++) {
		assert_true(tries <= 8);
		step(&both.local, 0, true);
		look(&both.shared.jobs[0].op); /* it does nothing */
		step(&both.shared, 0, false);
		another(&both);
	}
	assert_int_equal(has(&both, &both.shared, "key"), 0);
	assert_int_equal(has(&both, &both.local, "key"), 5);
	store_free(both.store);
}

/* Other keys are answered, as those of the other servers of a Cluster; it is no fault of this key. */
static void a_try_while_the_shared_store_is_away_does_not_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		start(&both, verbs[i]);
		for (int tries = 0; tries < 20; tries++) {
			come_back(&both);
			step(&both.local, 0, true);
			store_away_shared_changed(both.away, false, "a part of it is gone");
			step(&both.shared, 0, false);
			assert_int_equal(store_stats(both.store).to_merge, 1);
		}
		come_back(&both);
		end(&both, 5);
	}
}

static void what_waits_to_be_merged_is_freed_with_the_store(void **state)
{
	(void)state;
	start(&both, SLUICE_STORE_RATE);
	take(&both, "more", 1);
	settle(&both);
	assert_int_equal(store_stats(both.store).to_merge, 2);
	store_free(both.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_taken_meanwhile_is_merged),
		cmocka_unit_test(an_operation_beside_the_merge_of_its_key_is_merged_after_it),
		cmocka_unit_test(a_merge_whose_answer_is_lost_is_not_done_twice),
		cmocka_unit_test(what_is_taken_after_an_answer_was_lost_is_merged_too),
		cmocka_unit_test(a_merge_that_was_not_done_is_done_again),
		cmocka_unit_test(a_local_store_that_is_out_of_order_for_a_while_loses_nothing),
		cmocka_unit_test(a_key_that_is_refused_again_and_again_is_left),
		cmocka_unit_test(a_try_while_the_shared_store_is_away_does_not_count),
		cmocka_unit_test(what_waits_to_be_merged_is_freed_with_the_store),
	};

	return cmocka_run_group_tests_name("store_away", tests, NULL, NULL);
}
