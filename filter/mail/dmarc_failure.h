/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_failure.h - a failure report about one message that DMARC fails (RFC 9991), in the Abuse Reporting Format (RFC 5965, RFC
 * 6591). Pure.
 *
 * Texts may hold any octets: what is no printable ASCII becomes '?', and what is too long for a line is cut.
 */
#ifndef MAIL_DMARC_FAILURE_H
#define MAIL_DMARC_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

/*
 * Does fo (RFC 9989 4.7) ask for a report of such a message? NULL or without a letter that is known: it counts as 0, which asks for
 * those for which nothing aligned passes; 1 for those for which anything else than SPF and DKIM, both aligned, was found; d where a
 * signature, s where SPF failed, whatever they are about.
 */
struct dmarc_failed {
	bool spf_aligned, dkim_aligned; /* passes, and stands for the domain in From */
	bool spf, dkim;                 /* SPF failed; a signature did */
};
bool dmarc_failure_wanted(const char *fo, size_t len, const struct dmarc_failed *f);

/* From envelope_from on NULL: not known, or there is none. */
struct dmarc_failure {
	const char *reporter, *authserv_id; /* domain of who reports; the name in Authentication-Results */
	const char *generator;
	int64_t arrived_s;
	const char *source_ip;
	const char *header_from; /* domain in From */
	const char *delivery;    /* delivered, spam, policy, reject or other (RFC 6591 3.2.2) */
	bool spf_aligned, dkim_aligned;
	const char *envelope_from;                             /* domain; "" of the null reverse-path */
	const char *envelope_to;                               /* domain of all recipients */
	const char *spf_domain, *spf_result, *spf_record;      /* the record is shown if SPF does not pass aligned */
	const char *dkim_domain, *dkim_selector, *dkim_result; /* of the signature that is told of */
	const char *dkim_identity;
	const char *header; /* as dmarc_redact() has made it; with other lines it is left out */
};
/* The type of a mail with a report, and its three parts: the body of that mail. boundary: letters, digits, "=_". */
#define DMARC_FAILURE_TYPE "multipart/report; report-type=feedback-report"
void dmarc_failure_write(struct text *out, const struct dmarc_failure *f, const char *boundary);
/* "Wed, 25 Nov 2026 20:00:00 +0000" (RFC 5322 3.3) */
void dmarc_failure_date(struct text *out, int64_t s);

#endif
