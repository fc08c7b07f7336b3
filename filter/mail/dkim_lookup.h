/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim_lookup.h - the key of a signature out of what the DNS says (RFC 6376 6.1.2, RFC 8301, 8463). Pure, but for the keys that are kept. */
#ifndef MAIL_DKIM_LOOKUP_H
#define MAIL_DKIM_LOOKUP_H

#include "filter/mail/dkim_keys.h"
#include "filter/mail/dkim_signature.h"
#include "plugins/plugin.h"

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

#endif
