/* SPDX-License-Identifier: BSD-2-Clause */
/* spf_eval.h - check_host() of RFC 7208 for one identity, from the DNS answers that are here. Pure over those. */
#ifndef SPF_SPF_EVAL_H
#define SPF_SPF_EVAL_H

#include "plugins/spf/spf_record.h"

/* All count over the whole check (RFC 7208 4.6.4). */
#define SPF_MAX_LOOKUPS 10 /* terms that make look-ups; with that, includes and redirects in one another as well */
#define SPF_MAX_VOIDS   2  /* of them, whose own name has no such record */
#define SPF_MAX_MX      10 /* names of one mx; more are a permerror */
#define SPF_MAX_PTR     10 /* names of the client; more are passed over */
#define SPF_MAX_OCTETS                                                                                                 \
	65535 /* of records, together: not the RFC's, but a run reads all of them; more are a permerror */

#define SPF_EXPLANATION_MAX_BYTES 500 /* a longer one is none: it would not fit an SMTP reply */

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};
extern const char *const spf_result_words[]; /* in the order of enum spf_result, NULL-terminated */

/* How names are looked up: as sluice_ask_dns(). */
struct spf_asker {
	const struct sluice_dns_answer *(*ask)(void *arg, const char *name, enum sluice_dns_type type);
	void *arg;
};

struct spf_identity {
	struct sluice_ip client; /* of family 4 or 6 */
	struct spf_span local;   /* of the sender; len 0: "postmaster" (RFC 7208 4.3) */
	struct spf_span domain;  /* U-labels are checked as A-labels */
	struct spf_span helo, receiver;
	int64_t now_s;
};

/* The spans are borrowed from an answer. */
struct spf_verdict {
	enum spf_result result;
	struct spf_span mechanism; /* the term that decided, of the domain's own record or one it redirects to */
	struct spf_span record;    /* the domain's own record */
	unsigned lookups, voids;   /* terms counted; one over the limit is where the check ended */
	char explanation[SPF_EXPLANATION_MAX_BYTES + 1]; /* of a fail; "": none was published */
};

/*
 * Check an identity. False: answers are missing; they were all asked for, as far as their names can be known by now.
 * *ret is written only when true, and does not depend on the order in which answers came.
 */
bool spf_check(const struct spf_asker *asker, const struct spf_identity *id, struct spf_verdict *ret);

#endif
