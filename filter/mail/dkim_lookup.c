/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_lookup.h"

#define ED25519_BITS     256
#define RSA_LONGEST_BITS 8192 /* a longer one would cost more time than mail is worth */

static void read_public_key(struct dkim_key *key, const struct dkim_record *record, unsigned min_bits, struct dkim_keys *kept)
{
	bool ed25519 = record->type == DKIM_KEY_ED25519;
	EVP_PKEY *public = dkim_keys_get(kept, record);

	if (public && EVP_PKEY_get_bits(public) <= 0) {
		dkim_keys_release(kept, public);
		public = NULL;
	}
	if (!public) {
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, ed25519 ? "p= of the key is no Ed25519 key" : "p= of the key is no RSA key");
		return;
	}
	key->bits = (unsigned)EVP_PKEY_get_bits(public);
	if (ed25519)
		key->bits = ED25519_BITS; /* OpenSSL counts 253 */
	if (!ed25519 && key->bits < min_bits)
		dkim_set_flaw(&key->flaw, DKIM_POLICY, "the key is too short");
	if (!ed25519 && key->bits > RSA_LONGEST_BITS)
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is longer than can be verified here");
	if (key->flaw.why)
		dkim_keys_release(kept, public);
	else
		key->key = public;
}

/* RFC 6376 6.1.2. False: the record is no key at all, and has a flaw. */
static bool read_key(const struct sluice_dns_record *bytes, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_keys *kept, struct dkim_key *key)
{
	enum dkim_key_type type = sig->algorithm == DKIM_ED25519_SHA256 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;
	struct dkim_record record;

	*key = (struct dkim_key){ 0 };
	if (!dkim_record_parse(bytes->data, bytes->len, &record)) {
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the record is no DKIM key");
		return false;
	}
	key->testing = record.testing;
	if (record.key_len == 0)
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is revoked");
	else if (record.type != type)
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is of another type than a=");
	else if (!record.for_mail)
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is not for mail and sha256");
	else if (record.no_subdomains && sig->subdomain)
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is not for the subdomain in i=");
	else
		read_public_key(key, &record, min_bits, kept);
	return true;
}

void dkim_key_choose(const struct sluice_dns_answer *answer, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_keys *kept, struct dkim_key *ret)
{
	bool found = false;

	*ret = (struct dkim_key){ .flaw = { DKIM_PERMERROR, "there is no key" } };
	switch (answer->status) {
	case SLUICE_DNS_FAILED:
		ret->flaw = (struct dkim_flaw){ DKIM_TEMPERROR, "the key cannot be looked up" };
		return;
	case SLUICE_DNS_TIMEOUT:
		ret->flaw = (struct dkim_flaw){ DKIM_TEMPERROR, "the look-up of the key takes too long" };
		return;
	case SLUICE_DNS_OK:
	case SLUICE_DNS_NODATA:
	case SLUICE_DNS_NXDOMAIN:
		break;
	}
	for (size_t i = 0; i < answer->count; i++) {
		struct dkim_key key;
		bool is_key = read_key(&answer->records[i], sig, min_bits, kept, &key);

		if (i == 0 || !key.flaw.why || (is_key && !found))
			*ret = key;
		found |= is_key;
		if (!key.flaw.why)
			return;
	}
}
