/* SPDX-License-Identifier: BSD-2-Clause */
/* spf_eval.h - check_host() of RFC 7208 for one identity, from the DNS answers that are here. */
#ifndef SPF_SPF_EVAL_H
#define SPF_SPF_EVAL_H

#include "plugins/spf/spf_dns.h"

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
	struct guard_span local; /* of the sender; len 0: "postmaster" */
	struct guard_span domain;
	struct guard_span helo, receiver;
	int64_t now_s;
};

/* The spans are borrowed from an answer. */
struct spf_verdict {
	enum spf_result result;
	struct guard_span mechanism; /* the term that decided, of the domain's own record or one it redirects to */
	struct guard_span record;    /* the domain's own record */
	char explanation[SPF_EXPLANATION_MAX_BYTES + 1]; /* of a fail; "": none was published */
};

/*
 * False: answers are missing; they were all asked for, as far as their names are known. *ret is written only when true.
 */
bool spf_check(const struct spf_library *lib, const struct spf_asker *asker, const struct spf_identity *id,
	struct spf_verdict *ret);

#endif
