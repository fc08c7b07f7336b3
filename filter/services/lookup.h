/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup.h - records of several names, asked for side by side, some dozens at a time. */
#ifndef SERVICES_LOOKUP_H
#define SERVICES_LOOKUP_H

#include "filter/services/resolver.h"

struct lookup {
	const char *name;
	enum sluice_dns_type type;
	struct dns_answer *answer; /* counted; NULL: the name cannot be in the DNS */
	int64_t took_ms;           /* until it came */
};
/* Fill in the answers. Waits until each is here, or the resolver's own timeout is over. */
void lookup_all(struct resolver *r, struct lookup *lookups, size_t count);

#endif
