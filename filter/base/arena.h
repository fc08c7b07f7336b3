/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - memory that ends all at once: what lives as long as one connection or one message.
 * An arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/cleanup.h"

struct arena;

/* An arena that gives out at most max_bytes in all. NULL: no memory. */
struct arena *arena_new(size_t max_bytes);
/* Takes NULL. */
void arena_free(struct arena *a);
/* Forget everything that was given out. */
void arena_reset(struct arena *a);
/* size zeroed bytes, aligned for any type; size 0 gives a pointer too. NULL: no memory or over max_bytes. */
void *arena_alloc(struct arena *a, size_t size);
/* Would size more bytes be over max_bytes? Else a NULL of arena_alloc() means that there is no memory. */
bool arena_is_full(const struct arena *a, size_t size);
/* A copy with a NUL after it. NULL as arena_alloc(). */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) SLUICE_PRINTF(2, 3);

#endif
