/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_onenote.h"

#include <stdint.h>
#include <string.h>

#define HEAD_LEN 36 /* the mark, 8 octets of length, 12 that say nothing */

static const char notebook[16] = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3";
static const char object[16] = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";

bool scan_onenote_is(const char *bytes, size_t len)
{
	return len >= sizeof notebook && !memcmp(bytes, notebook, sizeof notebook);
}

bool scan_onenote_next(const char *bytes, size_t len, size_t *at, const char **ret, size_t *ret_len)
{
	const char *found = memmem(bytes + *at, len - *at, object, sizeof object);
	size_t start = found ? (size_t)(found - bytes) + HEAD_LEN : len;
	uint64_t size = 0;

	if (start >= len)
		return false;
	for (size_t i = 0; i < 8; i++)
		size |= (uint64_t)(unsigned char)found[16 + i] << (8 * i);
	*ret = bytes + start;
	*ret_len = size < len - start ? (size_t)size : len - start;
	*at = start + *ret_len;
	return true;
}
