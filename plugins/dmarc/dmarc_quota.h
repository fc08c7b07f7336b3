/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_quota.h - how many failure reports each policy domain has got this day: somebody may send a flood of messages in its name, and
 * somebody else make up names. Any thread.
 */
#ifndef PLUGINS_DMARC_QUOTA_H
#define PLUGINS_DMARC_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMARC_QUOTA_DOMAINS 4096 /* of one day; those that come after them get none */

struct dmarc_quota;

/* NULL: no memory. each: reports of one domain; all: of all of them. */
struct dmarc_quota *dmarc_quota_new(unsigned each, unsigned all);
void dmarc_quota_free(struct dmarc_quota *q); /* takes NULL */

/*
 * Take one. ret_number: how many the domain had before, of this day. False: it, or all, have had as many as they get. What still comes
 * for a day that is over counts for the present one.
 */
bool dmarc_quota_take(struct dmarc_quota *q, int64_t day, uint64_t domain_hash, unsigned *ret_number);

#endif
