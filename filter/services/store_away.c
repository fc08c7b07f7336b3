/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store_away.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "filter/base/text_set.h"
#include "filter/services/clock.h"

#define TOLD_MAX  400
#define TRIES_MAX 8 /* to merge one key: it may be one that the shared store refuses */

/* An operation, with all that it points to behind it. */
struct copy {
	struct copy *next;
	struct store_away *away;
	struct sluice_store_op op;
	void (*done)(void *arg, const struct sluice_store_answer *answer); /* of one that is asked; not of one that is noted */
	void *arg;
	bool twice;    /* of a greylist entry that is brought to its first pass: this is the second try */
	unsigned tries; /* to merge it */
	/* of RATE and COUNT: what was last given to the shared store, which has it or not when it did not answer. token 0: nothing was */
	uint64_t token;
	int64_t amount, window; /* window: the local one's, of COUNT */
	_Alignas(uint64_t) char bytes[];
};

struct queue {
	struct copy *first, **last;
	size_t len;
};

struct store_away {
	struct store store; /* first */
	struct store_away_settings settings;
	struct store *shared, *local;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t quiet;
	bool working, closing;
	unsigned busy;         /* calls of a store under way from an answer of the other */
	struct queue noted;    /* what the local store has that the shared one has not */
	struct text_set seen;  /* their verbs and keys */
	struct queue to_merge; /* the same, when the shared store had come back: a key is there once */
	size_t merging;        /* under way */
	bool halted;           /* a merge has failed: the next one begins when the shared store has answered something */
	uint64_t not_noted;    /* since the shared store is away */
	/* atomic */
	uint64_t asked, failed, asked_local, merged;
	int any_to_merge, local_working;
};

static void merge_some(struct store_away *a);

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .last = &q->first };
}

static void queue_push(struct queue *q, struct copy *c)
{
	c->next = NULL;
	*q->last = c;
	q->last = &c->next;
	q->len++;
}

/* NULL: there is none. */
static struct copy *queue_take(struct queue *q)
{
	struct copy *c = q->first;

	if (!c)
		return NULL;
	q->first = c->next;
	if (--q->len == 0)
		q->last = &q->first;
	return c;
}

static void queue_free(struct queue *q)
{
	for (struct copy *c; (c = queue_take(q)) != NULL;)
		free(c);
}

static struct copy *copy_op(struct store_away *a, const struct sluice_store_op *op)
{
	size_t extra_len;
	const void *extra = store_op_extra(op, &extra_len);
	struct copy *c = malloc(sizeof *c + op->key_len + extra_len + sizeof(uint64_t));
	char *behind;

	if (!c)
		return NULL;
	*c = (struct copy){ .away = a, .op = *op };
	behind = c->bytes;
	if (extra_len)
		memcpy(behind, extra, extra_len); /* first: items of a tally want to be aligned as the struct is */
	memcpy(behind + extra_len, op->key, op->key_len);
	c->op.key = behind + extra_len;
	if (op->verb == SLUICE_STORE_PUT)
		c->op.put.value = behind;
	else if (op->verb == SLUICE_STORE_SET)
		c->op.set.member = behind;
	else if (op->verb == SLUICE_STORE_TALLY)
		c->op.tally.items = (const uint64_t *)(const void *)behind;
	return c;
}

/* From an answer of one store on to the other, which store_free() waits for. False: the end has begun. */
static bool go_on(struct store_away *a, struct store *to, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer),
	struct copy *c)
{
	bool closing;

	(void)pthread_mutex_lock(&a->lock);
	closing = a->closing;
	a->busy += !closing;
	(void)pthread_mutex_unlock(&a->lock);
	if (closing)
		return false;
	store_run_once(to, op, to == a->shared ? c->token : 0, done, c);
	(void)pthread_mutex_lock(&a->lock);
	a->busy--;
	if (a->closing)
		(void)pthread_cond_signal(&a->quiet);
	(void)pthread_mutex_unlock(&a->lock);
	return true;
}

/* ---- what is to be merged ---- */

