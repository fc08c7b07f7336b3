/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - state that outlives a message: greylist, rate limits, counters, sets, values. One interface, two homes: LMDB
 * (store_lmdb.h) for one machine, Redis (store_redis.h) for several. tests/contract runs one suite over both.
 *
 * Each operation is atomic, and one round trip. Keys are octets that the caller made; the verb is part of the key, so a
 * greylist entry and a limit of one name are two things. Time is the store's: the writer's clock, or the Redis server's.
 */
#ifndef SERVICES_STORE_H
#define SERVICES_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define STORE_KEY_MAX   SLUICE_STORE_KEY_MAX
#define STORE_VALUE_MAX SLUICE_STORE_VALUE_MAX
#define STORE_VERBS     (SLUICE_STORE_TALLY + 1)
#define STORE_ITEM_BYTES 8 /* of an item of TALLY within a key, big-endian */

extern const char *const store_verb_words[]; /* in the order of enum sluice_store_verb */

struct store_stats {
	uint64_t asked, failed, entries;
	bool working;
	uint64_t moved, ask, later, lost; /* of Redis, as redis_servers.h */
	bool has_local, local_working;    /* as store_away.h: there is a second store for while `working` is false */
	uint64_t asked_local, merged, to_merge; /* operations that it answered; keys of it that were added to the shared store, and that are yet to be */
};

struct store;

/*
 * Run one operation. done(arg, answer) is called once, on a thread of the store's; what op points to is copied. A store that
 * is out of order answers FAILED at once, perhaps before this returns. Any thread.
 */
void store_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg);
/*
 * The same, where token is not 0: of all calls with one token only the first is carried out, and the others look. For an operation that is
 * asked again as nobody knows whether it was done. Of RATE and COUNT, as long as the entry lives and fewer than sixteen came after it; in Redis:
 * others carry out each.
 */
void store_run_once(struct store *s, const struct sluice_store_op *op, uint64_t token, void (*done)(void *arg, const struct sluice_store_answer *answer),
	void *arg);
/*
 * The same as store_run(), and wait for the answer, timeout_ms at most. Its value is added to *ret_value, and is not in the answer; NULL: it is not wanted.
 * Not on a thread of the store's.
 */
struct sluice_store_answer store_call(struct store *s, const struct sluice_store_op *op, int64_t timeout_ms, struct text *ret_value);

/* An entry, for people to look at. */
struct store_row {
	const char *key; /* borrowed for the call */
	size_t key_len;
	int64_t expires_ms; /* from now */
};
/*
 * Each entry of a verb (of values: GET; not of TALLY) whose key begins with these octets, up to `limit` of them, in no order. Waits as
 * store_call(). 0; -EIO: the store does not answer.
 */
int store_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg);
/*
 * Each member, up to `limit` of them, of a set that others keep in the Redis, under a key that is not ours and has no prefix; one that
 * is not there is empty. A member may come twice. Waits as store_call(). 0; -EIO: the store does not answer; -EINVAL: it has something
 * else there, or does not let us see it; -ENOTSUP: the store is no Redis.
 */
int store_members(struct store *s, const char *key, size_t limit, int64_t timeout_ms, void (*member)(void *arg, const char *bytes, size_t len),
	void *arg);
/* The part of it that several gateways share, where it has one of its own beside that (store_away.h); else itself. Borrowed. */
struct store *store_shared(struct store *s);
struct store_stats store_stats(struct store *s);
/* May another process of ours open the same state, while this one still works with it? At first it may not. */
void store_share(struct store *s, bool yes);
/* Operations under way are answered FAILED first. Takes NULL. */
void store_free(struct store *s);

/* ---- for the homes ---- */

struct store_home {
	void (*run)(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg);
	void (*run_once)(struct store *s, const struct sluice_store_op *op, uint64_t token, void (*done)(void *arg, const struct sluice_store_answer *answer),
		void *arg); /* token: not 0. NULL: as run */
	int (*each)(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
		void (*row)(void *arg, const struct store_row *row), void *arg);
	int (*members)(struct store *s, const char *key, size_t limit, int64_t timeout_ms,
		void (*member)(void *arg, const char *bytes, size_t len), void *arg); /* NULL: -ENOTSUP */
	struct store_stats (*stats)(struct store *s);
	struct store *(*shared)(struct store *s); /* NULL: itself */
	void (*free)(struct store *s);
	void (*share)(struct store *s, bool yes); /* NULL: nothing is in the way of another process */
};
/* What op points to beside its key: of PUT, SET and TALLY; it may be NULL where it is empty. */
const void *store_op_extra(const struct sluice_store_op *op, size_t *ret_len);

/* First member of a home's own struct. */
struct store {
	const struct store_home *home;
};

#endif
