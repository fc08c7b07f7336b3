/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libspf2_dns.h - libspf2 as the matcher of one mechanism, over DNS answers that are already here. It sees no name and no
 * text of the sender's: names are numbered (GUARD_CLEAN_TARGET and hosts), and only addresses are real.
 */
#ifndef LIBSPF2_LIBSPF2_DNS_H
#define LIBSPF2_LIBSPF2_DNS_H

#include "plugins/plugin.h"
#include "plugins/libspf2/libspf2_guard.h"

#define SPF_DNS_MAX_HOSTS 10 /* GUARD_MAX_MX, GUARD_MAX_PTR */

/* A name of the target's MX records, or of the client's PTR records. */
struct spf_host {
	bool within;                               /* of PTR: in the target domain */
	const struct sluice_dns_answer *addresses; /* NULL: not here yet */
};

/* All that libspf2 may see of the DNS while it matches. */
struct spf_view {
	struct sluice_ip client;
	bool any;                               /* see guard_clean_record() */
	const struct sluice_dns_answer *target; /* addresses of the target; NULL: not here yet */
	const struct spf_host *hosts;
	size_t host_count;
	bool missing; /* set: an answer was needed that is not here yet */
};

enum spf_match { SPF_MATCH, SPF_NO_MATCH, SPF_MATCH_PENDING, SPF_MATCH_TEMPERROR, SPF_MATCH_PERMERROR };

struct spf_library;
/* One serves any number of threads. NULL: no memory. */
struct spf_library *spf_library_new(void);
void spf_library_free(struct spf_library *lib); /* takes NULL */
/* record: of guard_clean_record(). */
enum spf_match spf_library_match(const struct spf_library *lib, const char *record, struct spf_view *view);

#endif
