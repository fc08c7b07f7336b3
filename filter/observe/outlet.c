/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/outlet.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/services/clock.h"

#define WAIT_FIRST_MS 1000
#define WAIT_LAST_MS  300000

struct line {
	struct line *next;
	size_t len;
	char bytes[];
};

struct outlet {
	enum outlet_result (*send)(void *arg, const char *line, size_t len, char why[200]);
	void (*trouble)(void *arg, const char *why);
	void *arg;
	pthread_t thread;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct line *first, **last;
	size_t count;
	bool closing, overflowed;

	/* the thread's own */
	int64_t wait_ms; /* 0: the last line was sent */
	bool in_trouble;
};

static void tell(struct outlet *o, const char *why)
{
	if (!why && !o->in_trouble)
		return;
	o->in_trouble = why != NULL;
	o->trouble(o->arg, why);
}

/* The oldest, off the queue; NULL: it is time to end. Waits for one, or until the next try is due. */
static struct line *take(struct outlet *o)
{
	struct timespec until = clock_timespec(clock_mono_ms() + o->wait_ms);
	struct line *line;

	(void)pthread_mutex_lock(&o->lock);
	while (!o->closing && (!o->first || o->wait_ms)) {
		if (!o->first)
			(void)pthread_cond_wait(&o->wake, &o->lock);
		else if (pthread_cond_timedwait(&o->wake, &o->lock, &until))
			break;
	}
	line = o->first;
	if (line) {
		o->first = line->next;
		if (!o->first)
			o->last = &o->first;
		o->count--;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return line;
}

/* Back to where it was. */
static void put_first(struct outlet *o, struct line *line)
{
	line->next = o->first;
	if (!o->first)
		o->last = &line->next;
	o->first = line;
	o->count++;
}

static void drop_all(struct outlet *o)
{
	while (o->first) {
		struct line *line = o->first;

		o->first = line->next;
		free(line);
	}
	o->last = &o->first;
	o->count = 0;
}

/* It could not be sent: it waits for the next try, unless there will be none, for this line and for the others. */
static void keep(struct outlet *o, struct line *line)
{
	(void)pthread_mutex_lock(&o->lock);
	put_first(o, line);
	if (o->closing)
		drop_all(o);
	(void)pthread_mutex_unlock(&o->lock);
}

static bool has_overflowed(struct outlet *o)
{
	bool was;

	(void)pthread_mutex_lock(&o->lock);
	was = o->overflowed;
	o->overflowed = false;
	(void)pthread_mutex_unlock(&o->lock);
	return was;
}

static void deliver(struct outlet *o, struct line *line)
{
	char why[200] = "";

	switch (o->send(o->arg, line->bytes, line->len, why)) {
	case OUTLET_SENT:
		free(line);
		o->wait_ms = 0;
		tell(o, NULL);
		break;
	case OUTLET_NEVER:
		free(line);
		o->wait_ms = 0;
		tell(o, why);
		break;
	case OUTLET_LATER:
		if (!o->in_trouble)
			tell(o, why);
		keep(o, line);
		o->wait_ms = !o->wait_ms ? WAIT_FIRST_MS : o->wait_ms * 2 > WAIT_LAST_MS ? WAIT_LAST_MS : o->wait_ms * 2;
		break;
	}
	if (has_overflowed(o))
		tell(o, "more events wait than are kept: the oldest are lost");
}

static void *run(void *arg)
{
	struct outlet *o = arg;
	struct line *line;

	while ((line = take(o)))
		deliver(o, line);
	return NULL;
}

void outlet_add(struct outlet *o, const char *bytes, size_t len)
{
	struct line *line = malloc(sizeof *line + len), *lost = NULL;

	if (!line)
		return;
	*line = (struct line){ .len = len };
	memcpy(line->bytes, bytes, len);
	(void)pthread_mutex_lock(&o->lock);
	if (o->count >= OUTLET_LINES_MAX) {
		lost = o->first;
		o->first = lost->next;
		o->count--;
		o->overflowed = true;
	}
	if (!o->first)
		o->last = &o->first;
	*o->last = line;
	o->last = &line->next;
	o->count++;
	(void)pthread_cond_signal(&o->wake);
	(void)pthread_mutex_unlock(&o->lock);
	free(lost);
}

struct outlet *outlet_new(enum outlet_result (*send)(void *arg, const char *line, size_t len, char why[200]), void (*trouble)(void *arg, const char *why), void *arg)
{
	struct outlet *o = calloc(1, sizeof *o);
	sigset_t all, before;
	int r;

	if (!o)
		return NULL;
	o->send = send;
	o->trouble = trouble;
	o->arg = arg;
	o->last = &o->first;
	(void)pthread_mutex_init(&o->lock, NULL);
	clock_cond_init(&o->wake);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&o->thread, NULL, run, o);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		return o;
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_cond_destroy(&o->wake);
	free(o);
	return NULL;
}

void outlet_free(struct outlet *o)
{
	if (!o)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->closing = true;
	(void)pthread_cond_signal(&o->wake);
	(void)pthread_mutex_unlock(&o->lock);
	(void)pthread_join(o->thread, NULL);
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_cond_destroy(&o->wake);
	free(o);
}
