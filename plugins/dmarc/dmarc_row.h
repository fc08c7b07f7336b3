/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_row.h - what a report says of a message (RFC 9990 2.1.1), as JSON. Pure: facts in, text out. Messages of which the same
 * is to be said have the same text, so that they can be counted together.
 *
 *	{"policy":{"domain","org","discovery","p","sp","np","adkim","aspf","testing","fo","rua"},
 *	 "record":{"source_ip","disposition","dkim","spf","reasons":[{"type","comment"}],"header_from","envelope_from",
 *		"envelope_to","signatures":[{"domain","selector","result","why"}],"spf_domain","spf_result"}}
 *
 * envelope_to, comment, why, spf_domain and spf_result are only there when they are known.
 */
#ifndef PLUGINS_DMARC_ROW_H
#define PLUGINS_DMARC_ROW_H

#include "filter/base/text.h"
#include "plugins/dmarc/dmarc_eval.h"

#define DMARC_ROW_MAX_BYTES  16384 /* of a row; a larger one is none */
#define DMARC_ROW_SIGNATURES 20    /* those of most worth */
#define DMARC_ROW_FO_MAX     32    /* octets of fo; a longer one is shown as its default */

struct dmarc_row_facts {
	/* what the domain has published */
	struct dmarc_span policy_domain, org_domain;
	const struct dmarc_record *record;
	bool psl; /* found by the public suffix list */
	/* what was found */
	bool spf_aligned, dkim_aligned;
	enum dmarc_policy policy, asked; /* what the domain has for this message; the same after its t=y */
	/* what was done */
	const struct sluice_conclusion *done;
	struct dmarc_span override; /* why the site did not do as asked, in its words; at NULL: it did not say */
	/* about what */
	struct sluice_ip client;
	const char *header_from;
	struct dmarc_span envelope_from,
		envelope_to; /* their domains; of the null reverse-path empty; at NULL: not known */
	struct dmarc_span spf_domain, spf_result; /* at NULL: not known */
	/* signature i as the fact dkim.signatures has it; at NULL: no more */
	struct dmarc_span (*signature)(void *arg, size_t i);
	void *arg;
};

/* What dkim.signatures says of one signature; "" is not known. */
struct dmarc_signature {
	struct dmarc_span domain, identity, selector, result, why;
	int worth; /* the greater, the sooner it is told of (RFC 9990 2.1.3) */
};
/* False: it has no domain, selector or result, and cannot be told of. */
bool dmarc_signature_read(struct dmarc_span text, struct dmarc_signature *ret);

#define DMARC_REASONS_MAX 2
struct dmarc_applied {
	const char *disposition; /* none, pass, quarantine or reject */
	struct {
		const char *type, *comment; /* comment NULL: none */
	} reasons[DMARC_REASONS_MAX];
	size_t count;
	char comment[256]; /* of reasons, where it is the override's */
};
/*
 * What was done with a message in the terms of a report. It is rejected, or it is quarantined: held, or tagged for whoever
 * delivers it; or nothing was done. If the domain asked for nothing, or the site has set that aside (override), all that was done
 * was done for other things: such a message that is refused as spam is one of disposition none. A reason is given where something
 * else was done than published.
 */
void dmarc_row_applied(const struct dmarc_row_facts *f, struct dmarc_applied *ret);

/* False: nobody wants reports (rua has no address that mail can go to), or it is too large. */
bool dmarc_row_write(struct text *out, const struct dmarc_row_facts *f);

#endif
