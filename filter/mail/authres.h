/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authres.h - Authentication-Results (RFC 8601): write ours, recognise what claims to be ours. Pure.
 */
#ifndef MAIL_AUTHRES_H
#define MAIL_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

/*
 * Does the value of an Authentication-Results field claim this authserv-id? Comments, folding, quotes and case are seen
 * through, as is a version after it; a value that cannot be parsed claims it if the first word that can be read does.
 */
bool authres_claims(const char *value, size_t len, const char *authserv_id);

/*
 * The result of a method in a value of Authentication-Results, or, with an authserv-id in front of it, of ARC-Authentication-Results; or
 * one of its properties ("header.from"). Borrowed from value, quoted pairs as they are; of several methods of that name the
 * first. NULL: it is not there.
 */
const char *authres_find(const char *value, size_t len, const char *method, const char *property, size_t *ret_len);
/* The methods of a value, behind its authserv-id, without white space at their ends: "spf=pass ...; dkim=..." or "none". "": there are none. */
const char *authres_methods(const char *value, size_t len, size_t *ret_len);

/* A header longer than a mail server would take helps nobody. */
#define AUTHRES_MAX_METHODS     32
#define AUTHRES_MAX_PROPERTIES  16
#define AUTHRES_MAX_VALUE_BYTES 512 /* a longer one is left out: cut short it would name something else */

struct authres_entry {
	const char *method, *result, *reason;             /* reason may be NULL */
	const struct sluice_authres_property *properties; /* ended by name NULL */
};
/*
 * The value of the field (without its name): one method a line, folded with CRLF-free "\n\t" as a milter gives it.
 * No method at all is "ID; none". Values that are no tokens are quoted; octets that may not stand in a header are
 * replaced by '?'; non-ASCII UTF-8 stays only when utf8 is set (RFC 8616).
 */
void authres_write(
	struct text *out, const char *authserv_id, const struct authres_entry *entries, size_t count, bool utf8);

#endif
