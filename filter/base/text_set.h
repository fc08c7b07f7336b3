/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text_set.h - a set of short texts: all their octets in one block and a hash table beside it, so that a million of them are
 * loaded without a million allocations. Hashed with a random key: what is in it may come from strangers.
 */
#ifndef BASE_TEXT_SET_H
#define BASE_TEXT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/hash.h"

#define TEXT_SET_MAX_LEN 512 /* octets of one text */

struct text_slot;
struct text_set {
	struct hash_key key;
	struct text_slot *slots; /* open addressing; at most half full */
	size_t slot_count, len;
	char *bytes; /* each text behind its length in two octets, in the order in which they came */
	size_t used, capacity;
};

void text_set_init(struct text_set *s);
void text_set_done(struct text_set *s);
/* Add one of at most TEXT_SET_MAX_LEN octets; twice is once. False: no memory, and the set is as it was. */
bool text_set_add(struct text_set *s, const char *text, size_t len);
bool text_set_has(const struct text_set *s, const char *text, size_t len);
/* The texts in order: at begins with 0 and is moved on. NULL: no more. */
const char *text_set_next(const struct text_set *s, size_t *at, size_t *ret_len);

#endif
