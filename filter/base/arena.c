/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/shortage.h"

#define FIRST_BLOCK_BYTES  1024
#define LARGEST_STEP_BYTES (256 * 1024) /* blocks double up to here */

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, size)   ASAN_POISON_MEMORY_REGION(p, size)
#define UNHIDE(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define HIDE(p, size)   ((void)(p), (void)(size))
#define UNHIDE(p, size) ((void)(p), (void)(size))
#endif

struct block {
	struct block *next; /* the one before it in time */
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *current; /* NULL: nothing was given out */
	size_t max_bytes, given_bytes;
	size_t step_bytes; /* of the next block */
};

static struct block *block_new(size_t size)
{
	struct block *b = malloc(sizeof *b + size);

	if (!b) {
		shortage_note();
		return NULL;
	}
	b->next = NULL;
	b->size = size;
	b->used = 0;
	HIDE(b->bytes, size);
	return b;
}

static void block_free(struct block *b)
{
	UNHIDE(b->bytes, b->size);
	free(b);
}

struct arena *arena_new(size_t max_bytes)
{
	struct arena *a = malloc(sizeof *a);

	if (!a)
		return NULL;
	*a = (struct arena){ .max_bytes = max_bytes, .step_bytes = FIRST_BLOCK_BYTES };
	return a;
}

static void drop_all(struct arena *a)
{
	while (a->current) {
		struct block *b = a->current;

		a->current = b->next;
		block_free(b);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	drop_all(a);
	free(a);
}

void arena_reset(struct arena *a)
{
	drop_all(a);
	a->given_bytes = 0;
	a->step_bytes = FIRST_BLOCK_BYTES;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->current;
	size_t rounded;
	char *p;

	if (size > a->max_bytes)
		return NULL;
	rounded = size ? (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1) : alignof(max_align_t);
	if (rounded < size || rounded > a->max_bytes - a->given_bytes)
		return NULL;

	if (!b || rounded > b->size - b->used) {
		b = block_new(rounded > a->step_bytes ? rounded : a->step_bytes);
		if (!b)
			return NULL;
		b->next = a->current;
		a->current = b;
		if (a->step_bytes < LARGEST_STEP_BYTES)
			a->step_bytes *= 2;
	}
	p = b->bytes + b->used;
	b->used += rounded;
	a->given_bytes += rounded;
	UNHIDE(p, size);
	memset(p, 0, size);
	return p;
}

bool arena_is_full(const struct arena *a, size_t size)
{
	return size > a->max_bytes || a->max_bytes - a->given_bytes < size + alignof(max_align_t);
}

char *arena_copy(struct arena *a, const void *bytes, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

	if (copy && len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *out = NULL;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len >= 0)
		out = arena_alloc(a, (size_t)len + 1);
	if (!out)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(out, (size_t)len + 1, format, args);
	va_end(args);
	return out;
}
