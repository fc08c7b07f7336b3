/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/health.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"
#include "filter/services/clock.h"

struct subject {
	char *name, *why;
	bool healthy;
	int64_t since_ms;
};

struct health {
	void (*changed)(void *arg, const struct health_row *row);
	void *arg;
	pthread_mutex_t lock;         /* subjects */
	VEC(struct subject) subjects; /* in order of name */
};

struct health *health_new(void (*changed)(void *arg, const struct health_row *row), void *arg)
{
	struct health *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->changed = changed;
	h->arg = arg;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void subject_done(struct subject *s)
{
	free(s->name);
	free(s->why);
}

void health_free(struct health *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->subjects.len; i++)
		subject_done(&h->subjects.items[i]);
	vec_done(&h->subjects);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* Where the subject is, or has to be put. */
static size_t place_of(const struct health *h, const char *name, bool *ret_found)
{
	size_t low = 0, high = h->subjects.len;

	*ret_found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, h->subjects.items[mid].name);

		if (order == 0) {
			*ret_found = true;
			return mid;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

bool health_is_good(struct health *h, const char *subject)
{
	bool found, good = true;
	size_t at;

	pthread_mutex_lock(&h->lock);
	at = place_of(h, subject, &found);
	if (found)
		good = h->subjects.items[at].healthy;
	pthread_mutex_unlock(&h->lock);
	return good;
}

/* A new subject at its place; false: no room. */
static bool insert(struct health *h, size_t at, const char *name)
{
	struct subject s = { .name = strdup(name), .healthy = true, .since_ms = clock_wall_ms() };

	if (!s.name || h->subjects.len >= HEALTH_MAX_SUBJECTS || !vec_push(&h->subjects, s)) {
		subject_done(&s);
		return false;
	}
	memmove(&h->subjects.items[at + 1], &h->subjects.items[at], (h->subjects.len - 1 - at) * sizeof s);
	h->subjects.items[at] = s;
	return true;
}

void health_report(struct health *h, const char *subject, bool healthy, const char *why)
{
	struct health_row row = { .subject = subject, .why = why, .healthy = healthy };
	bool found, changed = false;
	size_t at;

	pthread_mutex_lock(&h->lock);
	at = place_of(h, subject, &found);
	if (found || insert(h, at, subject)) {
		struct subject *s = &h->subjects.items[at];

		changed = s->healthy != healthy;
		if (changed)
			s->since_ms = clock_wall_ms();
		s->healthy = healthy;
		row.since_ms = s->since_ms;
		if (!s->why || strcmp(s->why, why) != 0) {
			free(s->why);
			s->why = strdup(why);
		}
	}
	pthread_mutex_unlock(&h->lock);

	if (changed && h->changed)
		h->changed(h->arg, &row);
}

void health_forget(struct health *h, const char *subject)
{
	bool found;
	size_t at;

	pthread_mutex_lock(&h->lock);
	at = place_of(h, subject, &found);
	if (found) {
		subject_done(&h->subjects.items[at]);
		h->subjects.len--;
		memmove(&h->subjects.items[at], &h->subjects.items[at + 1], (h->subjects.len - at) * sizeof *h->subjects.items);
	}
	pthread_mutex_unlock(&h->lock);
}

void health_each(struct health *h, void (*row)(void *arg, const struct health_row *row), void *arg)
{
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->subjects.len; i++) {
		const struct subject *s = &h->subjects.items[i];

		row(arg, &(struct health_row){ s->name, s->why ? s->why : "", s->healthy, s->since_ms });
	}
	pthread_mutex_unlock(&h->lock);
}
