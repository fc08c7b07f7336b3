/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/grow.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_BYTES 65536 /* above it copying would be felt */

void *grow(void *old, size_t had, size_t size)
{
	void *grown;

	if (had >= SMALL_BYTES)
		return realloc(old, size);
	grown = malloc(size);
	if (!grown)
		return NULL;
	if (had)
		memcpy(grown, old, had);
	free(old);
	return grown;
}
