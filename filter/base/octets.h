/* SPDX-License-Identifier: BSD-2-Clause */
/* octets.h - eight octets looked at together. Pure. */
#ifndef BASE_OCTETS_H
#define BASE_OCTETS_H

#include <stdint.h>
#include <string.h>

#define OCTETS_EACH UINT64_C(0x0101010101010101)

static inline uint64_t octets_load(const char *bytes)
{
	uint64_t x;

	memcpy(&x, bytes, sizeof x);
	return x;
}

/* In each octet of x its highest bit, and no other: whether it is below limit, which is at most 0x80. */
static inline uint64_t octets_below(uint64_t x, uint64_t limit)
{
	return ~(((x & 0x7f * OCTETS_EACH) + (0x80 - limit) * OCTETS_EACH) | x) & 0x80 * OCTETS_EACH;
}

/* The same: whether it is this octet. */
static inline uint64_t octets_equal(uint64_t x, unsigned char octet)
{
	return octets_below(x ^ octet * OCTETS_EACH, 1);
}

#endif
