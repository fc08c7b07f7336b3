/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_eval.h - DKIM-Signature fields and key records (RFC 6376, 8301, 8463) as their grammar has them, and what one
 * message's results come to. Pure, but for the keys that are kept.
 */
#ifndef DKIM_EVAL_H
#define DKIM_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/mail/dkim_canon.h"
#include "filter/mail/dkim_keys.h"
#include "plugins/plugin.h"

#define DKIM_NAME_MAX      253   /* octets of a domain, and of a selector */
#define DKIM_SIGNATURE_MAX 65536 /* octets of a DKIM-Signature; a longer one is not looked at */
#define DKIM_FIELDS_MAX    500   /* names in h= */
#define DKIM_HASH_BYTES    32    /* SHA-256 */
#define DKIM_RAW_MAX       1024  /* octets of a signature: of RSA with 8192 bits */
#define DKIM_B_MAX         64    /* octets of b= that are kept as they are, to tell signatures apart */
#define DKIM_CLOCK_DRIFT_S 300   /* a signature may be so much younger than we are */

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
	char domain[DKIM_NAME_MAX + 1], selector[DKIM_NAME_MAX + 1]; /* d= in lower case; "" where not known */
	char algorithm_text[32];                                     /* a=; "" where not known */
	enum dkim_algorithm algorithm;
	char b[DKIM_B_MAX + 1]; /* how b= begins */
	bool subdomain;         /* i= is below d= */
	enum dkim_canon header_canon, body_canon;
	bool has_length;
	uint64_t length;             /* l= */
	int64_t signed_s, expires_s; /* t=, x=; -1: not given, or for ever */
	unsigned char body_hash[DKIM_HASH_BYTES];
	unsigned char raw[DKIM_RAW_MAX]; /* b=, decoded */
	size_t raw_len;
};

/* value: of the field, folded or not. */
void dkim_signature_parse(const char *value, size_t len, struct dkim_signature *ret);
/* The time limits of a signature that has no other flaw: *sig gets one when it is not valid now. */
void dkim_signature_check_time(struct dkim_signature *sig, int64_t now_s);

struct dkim_key {
	struct dkim_flaw flaw;
	bool testing;  /* t=y: the signer only tries */
	unsigned bits; /* 0: not known */
	EVP_PKEY *key; /* the caller's, for dkim_keys_release(); NULL: it has a flaw */
};

/*
 * The key of a signature out of the answer to its name: of several records the first that serves it, else what is wrong
 * with the first that is a key at all.
 */
void dkim_key_choose(const struct sluice_dns_answer *answer, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_keys *kept, struct dkim_key *ret);

/* Of two results of one message: pass, else what may pass later, else what says most. */
enum dkim_result dkim_result_join(enum dkim_result a, enum dkim_result b);

/* Octets of b=, 8 or more, that tell each signature from the others (RFC 6008 4); at most DKIM_B_MAX. */
size_t dkim_b_length(const char *const *b, size_t count);

/* "d=example.net s=sel a=rsa-sha256 b=2048 fail: why", what is not known left out. b: bits of the key. Added to out. */
void dkim_describe(struct text *out, const struct dkim_signature *sig, unsigned bits, const struct dkim_flaw *result);

#endif
