/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/once.h"

#include <pthread.h>
#include <stdlib.h>

#include "filter/base/hash.h"

struct said {
	uint64_t hash; /* of the key, which comes from the network: the table's own hash key makes it unguessable */
	int64_t at_ms;
};

struct once {
	struct hash_key key;
	pthread_mutex_t lock; /* guards all below */
	struct said said[ONCE_MAX];
	size_t count, next; /* used; the one to use next, the oldest when all are used */
};

struct once *once_new(void)
{
	struct once *o = calloc(1, sizeof *o);

	if (!o)
		return NULL;
	o->key = hash_key_random();
	(void)pthread_mutex_init(&o->lock, NULL);
	return o;
}

void once_free(struct once *o)
{
	if (!o)
		return;
	(void)pthread_mutex_destroy(&o->lock);
	free(o);
}

bool once_first(struct once *o, const void *key, size_t len, int64_t now_ms)
{
	uint64_t hash = hash_bytes(&o->key, key, len);
	struct said *said = NULL;
	bool first;

	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->count && !said; i++)
		if (o->said[i].hash == hash)
			said = &o->said[i];
	first = !said || now_ms - said->at_ms >= ONCE_MS;
	if (!said) {
		said = &o->said[o->next];
		o->next = (o->next + 1) % ONCE_MAX;
		o->count += o->count < ONCE_MAX;
	}
	if (first)
		*said = (struct said){ hash, now_ms };
	(void)pthread_mutex_unlock(&o->lock);
	return first;
}
