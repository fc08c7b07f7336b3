/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/handover.h"

#include <pthread.h>
#include <stdlib.h>

#include "filter/services/clock.h"

struct handover {
	void *thing;
	void (*free_thing)(void *thing);
	pthread_mutex_t lock; /* guards all below, and the thing once it is ready */
	pthread_cond_t ready;
	bool done;
	unsigned references;
};

struct handover *handover_new(void *thing, void (*free_thing)(void *thing))
{
	struct handover *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->thing = thing;
	h->free_thing = free_thing;
	h->references = 2;
	(void)pthread_mutex_init(&h->lock, NULL);
	clock_cond_init(&h->ready);
	return h;
}

/* With the lock held, which is given back. */
static void unref_locked(struct handover *h)
{
	bool last = --h->references == 0;

	(void)pthread_mutex_unlock(&h->lock);
	if (!last)
		return;
	h->free_thing(h->thing);
	(void)pthread_mutex_destroy(&h->lock);
	(void)pthread_cond_destroy(&h->ready);
	free(h);
}

void handover_done(struct handover *h)
{
	(void)pthread_mutex_lock(&h->lock);
	h->done = true;
	(void)pthread_cond_signal(&h->ready);
	unref_locked(h);
}

bool handover_wait(struct handover *h, int64_t timeout_ms)
{
	struct timespec until = clock_timespec(clock_mono_ms() + timeout_ms);
	bool done;

	(void)pthread_mutex_lock(&h->lock);
	while (!h->done && !pthread_cond_timedwait(&h->ready, &h->lock, &until))
		;
	done = h->done;
	(void)pthread_mutex_unlock(&h->lock);
	return done;
}

void handover_leave(struct handover *h)
{
	(void)pthread_mutex_lock(&h->lock);
	unref_locked(h);
}
