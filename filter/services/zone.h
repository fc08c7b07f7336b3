/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zone.h - answers from a file: for tests, for `sluicectl check --zone`, and for split horizon.
 *
 * Lines `name TYPE value`: A, AAAA, MX "10 host", TXT with the text to the end of the line, or strings in quotes, and \DDD escapes, PTR,
 * CNAME; or SERVFAIL or TIMEOUT as value. Several lines of one name and type are several records. # and ; begin a
 * comment where a line begins.
 */
#ifndef SERVICES_ZONE_H
#define SERVICES_ZONE_H

#include "filter/base/err.h"
#include "filter/services/dns.h"

struct zone;

/* Limits: 64 MB, a million records. 0; -errno with *reterr: "FILE:LINE: what is wrong and what would be right". */
int zone_load(const char *path, struct zone **ret, struct err *reterr);
/* The same from memory; name is for messages. */
int zone_parse(const char *name, const char *bytes, size_t len, struct zone **ret, struct err *reterr);
void zone_free(struct zone *z); /* takes NULL */

enum zone_found {
	ZONE_ANSWER, /* *ret is the answer: records, or NODATA when the name has only others; CNAMEs followed within */
	ZONE_SILENT, /* TIMEOUT: never answered */
	ZONE_ABSENT, /* the name is not in the zone, nor below it anything */
};
/* A CNAME out of the zone is NXDOMAIN. A name with only names below it is NODATA. Any threads. */
enum zone_found zone_find(const struct zone *z, const struct dns_question *q, struct dns_answer **ret);

#endif
