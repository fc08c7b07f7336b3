/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shortage.h - has this thread been refused memory? What was read only in part must not be taken for a fact: who judges compares the counts of
 * before and after. text.h, vec.h and arena.h note it, and OpenSSL does after shortage_watch_openssl(); who calls malloc() himself handles its NULL.
 */
#ifndef BASE_SHORTAGE_H
#define BASE_SHORTAGE_H

#include <stddef.h>

unsigned shortage_count(void); /* so often, in this thread */
void shortage_note(void);
void *shortage_zalloc(size_t size); /* as calloc(1, size), and notes a NULL */
/* Before OpenSSL is used for the first time. */
void shortage_watch_openssl(void);

#endif
