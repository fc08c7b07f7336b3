/* SPDX-License-Identifier: BSD-2-Clause */
/* grow.h - memory that grows: below vec.h and text.h. */
#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <stddef.h>

/*
 * As realloc(old, size), with size > had, the octets that old has (NULL: 0). NULL: no memory; old is as it was.
 *
 * realloc() takes a small block's room from the hole behind it, and glibc gives what is left of the hole to the cache of the thread, where a size that
 * nobody asks for lies for good: in each thread up to 240 KB of them, which fill for hours. So a small block is moved instead.
 */
void *grow(void *old, size_t had, size_t size);

#endif
