/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/list_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/engine/snapshot.h"
#include "filter/services/clock.h"

/* A file is taken when it has not changed for so long: from one look to the next. */
#define LOOK_MS 500

struct list_watch {
	struct snapshot *(*current)(void *arg);
	void *arg;
	struct log *log;
	pthread_t thread;
	pthread_mutex_t lock; /* guards stop */
	pthread_cond_t wake;
	bool stop;
};

static void look_at(struct list_watch *w, const struct snapshot *s, struct list *l)
{
	struct err why;
	int r = list_refresh(l, snapshot_needs_list(s, list_name(l)), s->store, &why);

	if (r > 0)
		log_write(w->log, LOG_LEVEL_INFO, "list %s was read again: %zu items", list_name(l), list_len(l));
	else if (r < 0) /* the first line alone: the ones below show the item */
		log_write(w->log, LOG_LEVEL_WARNING, "list %s keeps its old contents: %.*s", list_name(l), (int)strcspn(why.text, "\n"), why.text);
}

static bool stopping(struct list_watch *w)
{
	bool stop;

	(void)pthread_mutex_lock(&w->lock);
	stop = w->stop;
	(void)pthread_mutex_unlock(&w->lock);
	return stop;
}

static void *watch_main(void *arg)
{
	struct list_watch *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		struct timespec until;
		struct snapshot *s;

		(void)pthread_mutex_unlock(&w->lock);
		s = w->current(w->arg);
		for (size_t i = 0; i < s->policy->lists.len && !stopping(w); i++)
			look_at(w, s, s->policy->lists.items[i]);
		snapshot_unref(s);
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_mutex_lock(&w->lock);
		while (!w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
			;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct list_watch *list_watch_new(struct snapshot *(*current)(void *arg), void *arg, struct log *log)
{
	struct list_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->current = current;
	w->arg = arg;
	w->log = log;
	(void)pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	if (pthread_create(&w->thread, NULL, watch_main, w) == 0)
		return w;
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->wake);
	free(w);
	return NULL;
}

void list_watch_free(struct list_watch *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->wake);
	free(w);
}
