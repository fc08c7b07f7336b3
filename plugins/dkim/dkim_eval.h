/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_eval.h - DKIM-Signature fields and key records (RFC 6376, 8301, 8463) as their grammar has them, and what one
 * message's results come to. Pure.
 */
#ifndef DKIM_EVAL_H
#define DKIM_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define DKIM_NAME_MAX         253        /* octets of a domain, and of a selector */
#define DKIM_SIGNATURE_MAX    65536      /* octets of a DKIM-Signature; a longer one is not looked at */
#define DKIM_FIELDS_MAX       250        /* names in h= */
#define DKIM_FIELDS_MAX_BYTES 4000       /* of h=: libopendkim reads no more than 4095 octets of it */
#define DKIM_CLEAN_MAX        1024       /* octets of one for libopendkim, and a NUL: it has no more room */
#define DKIM_B_MAX            64         /* octets of b= that are kept, to tell signatures apart */
#define DKIM_CLOCK_DRIFT_S    300        /* a signature may be so much younger than we are */
#define DKIM_OLDEST_S         1000000000 /* t= before it (2001) is older than DKIM; to libopendkim it is the future */

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

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256, DKIM_RSA_SHA1, DKIM_OTHER_ALGORITHM };

/* A DKIM-Signature field. With a flaw as much of it is filled as could be read. */
struct dkim_signature {
	struct dkim_flaw flaw;
	bool oversized; /* it is too much for libopendkim, which must not see it */
	char domain[DKIM_NAME_MAX + 1], selector[DKIM_NAME_MAX + 1]; /* d= in lower case; "" where not known */
	char algorithm_text[32];                                     /* a=; "" where not known */
	enum dkim_algorithm algorithm;
	char b[DKIM_B_MAX + 1]; /* how b= begins */
	bool subdomain;         /* i= is below d= */
	bool has_length, relaxed_body;
	uint64_t length;             /* l= */
	int64_t signed_s, expires_s; /* t=, x=; -1: not given, or for ever */
};

/* value: of the field, folded or not. */
void dkim_signature_parse(const char *value, size_t len, struct dkim_signature *ret);
/* The time limits of a signature that has no other flaw: *sig gets one when it is not valid now. */
void dkim_signature_check_time(struct dkim_signature *sig, int64_t now_s);

struct dkim_key {
	struct dkim_flaw flaw;
	bool testing;  /* t=y: the signer only tries */
	unsigned bits; /* 0: not known */
	/* the record as libopendkim understands it: written here, of fixed words and base64 */
	char clean[DKIM_CLEAN_MAX];
};

/*
 * The key of a signature out of the answer to its name: of several records the first that serves it, else what is wrong
 * with the first that is a key at all. A p= of PKCS#1 (RSAPublicKey, as RFC 6376 3.6.1 has it) is wrapped as
 * SubjectPublicKeyInfo.
 */
void dkim_key_choose(const struct sluice_dns_answer *answer, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_key *ret);

/* How long a body is in canonical form (RFC 6376 3.4.3, 3.4.4), whose empty lines at the end are no part of it. */
struct dkim_length {
	uint64_t simple, relaxed;
	uint64_t simple_line, relaxed_line; /* of the line under way */
	uint64_t simple_blanks, relaxed_blanks;
	bool blank, cr; /* what came last is not counted yet */
};
void dkim_length_add(struct dkim_length *l, const char *bytes, size_t len);

/* Of two results of one message: pass, else what may pass later, else what says most. */
enum dkim_result dkim_result_join(enum dkim_result a, enum dkim_result b);

/* Octets of b=, 8 or more, that tell each signature from the others (RFC 6008 4); at most DKIM_B_MAX. */
size_t dkim_b_length(const char *const *b, size_t count);

/* "d=example.net s=sel a=rsa-sha256 b=2048 fail: why", what is not known left out. b: bits of the key. Added to out. */
void dkim_describe(struct text *out, const struct dkim_signature *sig, unsigned bits, const struct dkim_flaw *result);

#endif
