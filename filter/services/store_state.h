/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_state.h - what an operation makes of an entry: pure, so that it can be tested without a database. LMDB runs these;
 * the scripts of store_redis.c say the same in Redis' own words.
 */
#ifndef SERVICES_STORE_STATE_H
#define SERVICES_STORE_STATE_H

#include "filter/services/store.h"

#define STORE_STATE_MAX (STORE_VALUE_MAX + 64)

/* An entry as it is kept. len 0: there is none. */
struct store_state {
	int64_t expires_ms; /* wall clock */
	size_t len;
	unsigned char bytes[STORE_STATE_MAX];
};

/*
 * Apply op to *state as of now_us (wall clock; one that has gone back locks nobody out for longer than a new entry would,
 * or, where tries that are refused count as well, twice that). *state becomes the entry to keep, len 0 for none; *ret_changed says whether it has to be written. Octets that no operation of
 * this verb has written count as no entry. ret->value points into *state. Of TALLY the entry is that of one of its items, and ret->value the
 * counts of that.
 */
void store_state_apply(const struct sluice_store_op *op, int64_t now_us, struct store_state *state, struct sluice_store_answer *ret, bool *ret_changed);

#endif
