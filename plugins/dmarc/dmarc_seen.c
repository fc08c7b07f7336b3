/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_seen.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct dmarc_seen {
	size_t max, max_bytes;
	size_t size;          /* of slots: a power of two, twice max at least */
	pthread_mutex_t lock; /* guards all below */
	int64_t day;
	size_t count, bytes; /* of its rows */
	uint64_t slots[];    /* 0: free */
};

struct dmarc_seen *dmarc_seen_new(size_t max_rows, size_t max_bytes)
{
	struct dmarc_seen *s;
	size_t size = 16;

	while (size / 2 < max_rows)
		size *= 2;
	s = calloc(1, sizeof *s + size * sizeof s->slots[0]);
	if (!s)
		return NULL;
	s->max = max_rows;
	s->max_bytes = max_bytes;
	s->size = size;
	s->day = INT64_MIN;
	(void)pthread_mutex_init(&s->lock, NULL);
	return s;
}

void dmarc_seen_free(struct dmarc_seen *s)
{
	if (!s)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static enum dmarc_admission admit(struct dmarc_seen *s, uint64_t hash, size_t bytes)
{
	size_t at = (size_t)hash & (s->size - 1);

	while (s->slots[at] && s->slots[at] != hash)
		at = (at + 1) & (s->size - 1);
	if (s->slots[at])
		return DMARC_ADMITTED;
	if (s->count == s->max || bytes > s->max_bytes - s->bytes)
		return DMARC_FULL;
	s->slots[at] = hash;
	s->count++;
	s->bytes += bytes;
	return DMARC_ADMITTED;
}

enum dmarc_admission dmarc_seen_admit(struct dmarc_seen *s, int64_t day, uint64_t hash, size_t bytes)
{
	enum dmarc_admission result;
	bool first;

	(void)pthread_mutex_lock(&s->lock);
	first = day > s->day;
	if (first) {
		memset(s->slots, 0, s->size * sizeof s->slots[0]);
		s->count = s->bytes = 0;
		s->day = day;
	}
	result = admit(s, hash ? hash : 1, bytes);
	(void)pthread_mutex_unlock(&s->lock);
	return first && result == DMARC_ADMITTED ? DMARC_FIRST : result;
}