/* The operation's verb and key. 0: it is too long. */
static size_t name_of(const struct sluice_store_op *op, char name[TEXT_SET_MAX_LEN])
{
	size_t len = 1 + op->key_len, member_len = op->verb == SLUICE_STORE_SET ? 1 + op->set.member_len : 0;

	if (len + member_len > TEXT_SET_MAX_LEN)
		return 0;
	name[0] = (char)op->verb;
	memcpy(name + 1, op->key, op->key_len);
	if (member_len) {
		name[len] = '\0';
		memcpy(name + len + 1, op->set.member, op->set.member_len);
	}
	return len + member_len;
}

static bool can_be_merged(const struct sluice_store_op *op)
{
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		return !op->greylist.look;
	case SLUICE_STORE_RATE:
		return op->rate.cost != 0;
	case SLUICE_STORE_COUNT:
		return op->count.add != 0;
	case SLUICE_STORE_SET:
	case SLUICE_STORE_PUT:
		return true;
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
	case SLUICE_STORE_TALLY:
		break;
	}
	return false;
}

/* With the lock held. */
static void tell_whether_any(struct store_away *a)
{
	__atomic_store_n(&a->any_to_merge, a->noted.len + a->to_merge.len > 0, __ATOMIC_RELAXED);
}

/* The local store has done it: it is the journal's, or freed. */
static void note(struct copy *c)
{
	struct store_away *a = c->away;
	char name[TEXT_SET_MAX_LEN];
	size_t len = name_of(&c->op, name);
	bool kept = false;

	if (!can_be_merged(&c->op)) {
		free(c);
		return;
	}
	(void)pthread_mutex_lock(&a->lock);
	if (a->closing || !len) {
		a->not_noted++;
	} else if (!text_set_has(&a->seen, name, len)) {
		kept = a->noted.len < STORE_AWAY_NOTED_MAX && text_set_add(&a->seen, name, len);
		if (kept)
			queue_push(&a->noted, c);
		else
			a->not_noted++;
	}
	tell_whether_any(a);
	(void)pthread_mutex_unlock(&a->lock);
	if (!kept)
		free(c);
}

/* ---- the merge: each entry goes from step to step, on the threads of the stores ---- */

static void merge_done(struct copy *c, bool good)
{
	struct store_away *a = c->away;
	bool again;

	if (good)
		(void)__atomic_add_fetch(&a->merged, 1, __ATOMIC_RELAXED);
	(void)pthread_mutex_lock(&a->lock);
	a->merging--;
	a->halted |= !good;
	c->tries += !good && a->working; /* one that is away refuses no key */
	again = !good && c->tries < TRIES_MAX && !a->closing;
	if (again) /* before what was noted since, which may be of the same key */
		queue_push(&a->to_merge, c);
	tell_whether_any(a);
	(void)pthread_mutex_unlock(&a->lock);
	if (!again)
		free(c);
	if (good)
		merge_some(a);
}

static void merge_step(struct copy *c, struct store *to, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer))
{
	if (!go_on(c->away, to, op, done, c))
		merge_done(c, false);
}

static void on_taken_off(void *arg, const struct sluice_store_answer *answer)
{
	(void)answer;
	merge_done(arg, true);
}

/* The shared store has it: it is the local one's no longer. What came to that meanwhile is noted anew, and stays. */
static void take_off(struct copy *c)
{
	struct sluice_store_op op = c->op;

	switch (c->op.verb) {
	case SLUICE_STORE_RATE:
		op.rate.cost = -c->amount;
		break;
	case SLUICE_STORE_COUNT:
		op.count.add = -c->amount;
		if (clock_wall_ms() / op.count.window_ms != c->window) { /* the new one does not have it */
			merge_done(c, true);
			return;
		}
		break;
	case SLUICE_STORE_PUT:
		op = (struct sluice_store_op){ .verb = SLUICE_STORE_DELETE, .key = op.key, .key_len = op.key_len, .entry = { SLUICE_STORE_GET } };
		break;
	case SLUICE_STORE_GREYLIST: /* stays: who has passed is known when the shared store is away again */
	case SLUICE_STORE_SET:
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
	case SLUICE_STORE_TALLY:
		merge_done(c, true);
		return;
	}
	merge_step(c, c->away->local, &op, on_taken_off);
}

