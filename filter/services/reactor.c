/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/reactor.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job {
	struct job *next;
	void (*fn)(void *arg);
	void *arg;
	bool borrowed; /* its memory is not ours to free */
};

struct reactor {
	struct event_base *base; /* of the thread alone, once it runs */
	struct event *woken;
	int wake_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* first, last */
	struct job *first, **last;
};

static void wake(struct reactor *r)
{
	/* an eventfd refuses a write only when it is about to overflow: then the thread is being woken anyway */
	(void)!eventfd_write(r->wake_fd, 1);
}

static void on_wake(int fd, short what, void *arg)
{
	struct reactor *r = arg;
	struct job *jobs, *next;
	eventfd_t count;

	(void)what;
	(void)!eventfd_read(fd, &count);
	pthread_mutex_lock(&r->lock);
	jobs = r->first;
	r->first = NULL;
	r->last = &r->first;
	pthread_mutex_unlock(&r->lock);

	for (; jobs; jobs = next) {
		bool borrowed = jobs->borrowed;

		next = jobs->next;
		jobs->fn(jobs->arg); /* a borrowed job may be gone when it returns */
		if (!borrowed)
			free(jobs);
	}
}

static void *run(void *arg)
{
	struct reactor *r = arg;

	event_base_loop(r->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static int start_thread(struct reactor *r)
{
	sigset_t all, before;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
	e = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e == 0)
		pthread_setname_np(r->thread, "reactor");
	return e;
}

static void release(struct reactor *r)
{
	if (r->woken)
		event_free(r->woken);
	if (r->base)
		event_base_free(r->base);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void stop(void *arg)
{
	struct reactor *r = arg;

	event_base_loopbreak(r->base);
}

struct reactor *reactor_new(void)
{
	struct reactor *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->last = &r->first;
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->base = event_base_new();
	if (r->wake_fd < 0 || !r->base)
		goto fail;
	r->woken = event_new(r->base, r->wake_fd, EV_READ | EV_PERSIST, on_wake, r);
	if (!r->woken || event_add(r->woken, NULL) < 0)
		goto fail;
	if (start_thread(r) != 0)
		goto fail;
	return r;
fail:
	release(r);
	return NULL;
}

static void queue(struct reactor *r, struct job *job)
{
	pthread_mutex_lock(&r->lock);
	*r->last = job;
	r->last = &job->next;
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

void reactor_free(struct reactor *r)
{
	struct job last = { .fn = stop, .arg = r, .borrowed = true };

	if (!r)
		return;
	queue(r, &last);
	pthread_join(r->thread, NULL);
	release(r);
}

struct event_base *reactor_base(struct reactor *r)
{
	return r->base;
}

int reactor_post(struct reactor *r, void (*fn)(void *arg), void *arg)
{
	struct job *job = malloc(sizeof *job);

	if (!job)
		return -ENOMEM;
	*job = (struct job){ .fn = fn, .arg = arg };
	queue(r, job);
	return 0;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
	pthread_mutex_t lock; /* done */
	pthread_cond_t changed;
	bool done;
};

static void run_call(void *arg)
{
	struct call *call = arg;

	call->fn(call->arg);
	pthread_mutex_lock(&call->lock);
	call->done = true;
	pthread_cond_signal(&call->changed);
	pthread_mutex_unlock(&call->lock);
}

void reactor_call(struct reactor *r, void (*fn)(void *arg), void *arg)
{
	struct call call = {
		.fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER
	};
	struct job job = { .fn = run_call, .arg = &call, .borrowed = true };

	queue(r, &job);
	pthread_mutex_lock(&call.lock);
	while (!call.done)
		pthread_cond_wait(&call.changed, &call.lock);
	pthread_mutex_unlock(&call.lock);
}
