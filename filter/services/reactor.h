/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reactor.h - the one thread with the event loop: DNS, HTTP, timers. It does only short work.
 */
#ifndef SERVICES_REACTOR_H
#define SERVICES_REACTOR_H

#include <stdint.h>

struct reactor;
struct event_base;

/* The thread is started at once, with all signals blocked. NULL: no memory or no thread. */
struct reactor *reactor_new(void);
/* Run what was posted, stop the loop, join. Everything that has events on the base must be gone. Takes NULL. */
void reactor_free(struct reactor *r);
/* For the thread itself only (in a posted function). */
struct event_base *reactor_base(struct reactor *r);
/* Run fn(arg) on the reactor's thread, in order. Never blocks. -ENOMEM. Any thread. */
int reactor_post(struct reactor *r, void (*fn)(void *arg), void *arg);
/* The same, and wait until it has run; needs no memory. Not from the reactor's thread. */
void reactor_call(struct reactor *r, void (*fn)(void *arg), void *arg);

#endif
