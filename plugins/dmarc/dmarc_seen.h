/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_seen.h - which rows this day has so far: anybody can make up domains, selectors and senders, and is not to fill the store
 * with them. Any thread.
 */
#ifndef PLUGINS_DMARC_SEEN_H
#define PLUGINS_DMARC_SEEN_H

#include <stddef.h>
#include <stdint.h>

struct dmarc_seen;

/* NULL: no memory. */
struct dmarc_seen *dmarc_seen_new(size_t max_rows, size_t max_bytes);
void dmarc_seen_free(struct dmarc_seen *s); /* takes NULL */

enum dmarc_admission {
	DMARC_ADMITTED,
	DMARC_FIRST, /* admitted, the first of its day */
	DMARC_FULL,  /* a new one, and there are max_rows already, or with it they would have more than max_bytes */
};
/* hash, bytes: of the row. What still comes for a day that is over counts for the present one. */
enum dmarc_admission dmarc_seen_admit(struct dmarc_seen *s, int64_t day, uint64_t hash, size_t bytes);

#endif
