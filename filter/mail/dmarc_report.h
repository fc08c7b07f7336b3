/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_report.h - an aggregate report as XML (RFC 9990 2.1, Appendix A), and the names it goes by. Pure.
 *
 * Texts may hold any octets: what XML cannot have (RFC 9990 is XML 1.0: most controls, U+FFFE) becomes U+FFFD, as does what is not
 * UTF-8. Words (dispositions, results, modes) are the caller's to choose from those that the RFC has.
 */
#ifndef MAIL_DMARC_REPORT_H
#define MAIL_DMARC_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

#define DMARC_REPORT_NAMESPACE "urn:ietf:params:xml:ns:dmarc-2.0"

struct dmarc_report_reason {
	const char *type, *comment; /* comment NULL: none */
};
struct dmarc_report_dkim {
	const char *domain, *selector, *result, *why; /* why NULL: not said */
};
struct dmarc_report_row {
	const char *source_ip;
	int64_t count;
	const char *disposition, *dkim, *spf; /* dkim, spf: pass, fail */
	const struct dmarc_report_reason *reasons;
	size_t reason_count;
	const char *header_from, *envelope_from, *envelope_to; /* NULL: the last two are not known */
	const struct dmarc_report_dkim *signatures;
	size_t signature_count;
	const char *spf_domain, *spf_result; /* NULL: SPF was not looked at */
};
struct dmarc_report {
	const char *org, *email, *contact; /* contact NULL: none */
	const char *id;
	int64_t begin_s, end_s;
	const char *generator;
	/* what was published; NULL: not known, but for domain and p */
	const char *domain, *discovery, *p, *sp, *np, *adkim, *aspf, *testing, *fo;
	const struct dmarc_report_row *rows; /* one at least */
	size_t row_count;
};
/* out->failed: it is larger than out may be. */
void dmarc_report_write(struct text *out, const struct dmarc_report *r);

/* receiver!policy-domain!begin!end!unique-id.xml.gz (RFC 9990 2.5.2). unique: letters and digits. */
void dmarc_report_filename(struct text *out, const struct dmarc_report *r, const char *receiver, const char *unique);

#endif
