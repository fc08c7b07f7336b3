/* SPDX-License-Identifier: BSD-2-Clause */
/* libspf2_eval.h - check_host() of RFC 7208 for one identity, from the DNS answers that are here. */
#ifndef LIBSPF2_LIBSPF2_EVAL_H
#define LIBSPF2_LIBSPF2_EVAL_H

#include "plugins/libspf2/libspf2_dns.h"

#define GUARD_EXPLANATION_MAX_BYTES 500 /* a longer one is none: it would not fit an SMTP reply */

enum guard_result {
	GUARD_NONE,
	GUARD_NEUTRAL,
	GUARD_PASS,
	GUARD_FAIL,
	GUARD_SOFTFAIL,
	GUARD_TEMPERROR,
	GUARD_PERMERROR,
};
extern const char *const guard_result_words[]; /* in the order of enum guard_result, NULL-terminated */

/* How names are looked up: as sluice_ask_dns(). */
struct guard_asker {
	const struct sluice_dns_answer *(*ask)(void *arg, const char *name, enum sluice_dns_type type);
	void *arg;
};

struct guard_identity {
	struct sluice_ip client; /* of family 4 or 6 */
	struct guard_span local; /* of the sender; len 0: "postmaster" */
	struct guard_span domain;
	struct guard_span helo, receiver;
	int64_t now_s;
};

/* The spans are borrowed from an answer. */
struct guard_verdict {
	enum guard_result result;
	struct guard_span mechanism; /* the term that decided, of the domain's own record or one it redirects to */
	struct guard_span record;    /* the domain's own record */
	unsigned lookups, voids;     /* terms counted; one over the limit is where the check ended */
	char explanation[GUARD_EXPLANATION_MAX_BYTES + 1]; /* of a fail; "": none was published */
};

/*
 * False: answers are missing; they were all asked for, as far as their names are known. *ret is written only when true.
 */
bool guard_check(const struct spf_library *lib, const struct guard_asker *asker, const struct guard_identity *id,
	struct guard_verdict *ret);

#endif
