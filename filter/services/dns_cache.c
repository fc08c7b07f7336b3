/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/dns_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/hash.h"

enum {
	SHARDS = 16,
	TYPICAL_ENTRY_BYTES = 512, /* as many hash chains as a full cache of such entries has */
	MIN_CHAINS = 16,
	MAX_TTL_S = 86400,
};

struct entry {
	struct entry *chain_next;
	struct entry *newer, *older; /* in order of use */
	struct dns_answer *answer;
	int64_t stored_ms, expires_ms;
	uint64_t hash;
	size_t size;
	enum sluice_dns_type type;
	size_t name_len;
	char name[];
};

struct shard {
	pthread_mutex_t lock; /* all of this shard */
	struct entry **chains;
	struct entry *newest, *oldest;
	struct dns_cache_stats stats;
};

struct dns_cache {
	struct hash_key key;
	size_t shard_max_bytes, chain_count;
	struct shard shards[SHARDS];
};

static size_t chains_for(size_t shard_max_bytes)
{
	size_t count = MIN_CHAINS;

	while (count < shard_max_bytes / TYPICAL_ENTRY_BYTES)
		count *= 2;
	return count;
}

struct dns_cache *dns_cache_new(size_t max_bytes)
{
	struct dns_cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->key = hash_key_random();
	c->shard_max_bytes = max_bytes / SHARDS;
	c->chain_count = chains_for(c->shard_max_bytes);
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	for (size_t i = 0; i < SHARDS; i++) {
		c->shards[i].chains = calloc(c->chain_count, sizeof *c->shards[i].chains);
		if (!c->shards[i].chains) {
			dns_cache_free(c);
			return NULL;
		}
	}
	return c;
}

static uint64_t hash_question(const struct dns_cache *c, const struct dns_question *q, size_t name_len)
{
	return hash_bytes(&c->key, q->name, name_len) ^ (uint64_t)q->type;
}

static struct shard *shard_of(struct dns_cache *c, uint64_t hash)
{
	return &c->shards[hash >> 60];
}

static struct entry **chain_of(const struct dns_cache *c, const struct shard *s, uint64_t hash)
{
	return &s->chains[hash & (c->chain_count - 1)];
}

static struct entry *find(
	const struct dns_cache *c, const struct shard *s, uint64_t hash, const struct dns_question *q, size_t name_len)
{
	for (struct entry *e = *chain_of(c, s, hash); e; e = e->chain_next) {
		if (e->hash == hash && e->type == q->type && e->name_len == name_len &&
			memcmp(e->name, q->name, name_len) == 0)
			return e;
	}
	return NULL;
}

static void list_remove(struct shard *s, struct entry *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void list_add(struct shard *s, struct entry *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void entry_free(struct entry *e)
{
	dns_answer_unref(e->answer);
	free(e);
}

static void discard(const struct dns_cache *c, struct shard *s, struct entry *e)
{
	struct entry **link = chain_of(c, s, e->hash);

	while (*link != e)
		link = &(*link)->chain_next;
	*link = e->chain_next;
	list_remove(s, e);
	s->stats.entries--;
	s->stats.size_bytes -= e->size;
	entry_free(e);
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shards[i];

		while (s->oldest)
			discard(c, s, s->oldest);
		free(s->chains);
		pthread_mutex_destroy(&s->lock);
	}
	free(c);
}

struct dns_answer *dns_cache_get(struct dns_cache *c, const struct dns_question *q, int64_t now_ms, uint32_t *ret_age_s)
{
	size_t name_len = strlen(q->name);
	uint64_t hash = hash_question(c, q, name_len);
	struct shard *s = shard_of(c, hash);
	struct dns_answer *answer = NULL;
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(c, s, hash, q, name_len);
	if (e && e->expires_ms <= now_ms) {
		discard(c, s, e);
		e = NULL;
	}
	if (e) {
		list_remove(s, e);
		list_add(s, e);
		answer = dns_answer_ref(e->answer);
		*ret_age_s = (uint32_t)((now_ms - e->stored_ms) / 1000);
		s->stats.hits++;
	} else {
		s->stats.misses++;
	}
	pthread_mutex_unlock(&s->lock);
	return answer;
}

void dns_cache_put(struct dns_cache *c, const struct dns_question *q, struct dns_answer *a, int64_t now_ms)
{
	const struct sluice_dns_answer *view = dns_answer_view(a);
	size_t name_len = strlen(q->name);
	uint64_t hash = hash_question(c, q, name_len);
	struct shard *s = shard_of(c, hash);
	size_t size = sizeof(struct entry) + name_len + dns_answer_size(a);
	struct entry *e, *old;

	if (view->ttl_s == 0 || view->status == SLUICE_DNS_TIMEOUT || size > c->shard_max_bytes)
		return;
	e = malloc(sizeof *e + name_len);
	if (!e)
		return;
	*e = (struct entry){
		.answer = dns_answer_ref(a), .hash = hash, .size = size, .type = q->type, .name_len = name_len
	};
	memcpy(e->name, q->name, name_len);
	e->stored_ms = now_ms;
	e->expires_ms = now_ms + (int64_t)(view->ttl_s < MAX_TTL_S ? view->ttl_s : MAX_TTL_S) * 1000;

	pthread_mutex_lock(&s->lock);
	old = find(c, s, hash, q, name_len);
	if (old)
		discard(c, s, old);
	while (s->stats.size_bytes + size > c->shard_max_bytes) {
		discard(c, s, s->oldest);
		s->stats.evicted++;
	}
	e->chain_next = *chain_of(c, s, hash);
	*chain_of(c, s, hash) = e;
	list_add(s, e);
	s->stats.entries++;
	s->stats.size_bytes += size;
	pthread_mutex_unlock(&s->lock);
}

struct dns_cache_stats dns_cache_stats(struct dns_cache *c)
{
	struct dns_cache_stats sum = { 0 };

	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shards[i];

		pthread_mutex_lock(&s->lock);
		sum.hits += s->stats.hits;
		sum.misses += s->stats.misses;
		sum.evicted += s->stats.evicted;
		sum.entries += s->stats.entries;
		sum.size_bytes += s->stats.size_bytes;
		pthread_mutex_unlock(&s->lock);
	}
	return sum;
}
