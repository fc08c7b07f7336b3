/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor.h - what the parts of sluicectl doctor share: each looks at something, and tells what it found. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/ctl/listing.h"
#include "filter/engine/snapshot.h"

enum doctor_level { DOCTOR_GOOD, DOCTOR_LOOK, DOCTOR_BAD, DOCTOR_LEVELS };

struct doctor {
	const struct snapshot *s;
	const char *config;
	bool offline;      /* the DNS is a zone file: nothing says how the network is */
	struct listing *listing; /* of --json; NULL: lines for people */
	size_t counts[DOCTOR_LEVELS];
};

/*
 * about: what was looked at ("resolver 192.0.2.1"); what: how it is; remedy: why that matters, and what to do, or NULL where it is good. All may have
 * octets from elsewhere (shown.h).
 */
void doctor_tell(struct doctor *d, enum doctor_level level, const char *about, const char *remedy, const char *what, ...) SLUICE_PRINTF(5, 6);

void doctor_daemon(struct doctor *d);  /* doctor_daemon.c: does it answer, and what does it complain of? */
void doctor_system(struct doctor *d);  /* doctor_system.c: sockets, folders, room, clock */
void doctor_resolver(struct doctor *d); /* doctor_dns.c: who answers, how fast, is he believed? */
void doctor_names(struct doctor *d);   /* doctor_dns.c: our own names in the DNS */

#endif
