/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.h - memory for a library that no sanitizer sees into: an octet written behind a block aborts the test when the block is
 * given back.
 */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BYTES 32
#define GUARD_OCTET 0xa5

union guard_head {
	size_t size;
	max_align_t align;
};

static inline void *guard_take(void *closure, size_t size)
{
	union guard_head *head = malloc(sizeof *head + size + GUARD_BYTES);

	(void)closure;
	if (!head)
		return NULL;
	head->size = size;
	memset((char *)(head + 1) + size, GUARD_OCTET, GUARD_BYTES);
	return head + 1;
}

static inline void guard_give(void *closure, void *p)
{
	union guard_head *head = p;
	const unsigned char *behind;

	(void)closure;
	if (!p)
		return;
	head--;
	behind = (const unsigned char *)p + head->size;
	for (size_t i = 0; i < GUARD_BYTES; i++)
		if (behind[i] != GUARD_OCTET)
			abort();
	free(head);
}

#endif
