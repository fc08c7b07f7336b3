/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_record.h"

#include <openssl/x509.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/mail/domain.h"
#include "filter/mail/taglist.h"

#define ED25519_BYTES 32
#define DER_MAX_BYTES (DKIM_RECORD_MAX_BYTES / 4 * 3)

const char *const dkim_key_words[] = { "rsa", "ed25519", NULL };

static bool is(const struct tag *tag, const char *word)
{
	return tag->value_len == strlen(word) && memcmp(tag->value, word, tag->value_len) == 0;
}

/* Has a list of words with colons between this one, or "*" where that stands for all? */
static bool list_has(const struct tag *list, const char *want, bool any)
{
	const char *word;
	size_t pos = 0, len;

	while (tag_next_word(list, &pos, &word, &len))
		if ((len == strlen(want) && memcmp(word, want, len) == 0) || (any && len == 1 && *word == '*'))
			return true;
	return false;
}

static enum dkim_key_type type_of(const struct tag *k)
{
	for (unsigned i = 0; dkim_key_words[i]; i++)
		if (is(k, dkim_key_words[i]))
			return (enum dkim_key_type)i;
	return DKIM_KEY_UNKNOWN;
}

bool dkim_record_parse(const char *bytes, size_t len, struct dkim_record *ret)
{
	const struct tag *v, *k, *h, *s, *t, *p;
	struct taglist l;

	if (len > DKIM_RECORD_MAX_BYTES || !taglist_parse(bytes, len, &l))
		return false;
	v = taglist_find(&l, "v");
	k = taglist_find(&l, "k");
	h = taglist_find(&l, "h");
	s = taglist_find(&l, "s");
	t = taglist_find(&l, "t");
	p = taglist_find(&l, "p");
	if (!p || (v && (v != &l.tags[0] || !is(v, "DKIM1"))))
		return false;
	*ret = (struct dkim_record){
		.type = k ? type_of(k) : DKIM_KEY_RSA,
		.key = p->value,
		.key_len = p->value_len,
		.testing = t && list_has(t, "y", false),
		.no_subdomains = t && list_has(t, "s", false),
		.for_mail = (!h || list_has(h, "sha256", false)) && (!s || list_has(s, "email", true)),
	};
	return true;
}

static EVP_PKEY *rsa_key(const unsigned char *der, size_t len)
{
	const unsigned char *at = der;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);

	if (!key) {
		at = der;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)len);
	}
	if (key && at == der + len && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *dkim_record_key(const struct dkim_record *r)
{
	SLUICE_CLEANUP(text_done) struct text octets = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	const unsigned char *der;

	if (!base64_decode(&octets, r->key, r->key_len) || octets.len == 0)
		return NULL;
	der = (const unsigned char *)octets.bytes;
	switch (r->type) {
	case DKIM_KEY_RSA:
		return rsa_key(der, octets.len);
	case DKIM_KEY_ED25519:
		return octets.len == ED25519_BYTES ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, der, octets.len) : NULL;
	case DKIM_KEY_UNKNOWN:
		break;
	}
	return NULL;
}

enum dkim_key_type dkim_record_type(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return DKIM_KEY_RSA;
	case EVP_PKEY_ED25519:
		return DKIM_KEY_ED25519;
	default:
		return DKIM_KEY_UNKNOWN;
	}
}

bool dkim_record_has_key(const struct dkim_record *r, const char *other)
{
	struct dkim_record parsed;
	EVP_PKEY *a = dkim_record_key(r), *b = dkim_record_parse(other, strlen(other), &parsed) ? dkim_record_key(&parsed) : NULL;
	bool same = a && b && EVP_PKEY_eq(a, b) == 1;

	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	return same;
}

bool dkim_record_write(struct text *out, EVP_PKEY *key)
{
	enum dkim_key_type type = dkim_record_type(key);
	unsigned char raw[ED25519_BYTES], *der = NULL;
	size_t raw_len = sizeof raw;
	int len = 0;

	switch (type) {
	case DKIM_KEY_RSA:
		len = i2d_PUBKEY(key, &der);
		break;
	case DKIM_KEY_ED25519:
		len = EVP_PKEY_get_raw_public_key(key, raw, &raw_len) == 1 ? (int)raw_len : 0;
		break;
	case DKIM_KEY_UNKNOWN:
		return false;
	}
	if (len > 0 && len <= DER_MAX_BYTES) {
		text_addf(out, "v=DKIM1; k=%s; p=", dkim_key_words[type]);
		base64_encode(out, der ? der : raw, (size_t)len);
	}
	OPENSSL_free(der);
	return len > 0 && len <= DER_MAX_BYTES && !out->failed;
}

void dkim_record_name(struct text *out, const char *selector, const char *domain)
{
	text_addf(out, "%s._domainkey.%s", selector, domain);
}

static bool is_ascii_domain(const char *name, size_t len, unsigned min_labels)
{
	return ascii_only(name, len) && domain_valid(name, len, min_labels) && name[len - 1] != '.';
}

bool dkim_domain_valid(const char *name, size_t len)
{
	return is_ascii_domain(name, len, 2);
}

bool dkim_selector_valid(const char *name, size_t len)
{
	return is_ascii_domain(name, len, 1);
}
