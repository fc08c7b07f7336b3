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

#define STORE_KEY_MAX   400  /* octets; a longer one is the caller's to hash */
#define STORE_VALUE_MAX 65536

enum store_verb {
	STORE_GREYLIST, /* somebody tries: see what is known of the key, and note it */
	STORE_RATE,     /* take from a limit (GCRA) */
	STORE_COUNT,    /* add to the count of the present window */
	STORE_SET,      /* add a member to a set of the present window, and estimate its size */
	STORE_GET,
	STORE_PUT,
	STORE_DELETE, /* of any verb: see `of` */
};
#define STORE_VERBS (STORE_DELETE + 1)
extern const char *const store_verb_words[]; /* in the order of enum store_verb */

struct store_op {
	enum store_verb verb;
	const char *key;
	size_t key_len;
	union {
		struct {
			int64_t delay_ms, window_ms, lifetime_ms; /* wait before a retry; for a retry; after a pass */
		} greylist;
		struct {
			int64_t interval_us; /* between two units at the full rate */
			int64_t burst;       /* units at once, at least 1 */
			int64_t cost;        /* units; negative gives back; 0 only looks */
			bool count_blocked;  /* a try that is refused counts as well */
		} rate;
		struct {
			int64_t window_ms, add;
		} count;
		struct {
			int64_t window_ms;
			const char *member;
			size_t member_len;
		} set;
		struct {
			const char *value;
			size_t value_len;
			int64_t lifetime_ms;
		} put;
		struct {
			enum store_verb of; /* whose key it is; STORE_GET for a value */
		} delete;
	};
};

enum store_status { STORE_OK, STORE_ABSENT, STORE_FAILED };
enum store_greylist { STORE_GREYLIST_NEW, STORE_GREYLIST_EARLY, STORE_GREYLIST_PASS, STORE_GREYLIST_KNOWN };

struct store_answer {
	enum store_status status; /* ABSENT: of GET and DELETE. FAILED: nothing else is valid */
	const char *why;          /* of FAILED; static */
	enum store_greylist greylist;
	bool allowed;      /* RATE */
	int64_t wait_ms;   /* GREYLIST: until a retry may pass. RATE: until the cost could be taken */
	int64_t number;    /* GREYLIST: passes so far. RATE: units left. COUNT: of this window. SET: estimated members */
	int64_t before;    /* COUNT: of the window before */
	const char *value; /* GET: borrowed for the call */
	size_t value_len;
};

struct store_stats {
	uint64_t asked, failed, entries;
	bool working;
};

/* One that `sluicectl ... list` shows. */
struct store_row {
	enum store_verb verb;
	const char *key;
	size_t key_len;
	int64_t expires_ms; /* from now */
};

struct store;

/*
 * Run one operation. done(arg, answer) is called once, on a thread of the store's; what op points to is copied. A store that
 * is out of order answers FAILED at once, perhaps before this returns. Any thread.
 */
void store_run(struct store *s, const struct store_op *op, void (*done)(void *arg, const struct store_answer *answer), void *arg);
struct store_stats store_stats(struct store *s);
/* Operations under way are answered FAILED first. Takes NULL. */
void store_free(struct store *s);

/* ---- for the homes ---- */

struct store_home {
	void (*run)(struct store *s, const struct store_op *op, void (*done)(void *arg, const struct store_answer *answer), void *arg);
	struct store_stats (*stats)(struct store *s);
	void (*free)(struct store *s);
};
/* First member of a home's own struct. */
struct store {
	const struct store_home *home;
};

#endif