static void on_merged(void *arg, const struct sluice_store_answer *answer)
{
	struct copy *c = arg;
	bool first = c->op.verb == SLUICE_STORE_GREYLIST && answer->greylist == SLUICE_STORE_GREYLIST_NEW;

	if (answer->status == SLUICE_STORE_FAILED) {
		merge_done(c, false);
	} else if (first && !c->op.greylist.delay_ms && !c->twice) {
		c->twice = true;
		merge_step(c, c->away->shared, &c->op, on_merged);
	} else {
		take_off(c);
	}
}

/*
 * Give to the shared store what the local one has taken or counted. When that did not answer the last time, the same again, or what is left
 * of it, under the same token: it may have been done.
 */
static void give(struct copy *c, struct sluice_store_op *op, int64_t *amount, int64_t there)
{
	if (!c->token)
		c->amount = there;
	if (!c->amount) {
		merge_done(c, true);
		return;
	}
	while (!c->token)
		(void)!getrandom(&c->token, sizeof c->token, 0);
	*amount = c->amount;
	merge_step(c, c->away->shared, op, on_merged);
}

static void give_taken(struct copy *c, int64_t there)
{
	struct sluice_store_op op = c->op;

	op.rate.count_blocked = true; /* it has been taken, whatever is left */
	if (there < c->amount) /* the rest has come back with time */
		c->amount = there;
	give(c, &op, &op.rate.cost, there);
}

static void give_counted(struct copy *c, int64_t there)
{
	struct sluice_store_op op = c->op;
	int64_t window = clock_wall_ms() / op.count.window_ms;

	if (window != c->window) /* what was counted in that is over */
		c->token = 0;
	c->window = window;
	give(c, &op, &op.count.add, there);
}

/* What the local store has of it now. */
static void on_looked(void *arg, const struct sluice_store_answer *answer)
{
	struct copy *c = arg;
	struct sluice_store_op op = c->op;

	if (answer->status != SLUICE_STORE_OK) {
		merge_done(c, answer->status == SLUICE_STORE_ABSENT); /* a value that has expired */
		return;
	}
	switch (op.verb) {
	case SLUICE_STORE_RATE:
		give_taken(c, op.rate.burst > answer->number ? op.rate.burst - answer->number : 0);
		return;
	case SLUICE_STORE_COUNT:
		give_counted(c, answer->number);
		return;
	case SLUICE_STORE_GREYLIST:
		c->op.greylist.delay_ms = answer->greylist == SLUICE_STORE_GREYLIST_KNOWN ? 0 : op.greylist.delay_ms;
		op = c->op;
		break;
	case SLUICE_STORE_PUT:
		op.put.value = answer->value;
		op.put.value_len = answer->value_len;
		break;
	case SLUICE_STORE_SET:
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
	case SLUICE_STORE_TALLY:
		break;
	}
	merge_step(c, c->away->shared, &op, on_merged);
}

static void merge(struct copy *c)
{
	struct sluice_store_op look = c->op;

	c->twice = false;
	switch (c->op.verb) {
	case SLUICE_STORE_GREYLIST:
		look.greylist.look = true;
		break;
	case SLUICE_STORE_RATE:
		look.rate.cost = 0;
		break;
	case SLUICE_STORE_COUNT:
		look.count.add = 0;
		break;
	case SLUICE_STORE_PUT:
		look.verb = SLUICE_STORE_GET;
		break;
	case SLUICE_STORE_SET: /* its members are known, and adding one twice is no harm */
		merge_step(c, c->away->shared, &c->op, on_merged);
		return;
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
	case SLUICE_STORE_TALLY:
		break;
	}
	merge_step(c, c->away->local, &look, on_looked);
}

/* With the lock held. All of one batch are done before the next is begun: two merges of one key would both give what the local store has of it. */
static void begin_batch(struct store_away *a)
{
	if (!a->working || a->merging || a->to_merge.len || !a->noted.len)
		return;
	a->to_merge = a->noted;
	queue_init(&a->noted); /* what comes from now on is noted anew */
	text_set_done(&a->seen);
	text_set_init(&a->seen);
}

