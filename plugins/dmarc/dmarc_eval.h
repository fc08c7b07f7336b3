/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_eval.h - DMARC (RFC 9989) without the world: policy records, the DNS Tree Walk over answers that are here,
 * Organizational Domain, alignment, policy and result. Pure.
 *
 * Names are as dmarc_domain() makes them: A-labels in lower case, no dot at the end. "Its record" is the one at _dmarc. below
 * a name.
 */
#ifndef PLUGINS_DMARC_EVAL_H
#define PLUGINS_DMARC_EVAL_H

#include "plugins/plugin.h"

#define DMARC_NAME_SIZE 254 /* octets of a name, with its NUL */
#define DMARC_WALK_MAX  8   /* names of a walk (4.10) */

/* A domain of mail as a name of the DNS. False: it can be none (an address literal, an empty label, ...). ret is then "". */
bool dmarc_domain(const char *bytes, size_t len, char ret[DMARC_NAME_SIZE]);

/* ---- records ---- */

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_NO, DMARC_PSD_YES };
extern const char *const dmarc_policy_words[]; /* in the order of enum dmarc_policy; NULL ends them */

struct dmarc_span {
	const char *at; /* NULL: the tag is not there */
	size_t len;
};
struct dmarc_record {
	bool applies;                /* it has a policy; without, the domain takes no part in DMARC (4.10.1) */
	enum dmarc_policy p, sp, np; /* where sp or np is not there, what counts in its place */
	enum dmarc_psd psd;
	bool strict_dkim, strict_spf, testing;
	struct dmarc_span rua, ruf, fo; /* borrowed */
};
/*
 * The tags of a record (4.7, 4.8): unknown and malformed ones are passed over, of two of one name the first counts. A record
 * without a valid p, or with an sp or np that is none, counts as p=none if rua has a valid URI, and else does not apply.
 * False: it does not begin with v=DMARC1, and is no DMARC record.
 */
bool dmarc_record_parse(const char *bytes, size_t len, struct dmarc_record *ret);

/* ---- the walk ---- */

struct dmarc_names {
	const char *at[DMARC_WALK_MAX]; /* within the domain, which is the first of them */
	size_t count;
	const char *org; /* the Organizational Domain, where it is known before; NULL: the records say which it is */
};
/* The names that the Tree Walk asks about, from the longest to the single label (4.10). domain is kept. */
void dmarc_names_walk(const char *domain, struct dmarc_names *ret);
/* The domain and its Organizational Domain, which ends it. Both are kept. */
void dmarc_names_fixed(const char *domain, const char *org, struct dmarc_names *ret);

struct dmarc_walk {
	struct dmarc_names names;
	size_t steps; /* names up to the one that ended the walk */
	const struct sluice_dns_record
		*texts[DMARC_WALK_MAX];              /* NULL: no record, or several; borrowed from the answers */
	struct dmarc_record records[DMARC_WALK_MAX]; /* of each text */
	const char *org; /* the Organizational Domain, within the domain; NULL: not known, as the DNS did not answer */
	int policy;      /* the record that applies, by its name's index; -1: none; -2: not known */
};
#define DMARC_NO_POLICY      (-1)
#define DMARC_UNKNOWN_POLICY (-2)
/* What the TXT answers, one for each name, say. */
void dmarc_walk_read(
	const struct dmarc_names *names, const struct sluice_dns_answer *const *answers, struct dmarc_walk *ret);

/* ---- alignment (4.4) ---- */

enum dmarc_alignment {
	DMARC_APART,
	DMARC_OPEN,
	DMARC_ALIGNED
}; /* OPEN: it cannot be known; of two, the greater counts */
/*
 * Is the domain that SPF or DKIM vouches for that of the author? domain_org: its Organizational Domain, NULL when it is not known;
 * only read where dmarc_needs_org() says so.
 */
enum dmarc_alignment dmarc_align(
	const struct dmarc_walk *author, const char *domain, const char *domain_org, bool strict);
bool dmarc_needs_org(const struct dmarc_walk *author, const char *domain, bool strict);
/* Is it likely that dmarc_needs_org() will be true once the author's walk is here? */
bool dmarc_is_near(const char *author, const char *domain);

/* ---- the end ---- */

enum dmarc_result { DMARC_PASS, DMARC_FAIL, DMARC_NONE, DMARC_TEMPERROR, DMARC_PERMERROR };
enum dmarc_existence { DMARC_EXISTS, DMARC_EXISTS_NOT, DMARC_EXISTENCE_UNKNOWN };
extern const char *const dmarc_result_words[]; /* in the order of enum dmarc_result; NULL ends them */

struct dmarc_verdict {
	enum dmarc_result result;
	bool has_policy;                       /* the following are known */
	enum dmarc_policy policy, disposition; /* what the domain says; what it asks for this message */
	const char *why;                       /* NULL: there is nothing to say */
};
/* existence: of the author's domain in the DNS. spf, dkim: of what passes, or, where it may yet have passed, OPEN. */
struct dmarc_verdict dmarc_judge(const struct dmarc_walk *author, enum dmarc_existence existence,
	enum dmarc_alignment spf, enum dmarc_alignment dkim);

#endif
