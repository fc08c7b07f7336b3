/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_report.h - what the signatures of a message come to: the facts dkim.* and the methods of Authentication-Results, one for all
 * who verify (plugins/dkim, plugins/opendkim).
 */
#ifndef MAIL_DKIM_REPORT_H
#define MAIL_DKIM_REPORT_H

#include "filter/mail/dkim_verify.h"

/* Indexes into dkim_facts. */
enum {
	DKIM_FACT_RESULT,
	DKIM_FACT_DOMAINS,
	DKIM_FACT_UNVERIFIED,
	DKIM_FACT_SIGNATURES,
	DKIM_FACT_COUNT,
	DKIM_FACT_SKIPPED,
	DKIM_FACT_PARTIAL,
};
extern const struct sluice_fact dkim_facts[];

/* Set all facts, and the methods. skipped: signatures beyond those, that were not looked at. The result of the message. */
enum dkim_result dkim_report(struct sluice_result *res, const struct dkim_verified *signatures, size_t count, size_t skipped);

/* Of two results of one message: pass, else what may pass later, else what says most. */
enum dkim_result dkim_result_join(enum dkim_result a, enum dkim_result b);
/* Octets of b=, 8 or more, that tell each signature from the others (RFC 6008 4); at most DKIM_B_MAX. */
size_t dkim_b_length(const char *const *b, size_t count);
/*
 * "d=example.net i=@example.net s=sel a=rsa-sha256 b=2048 l=1234 fail: why", what is not known left out. b: bits of the key; l: octets of
 * the canonical body that a pass covers. Added to out.
 */
void dkim_describe(struct text *out, const struct dkim_verified *v);

#endif