/* The shared store has answered something. */
static void merge_some(struct store_away *a)
{
	struct copy *c;

	(void)pthread_mutex_lock(&a->lock);
	a->halted = false;
	(void)pthread_mutex_unlock(&a->lock);
	do {
		(void)pthread_mutex_lock(&a->lock);
		begin_batch(a);
		c = a->working && !a->closing && !a->halted && a->merging < STORE_AWAY_MERGING_MAX ? queue_take(&a->to_merge) : NULL;
		a->merging += c != NULL;
		tell_whether_any(a);
		(void)pthread_mutex_unlock(&a->lock);
		if (c)
			merge(c);
	} while (c);
}

/* ---- passes of the greylist are known here, too, so that nobody who is known waits again while the shared store is away ---- */

static void on_known(void *arg, const struct sluice_store_answer *answer)
{
	struct copy *c = arg;
	bool new = answer->status == SLUICE_STORE_OK && answer->greylist == SLUICE_STORE_GREYLIST_NEW;

	if (new && !c->twice) {
		c->twice = true;
		if (go_on(c->away, c->away->local, &c->op, on_known, c))
			return;
	}
	free(c);
}

static void on_known_already(void *arg, const struct sluice_store_answer *answer)
{
	struct copy *c = arg;

	if (answer->status != SLUICE_STORE_OK || answer->greylist == SLUICE_STORE_GREYLIST_KNOWN) {
		free(c);
		return;
	}
	c->op.greylist.look = false;
	c->op.greylist.delay_ms = 0;
	if (!go_on(c->away, c->away->local, &c->op, on_known, c))
		free(c);
}

/* ---- operations ---- */

static void on_local(void *arg, const struct sluice_store_answer *answer)
{
	static const struct sluice_store_answer unknown = { .status = SLUICE_STORE_FAILED, .why = "the shared store is away" };
	struct copy *c = arg;
	/* what is not here may be there */
	bool absent = c->op.verb == SLUICE_STORE_GET && answer->status == SLUICE_STORE_ABSENT;

	if (absent || answer->status == SLUICE_STORE_FAILED)
		(void)__atomic_add_fetch(&c->away->failed, 1, __ATOMIC_RELAXED);
	c->done(c->arg, absent ? &unknown : answer);
	if (answer->status == SLUICE_STORE_FAILED)
		free(c);
	else
		note(c);
}

static void on_shared(void *arg, const struct sluice_store_answer *answer)
{
	struct copy *c = arg;
	struct store_away *a = c->away;
	bool here = c->op.verb != SLUICE_STORE_TALLY && c->op.verb != SLUICE_STORE_DELETE;

	if (answer->status == SLUICE_STORE_FAILED && here && go_on(a, a->local, &c->op, on_local, c)) {
		(void)__atomic_add_fetch(&a->asked_local, 1, __ATOMIC_RELAXED);
		return;
	}
	if (answer->status == SLUICE_STORE_FAILED)
		(void)__atomic_add_fetch(&a->failed, 1, __ATOMIC_RELAXED);
	else if (__atomic_load_n(&a->any_to_merge, __ATOMIC_RELAXED))
		merge_some(a); /* single failures; a longer one ends in store_away_shared_changed() */
	c->done(c->arg, answer);
	if (c->op.verb == SLUICE_STORE_GREYLIST && !c->op.greylist.look && answer->status == SLUICE_STORE_OK &&
		answer->greylist >= SLUICE_STORE_GREYLIST_PASS) {
		c->op.greylist.look = true;
		if (go_on(a, a->local, &c->op, on_known_already, c))
			return;
	}
	free(c);
}

static void away_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	struct store_away *a = (struct store_away *)s;
	struct copy *c = copy_op(a, op);

	(void)__atomic_add_fetch(&a->asked, 1, __ATOMIC_RELAXED);
	if (!c) {
		store_run(a->shared, op, done, arg);
		return;
	}
	c->done = done;
	c->arg = arg;
	store_run(a->shared, &c->op, on_shared, c);
}

static int away_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	struct store_away *a = (struct store_away *)s;
	int r = store_each(a->shared, verb, prefix, limit, timeout_ms, row, arg);

	return r == -EIO ? store_each(a->local, verb, prefix, limit, timeout_ms, row, arg) : r;
}

