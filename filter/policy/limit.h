/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit.h - how much of something may pass in a time: `limit 60/1m burst 120 by client.net`, the part of a rule that makes it
 * match only what is over the limit. Counted by GCRA in the store (SLUICE_STORE_RATE), one entry for each rule and key.
 */
#ifndef POLICY_LIMIT_H
#define POLICY_LIMIT_H

#include "filter/base/text.h"
#include "filter/base/value.h"
#include "filter/policy/catalog.h"
#include "plugins/plugin.h"

#define LIMIT_MAX_KEYS  8    /* facts after `by` */
#define LIMIT_KEY_BYTES 8192 /* of a key before it is shortened for the store: no value of facts makes it longer */

enum limit_unit { LIMIT_CONNECTIONS, LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_KILOBYTES };
#define LIMIT_KILOBYTE 1024 /* octets: between single ones there would be less than a microsecond */
extern const char *const limit_unit_words[]; /* as they are written: "connections", "messages", "recipients", "bytes" */

struct limit {
	int64_t interval_us; /* between two units at the full rate */
	int64_t burst;       /* units at once */
	enum limit_unit unit;
	bool strict;         /* what is refused counts as well */
	const unsigned *keys; /* facts, in the order in which they were written */
	size_t key_count;
};

/*
 * The key of the store's entry: "limit|RULE|VALUE|..." (base/key.h). False: one of the facts is not known, and the rule does
 * not apply. Pure.
 */
bool limit_key(struct text *out, const char *rule, const struct limit *l, const struct value *facts, const struct catalog *c);
/* The limit in words, the same for the same limit: "a recipient in 1000000 us, 120 at once, by client.net". */
void limit_describe(struct text *out, const struct limit *l, const struct catalog *c);
/* An operation that takes cost units (negative: gives back; 0: looks) of the entry. */
struct sluice_store_op limit_op(const struct limit *l, const char *key, size_t key_len, int64_t cost);

#endif
