/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_quota.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * DMARC_QUOTA_DOMAINS) /* a power of two */

struct slot {
	uint64_t hash;
	unsigned count; /* 0: free */
};
struct dmarc_quota {
	unsigned each, all;
	pthread_mutex_t lock; /* guards all below */
	int64_t day;
	size_t domains;
	unsigned taken;
	struct slot slots[SLOTS];
};

struct dmarc_quota *dmarc_quota_new(unsigned each, unsigned all)
{
	struct dmarc_quota *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->each = each;
	q->all = all;
	q->day = INT64_MIN;
	(void)pthread_mutex_init(&q->lock, NULL);
	return q;
}

void dmarc_quota_free(struct dmarc_quota *q)
{
	if (!q)
		return;
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool take(struct dmarc_quota *q, uint64_t hash, unsigned *ret_number)
{
	size_t at = (size_t)hash & (SLOTS - 1);
	struct slot *s;

	while (q->slots[at].count && q->slots[at].hash != hash)
		at = (at + 1) & (SLOTS - 1);
	s = &q->slots[at];
	if (q->taken == q->all || s->count == q->each || (!s->count && q->domains == DMARC_QUOTA_DOMAINS))
		return false;
	q->domains += !s->count;
	q->taken++;
	s->hash = hash;
	*ret_number = s->count++;
	return true;
}

bool dmarc_quota_take(struct dmarc_quota *q, int64_t day, uint64_t domain_hash, unsigned *ret_number)
{
	bool taken;

	(void)pthread_mutex_lock(&q->lock);
	if (day > q->day) {
		memset(q->slots, 0, sizeof q->slots);
		q->domains = q->taken = 0;
		q->day = day;
	}
	taken = take(q, domain_hash, ret_number);
	(void)pthread_mutex_unlock(&q->lock);
	return taken;
}