static int away_members(struct store *s, const char *key, size_t limit, int64_t timeout_ms, void (*member)(void *arg, const char *bytes, size_t len),
	void *arg)
{
	return store_members(((struct store_away *)s)->shared, key, limit, timeout_ms, member, arg);
}

static struct store *away_shared(struct store *s)
{
	return ((struct store_away *)s)->shared;
}

static void away_share(struct store *s, bool yes)
{
	struct store_away *a = (struct store_away *)s;

	store_share(a->shared, yes);
	store_share(a->local, yes);
}

static struct store_stats away_stats(struct store *s)
{
	struct store_away *a = (struct store_away *)s;
	struct store_stats stats = store_stats(a->shared);

	stats.has_local = true;
	stats.asked = __atomic_load_n(&a->asked, __ATOMIC_RELAXED);
	stats.failed = __atomic_load_n(&a->failed, __ATOMIC_RELAXED);
	stats.asked_local = __atomic_load_n(&a->asked_local, __ATOMIC_RELAXED);
	stats.merged = __atomic_load_n(&a->merged, __ATOMIC_RELAXED);
	stats.local_working = __atomic_load_n(&a->local_working, __ATOMIC_RELAXED) != 0;
	(void)pthread_mutex_lock(&a->lock);
	stats.to_merge = a->noted.len + a->to_merge.len + a->merging;
	(void)pthread_mutex_unlock(&a->lock);
	return stats;
}

/* ---- the whole ---- */

void store_away_shared_changed(void *arg, bool working, const char *why)
{
	struct store_away *a = arg;
	char told[TOLD_MAX] = "";
	uint64_t not_noted;
	size_t noted;

	(void)pthread_mutex_lock(&a->lock);
	a->working = working;
	noted = a->noted.len + a->to_merge.len + a->merging;
	not_noted = a->not_noted;
	a->not_noted = 0;
	(void)pthread_mutex_unlock(&a->lock);
	if (!working)
		(void)snprintf(told, sizeof told, "%.250s; the one of this machine is used meanwhile", why);
	else if (not_noted)
		(void)snprintf(told, sizeof told, "%zu keys of this machine's own are merged into it, and %llu operations on more of them are not", noted,
			(unsigned long long)not_noted);
	else if (noted)
		(void)snprintf(told, sizeof told, "%zu keys of this machine's own are merged into it", noted);
	if (a->settings.changed)
		a->settings.changed(a->settings.arg, working, *told ? told : NULL);
	if (working)
		merge_some(a);
}

void store_away_local_changed(void *arg, bool working, const char *why)
{
	struct store_away *a = arg;

	(void)why; /* 'sluicectl status' shows it; it is of no consequence as long as the shared one works */
	__atomic_store_n(&a->local_working, working, __ATOMIC_RELAXED);
}

void store_away_free(struct store_away *a)
{
	if (!a)
		return;
	queue_free(&a->noted);
	queue_free(&a->to_merge);
	text_set_done(&a->seen);
	(void)pthread_cond_destroy(&a->quiet);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

static void away_free(struct store *s)
{
	struct store_away *a = (struct store_away *)s;

	(void)pthread_mutex_lock(&a->lock);
	a->closing = true;
	while (a->busy)
		(void)pthread_cond_wait(&a->quiet, &a->lock);
	(void)pthread_mutex_unlock(&a->lock);
	store_free(a->shared); /* answers what is under way there, which may go on to the local one */
	store_free(a->local);
	store_away_free(a);
}

static const struct store_home home = {
	.run = away_run, .each = away_each, .members = away_members, .stats = away_stats, .shared = away_shared, .free = away_free, .share = away_share
};

struct store_away *store_away_new(const struct store_away_settings *settings)
{
	struct store_away *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->store.home = &home;
	a->settings = *settings;
	a->working = true;
	a->local_working = 1;
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->quiet, NULL);
	queue_init(&a->noted);
	queue_init(&a->to_merge);
	text_set_init(&a->seen);
	return a;
}

struct store *store_away_join(struct store_away *a, struct store *shared, struct store *local)
{
	a->shared = shared;
	a->local = local;
	return &a->store;
}
