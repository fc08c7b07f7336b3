/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h - SipHash-2-4 for tables whose keys come from the network: with a random key it cannot be guessed. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* A key from getrandom(2). */
struct hash_key hash_key_random(void);
/* The same key for as long as the process lives: for tables of which there is one for each message. Any thread. */
const struct hash_key *hash_key_shared(void);
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len);

#endif
