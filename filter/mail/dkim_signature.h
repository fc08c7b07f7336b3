/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_signature.h - the fields that sign, as their grammar has them: DKIM-Signature (RFC 6376 3.5, 8301, 8463), and the
 * ARC-Message-Signature and ARC-Seal that are made like it (RFC 8617 4.1). Pure.
 */
#ifndef MAIL_DKIM_SIGNATURE_H
#define MAIL_DKIM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/mail/dkim_canon.h"

#define DKIM_NAME_MAX      253   /* octets of a domain, and of a selector */
#define DKIM_SIGNATURE_MAX 65536 /* octets of a DKIM-Signature; a longer one is not looked at */
#define DKIM_FIELDS_MAX    500   /* names in h= */
#define DKIM_HASH_BYTES    32    /* SHA-256 */
#define DKIM_RAW_MAX       1024  /* octets of a signature: of RSA with 8192 bits */
#define DKIM_B_MAX         64    /* octets of b= that are kept as they are, to tell signatures apart */
#define DKIM_IDENTITY_MAX  320   /* octets of i= that are shown: a longer one is no mail address */
#define DKIM_CLOCK_DRIFT_S 300   /* a signature may be so much younger than we are */

#define ARC_MAX_SETS          50    /* RFC 8617 4.2.1: i= goes so far */

enum dkim_kind { DKIM_SIGNATURE, DKIM_ARC_MESSAGE, DKIM_ARC_SEAL };
extern const char *const dkim_kind_names[]; /* of the field, by enum dkim_kind */

enum dkim_result { DKIM_NONE, DKIM_PASS, DKIM_FAIL, DKIM_POLICY, DKIM_NEUTRAL, DKIM_TEMPERROR, DKIM_PERMERROR };
extern const char *const dkim_result_words[]; /* in the order of enum dkim_result; of RFC 8601 2.7.1 */

/*
 * What is wrong with a signature or a key, and what the signature's result then is. why is static, for people;
 * NULL: nothing is.
 */
struct dkim_flaw {
	enum dkim_result result;
	const char *why;
};
/* Only the first one counts. */
void dkim_set_flaw(struct dkim_flaw *flaw, enum dkim_result result, const char *why);

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256, DKIM_RSA_SHA1, DKIM_OTHER_ALGORITHM };

enum arc_cv { ARC_NONE, ARC_PASS, ARC_FAIL };
extern const char *const arc_cv_words[]; /* in the order of enum arc_cv, NULL-terminated */

/* A field that signs. With a flaw as much of it is filled as could be read. */
struct dkim_signature {
	struct dkim_flaw flaw;
	char domain[DKIM_NAME_MAX + 1], selector[DKIM_NAME_MAX + 1]; /* d= in lower case; "" where not known */
	char algorithm_text[32];                                     /* a=; "" where not known */
	enum dkim_algorithm algorithm;
	char b[DKIM_B_MAX + 1]; /* how b= begins */
	char identity[DKIM_IDENTITY_MAX + 1]; /* i=; "" where not given, or too long to be shown */
	bool subdomain;         /* i= is below d= */
	enum dkim_canon header_canon, body_canon;
	bool has_length;
	uint64_t length;             /* l= */
	int64_t signed_s, expires_s; /* t=, x=; -1: not given, or for ever */
	unsigned instance;           /* ARC: i=, 1 to ARC_MAX_SETS; 0: not known */
	enum arc_cv cv;              /* ARC-Seal: cv= */
	unsigned char body_hash[DKIM_HASH_BYTES];
	unsigned char raw[DKIM_RAW_MAX]; /* b=, decoded */
	size_t raw_len;
};

/* value: of the field, folded or not. */
void dkim_signature_parse(enum dkim_kind kind, const char *value, size_t len, struct dkim_signature *ret);
/* The value as its own signature has signed it: what b= is, left out (RFC 6376 3.7). value: one that could be parsed. Added to out. */
void dkim_signature_blank(struct text *out, const char *value, size_t len);
/* The time limits of a signature that has no other flaw: *sig gets one when it is not valid now. */
void dkim_signature_check_time(struct dkim_signature *sig, int64_t now_s);

#endif
