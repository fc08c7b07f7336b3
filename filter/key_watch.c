/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/key_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"
#include "filter/services/clock.h"

struct key {
	char *name;
	enum dkim_found found;
	int64_t since_ms, asked_ms;
};
struct keys {
	struct key *items;
	size_t len, capacity;
};

struct key_watch {
	void (*changed)(void *arg, const struct key_watch_row *row);
	void *arg;
	pthread_mutex_t lock; /* guards keys */
	struct keys keys;
};

/* A look at all keys, which takes the place of the one before. */
struct look {
	struct key_watch *watch;
	struct keys keys;
};

static void keys_done(struct keys *keys)
{
	for (size_t i = 0; i < keys->len; i++)
		free(keys->items[i].name);
	vec_done(keys);
}

struct key_watch *key_watch_new(void (*changed)(void *arg, const struct key_watch_row *row), void *arg)
{
	struct key_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->changed = changed;
	w->arg = arg;
	(void)pthread_mutex_init(&w->lock, NULL);
	return w;
}

void key_watch_free(struct key_watch *w)
{
	if (!w)
		return;
	keys_done(&w->keys);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

static const struct key *find(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->len; i++)
		if (!strcmp(keys->items[i].name, name))
			return &keys->items[i];
	return NULL;
}

static struct key_watch_row row_of(const struct key *k)
{
	return (struct key_watch_row){ k->name, k->found, k->since_ms, k->asked_ms };
}

/* watch->keys is changed by this thread alone, and read here without the lock. */
static void on_key(void *arg, const struct dkim_published *p)
{
	struct look *l = arg;
	const struct key *before = find(&l->watch->keys, p->name);
	int64_t now = clock_wall_ms();
	struct key k = { strdup(p->name), p->found, now, now };
	struct key_watch_row row;

	if (before && p->found == DKIM_FOUND_UNANSWERED) {
		k.found = before->found;
		k.asked_ms = before->asked_ms;
	}
	if (before && before->found == k.found)
		k.since_ms = before->since_ms;
	if (!k.name || !vec_push(&l->keys, k)) {
		free(k.name);
		return;
	}
	row = row_of(&k);
	if (dkim_found_is_bad(k.found) ? !before || before->found != k.found : before && dkim_found_is_bad(before->found))
		l->watch->changed(l->watch->arg, &row);
}

void key_watch_look(struct key_watch *w, const struct snapshot *s)
{
	struct look l = { .watch = w };
	struct keys old;

	if (dkim_published_each(s, NULL, on_key, &l) < 0) { /* no memory: the next time */
		keys_done(&l.keys);
		return;
	}
	(void)pthread_mutex_lock(&w->lock);
	old = w->keys;
	w->keys = l.keys;
	(void)pthread_mutex_unlock(&w->lock);
	keys_done(&old);
}

void key_watch_each(struct key_watch *w, void (*row)(void *arg, const struct key_watch_row *row), void *arg)
{
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->keys.len; i++) {
		struct key_watch_row r = row_of(&w->keys.items[i]);

		row(arg, &r);
	}
	(void)pthread_mutex_unlock(&w->lock);
}
