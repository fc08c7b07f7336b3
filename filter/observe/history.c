/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/observe/case_person.h"

struct entry {
	char *json; /* NULL: empty */
	size_t len;
	char id[16], queue_id[64];
	char *message_id; /* points behind the JSON */
};

struct history {
	pthread_mutex_t lock; /* guards all below */
	struct entry *ring;
	size_t size, next;
};

struct history *history_new(size_t cases)
{
	struct history *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	(void)pthread_mutex_init(&h->lock, NULL);
	if (!history_resize(h, cases)) {
		history_free(h);
		return NULL;
	}
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->size; i++)
		free(h->ring[i].json);
	free(h->ring);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

bool history_resize(struct history *h, size_t cases)
{
	struct entry *ring = calloc(cases ? cases : 1, sizeof *ring);
	size_t kept = 0;

	if (!ring)
		return false;
	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size; i++) { /* from the newest back */
		struct entry *e = &h->ring[(h->next + h->size - 1 - i) % h->size];

		if (e->json && kept < cases)
			ring[cases - 1 - kept++] = *e;
		else
			free(e->json);
	}
	free(h->ring);
	h->ring = ring;
	h->size = cases;
	h->next = 0;
	(void)pthread_mutex_unlock(&h->lock);
	return true;
}

void history_add(struct history *h, const struct case_ *c, const char *json, size_t len)
{
	size_t id_len = strlen(c->message_id);
	struct entry e = { .json = malloc(len + 1 + id_len + 1), .len = len };
	char *old = e.json;

	if (!e.json)
		return; /* a case less to look back at */
	memcpy(e.json, json, len);
	e.json[len] = '\0';
	e.message_id = e.json + len + 1;
	memcpy(e.message_id, c->message_id, id_len + 1);
	(void)strncpy(e.id, c->id, sizeof e.id - 1);
	(void)strncpy(e.queue_id, c->queue_id, sizeof e.queue_id - 1);

	(void)pthread_mutex_lock(&h->lock);
	if (h->size) {
		old = h->ring[h->next].json;
		h->ring[h->next] = e;
		h->next = (h->next + 1) % h->size;
	}
	(void)pthread_mutex_unlock(&h->lock);
	free(old);
}

static bool same_message_id(const char *have, const char *want)
{
	size_t len = strlen(have);

	if (!strcmp(have, want))
		return *want != '\0';
	return len > 2 && have[0] == '<' && strlen(want) == len - 2 && !strncmp(have + 1, want, len - 2);
}

bool history_find(struct history *h, const char *id, struct text *out)
{
	bool found = false;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size && !found; i++) {
		const struct entry *e = &h->ring[(h->next + h->size - 1 - i) % h->size];

		if (!e->json || (strcmp(e->id, id) != 0 && (!*id || strcmp(e->queue_id, id) != 0) && !same_message_id(e->message_id, id)))
			continue;
		text_add(out, e->json, e->len);
		found = true;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return found;
}

size_t history_forget(struct history *h, const char *person)
{
	size_t forgotten = 0;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size; i++) {
		if (!h->ring[i].json || !case_names(h->ring[i].json, h->ring[i].len, person, NULL))
			continue;
		free(h->ring[i].json);
		h->ring[i] = (struct entry){ 0 };
		forgotten++;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return forgotten;
}
