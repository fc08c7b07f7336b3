/* SPDX-License-Identifier: BSD-2-Clause */
/* once.h - was this said within the last hour? So that a thousand messages with one cause are one warning. Any threads. */
#ifndef OBSERVE_ONCE_H
#define OBSERVE_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONCE_MS  3600000
#define ONCE_MAX 1024 /* things that are remembered; of more, the oldest are forgotten, and may be said again */

struct once;

struct once *once_new(void);      /* NULL: no memory */
void once_free(struct once *o); /* takes NULL */
/* True: it was not, and now counts as said. now_ms: monotonic. */
bool once_first(struct once *o, const void *key, size_t len, int64_t now_ms);

#endif
