/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/vec.h"

#include "filter/base/grow.h"
#include "filter/base/shortage.h"

#define VEC_FIRST_CAPACITY 8

bool vec_grow(void **items, size_t *capacity, size_t len, size_t size)
{
	size_t want, bytes;
	void *grown;

	if (len < *capacity)
		return true;
	if (*capacity > SIZE_MAX / 2)
		return false;
	want = *capacity ? *capacity * 2 : VEC_FIRST_CAPACITY;
	grown = __builtin_mul_overflow(want, size, &bytes) ? NULL : grow(*items, *capacity * size, bytes);
	if (!grown) {
		shortage_note();
		return false;
	}
	*items = grown;
	*capacity = want;
	return true;
}
