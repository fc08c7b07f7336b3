/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim_record.h - the record of a DKIM key in the DNS (RFC 6376 3.6.1, RFC 8463 4.2), and the key in it. Pure. */
#ifndef MAIL_DKIM_RECORD_H
#define MAIL_DKIM_RECORD_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

#define DKIM_RECORD_MAX_BYTES 8192 /* of a record; a longer one is none */
#define DKIM_RSA_MIN_BITS     1024 /* RFC 8301 3.2: what a verifier has to take at least */
#define DKIM_RSA_MAX_BITS     4096

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519, DKIM_KEY_UNKNOWN };
extern const char *const dkim_key_words[]; /* "rsa", "ed25519"; by enum dkim_key_type, NULL-terminated */

struct dkim_record {
	enum dkim_key_type type;
	const char *key; /* p=: base64, perhaps with white space in it; borrowed from the record */
	size_t key_len;  /* 0: the key is revoked */
	bool testing;       /* t=y: verifiers treat the mail as if it were not signed */
	bool no_subdomains; /* t=s: i= has to be of the domain itself */
	bool for_mail;      /* s= and h= allow mail and SHA-256 */
};

/*
 * Read one TXT record, its strings joined. False when it is no key record: another v=, no p=, a tag twice, no list of
 * tags at all.
 */
bool dkim_record_parse(const char *bytes, size_t len, struct dkim_record *ret);
/* The public key, for EVP_PKEY_free(). An RSA key may be a SubjectPublicKeyInfo or an RSAPublicKey. NULL: it is none. */
EVP_PKEY *dkim_record_key(const struct dkim_record *r);
/* Is it the key of that other record, given as text? */
bool dkim_record_has_key(const struct dkim_record *r, const char *other);
/* The record that a private or public key needs. out: TEXT_INIT(DKIM_RECORD_MAX_BYTES). False: no such key has one. */
bool dkim_record_write(struct text *out, EVP_PKEY *key);
/* What kind of DKIM key this is; UNKNOWN: none. */
enum dkim_key_type dkim_record_type(const EVP_PKEY *key);

/* "SELECTOR._domainkey.DOMAIN" (RFC 6376 3.6.2.1). */
void dkim_record_name(struct text *out, const char *selector, const char *domain);
/* May they stand in d= and s= (RFC 6376 3.5)? Letters, digits and hyphens, in labels; a domain has two or more. */
bool dkim_domain_valid(const char *name, size_t len);
bool dkim_selector_valid(const char *name, size_t len);

#endif
