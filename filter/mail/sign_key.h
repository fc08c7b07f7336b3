/* SPDX-License-Identifier: BSD-2-Clause */
/* sign_key.h - a private key in a file: read and parsed once for each configuration. */
#ifndef MAIL_SIGN_KEY_H
#define MAIL_SIGN_KEY_H

#include "filter/base/err.h"
#include "filter/mail/dkim_record.h"

struct sign_key {
	char *domain; /* d=; NULL: the domain of the sender */
	char *selector;
	enum dkim_key_type type; /* never UNKNOWN */
	EVP_PKEY *key;           /* for any threads; OpenSSL wipes it */
	char *record;            /* what the DNS should have */
};

/*
 * Read the key of a file (base/key_file.h), RSA or Ed25519; domain and selector are copied. 0; -EINVAL with *reterr, which names file and
 * remedy; -ENOMEM.
 */
int sign_key_load(const char *path, const char *domain, const char *selector, const char *user, struct sign_key *ret,
	struct err *reterr) SLUICE_MUST_USE;
void sign_key_done(struct sign_key *key);

#endif
