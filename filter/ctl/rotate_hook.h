/* SPDX-License-Identifier: BSD-2-Clause */
/* rotate_hook.h - how a record gets into the DNS: printed for a person, by a program of the site's, or by nsupdate (RFC 2136). */
#ifndef CTL_ROTATE_HOOK_H
#define CTL_ROTATE_HOOK_H

#include <stdint.h>

#define ROTATE_HOOK_TIMEOUT_S 60

struct rotate_hook {
	const char *program;      /* called as PROGRAM publish|revoke NAME TTL RECORD; NULL: none */
	const char *nsupdate_key; /* file of a TSIG key, for nsupdate -k; NULL: not by nsupdate */
	const char *server;       /* for nsupdate: ADDRESS or ADDRESS@PORT; NULL: the master that the zone names */
	int64_t ttl_s;
};

/*
 * Put this one TXT record at the name, in the place of whatever is there. verb: "publish", or "revoke" with an empty key. An exit
 * status; what is wrong is said on stderr. Neither name nor record has an octet that a zone file would not take as it is.
 */
int rotate_hook_run(const struct rotate_hook *hook, const char *verb, const char *name, const char *record);

#endif
