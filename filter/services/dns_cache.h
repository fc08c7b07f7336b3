/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_cache.h - answers kept for their TTL, read by the session threads themselves: what is here fills a slot at once.
 * Sharded, each shard with its own lock; bounded in octets: the oldest of a shard make room. Any threads.
 */
#ifndef SERVICES_DNS_CACHE_H
#define SERVICES_DNS_CACHE_H

#include "filter/services/dns.h"

struct dns_cache;
struct dns_cache_stats {
	uint64_t hits, misses, evicted, entries, size_bytes;
};

struct dns_cache *dns_cache_new(size_t max_bytes); /* 0: keeps nothing. NULL: no memory */
void dns_cache_free(struct dns_cache *c);
/*
 * A counted answer that is still alive at now_ms (monotonic), or NULL. *ret_age_s is how long ago it was stored.
 * The TTL that the answer itself shows is the one it came with.
 */
struct dns_answer *dns_cache_get(
	struct dns_cache *c, const struct dns_question *q, int64_t now_ms, uint32_t *ret_age_s);
/* Keep an answer (its own reference) for its TTL, at most a day. With TTL 0, and TIMEOUT, it is not kept. */
void dns_cache_put(struct dns_cache *c, const struct dns_question *q, struct dns_answer *a, int64_t now_ms);
struct dns_cache_stats dns_cache_stats(struct dns_cache *c);

#endif
