/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

struct hash_key hash_key_random(void)
{
	struct hash_key key;

	/* So short a read is never cut off; it can fail only on a kernel that has no getrandom. */
	if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
		abort();
	return key;
}

static struct hash_key shared;

static void make_shared(void)
{
	shared = hash_key_random();
}

const struct hash_key *hash_key_shared(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_shared);
	return &shared;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static uint64_t read_little_endian(const unsigned char *p, size_t len)
{
	uint64_t x = 0;

	for (size_t i = 0; i < len; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

static void sip_rounds(uint64_t v[4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575,
		key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261,
		key->k1 ^ 0x7465646279746573,
	};
	size_t rest = len % 8;
	uint64_t word;

	for (size_t i = 0; i + 8 <= len; i += 8) {
		word = read_little_endian(p + i, 8);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	word = (uint64_t)len << 56;
	if (rest > 0)
		word |= read_little_endian(p + len - rest, rest);
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
