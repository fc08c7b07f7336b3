/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_record.h"

#include <openssl/x509.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/domain.h"

#define ED25519_BYTES 32
#define DER_MAX_BYTES (DKIM_RECORD_MAX_BYTES / 4 * 3)

const char *const dkim_key_words[] = { "rsa", "ed25519", NULL };

struct span {
	const char *at;
	size_t len;
};

static struct span trim(const char *at, const char *end)
{
	while (at < end && ascii_is_space(*at))
		at++;
	while (at < end && ascii_is_space(end[-1]))
		end--;
	return (struct span){ at, (size_t)(end - at) };
}

static bool is(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

/* A list of words with colons between; has it this one, or "*" where that stands for all? */
static bool list_has(struct span list, const char *word, bool any)
{
	const char *end = list.at + list.len;

	for (const char *at = list.at; at <= end;) {
		const char *colon = at < end ? memchr(at, ':', (size_t)(end - at)) : NULL;
		struct span item = trim(at, colon ? colon : end);

		if (is(item, word) || (any && is(item, "*")))
			return true;
		if (!colon)
			return false;
		at = colon + 1;
	}
	return false;
}

static bool is_tag_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alnum(s.at[i]) && s.at[i] != '_')
			return false;
	return s.len > 0 && ascii_is_alpha(s.at[0]);
}

static enum dkim_key_type type_of(struct span word)
{
	for (unsigned i = 0; dkim_key_words[i]; i++)
		if (is(word, dkim_key_words[i]))
			return (enum dkim_key_type)i;
	return DKIM_KEY_UNKNOWN;
}

/* One tag. False: this is no key record. */
static bool take(struct dkim_record *r, struct span name, struct span value, bool first)
{
	if (is(name, "v"))
		return first && is(value, "DKIM1");
	if (is(name, "k"))
		r->type = type_of(value);
	else if (is(name, "h"))
		r->for_mail &= list_has(value, "sha256", false);
	else if (is(name, "s"))
		r->for_mail &= list_has(value, "email", true);
	else if (is(name, "t"))
		r->testing = list_has(value, "y", false);
	else if (is(name, "p")) {
		r->key = value.at;
		r->key_len = value.len;
	}
	return true;
}

bool dkim_record_parse(const char *bytes, size_t len, struct dkim_record *ret)
{
	struct dkim_record r = { .type = DKIM_KEY_RSA, .for_mail = true };
	struct span names[DKIM_RECORD_MAX_TAGS];
	const char *at = bytes, *end = bytes + len;
	size_t count = 0;

	if (len > DKIM_RECORD_MAX_BYTES)
		return false;
	while (at < end) {
		const char *semicolon = memchr(at, ';', (size_t)(end - at)), *stop = semicolon ? semicolon : end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));
		struct span name;

		if (trim(at, stop).len == 0 && !semicolon)
			break; /* behind the last semicolon */
		if (!equals || count == DKIM_RECORD_MAX_TAGS)
			return false;
		name = trim(at, equals);
		if (!is_tag_name(name))
			return false;
		for (size_t i = 0; i < count; i++)
			if (names[i].len == name.len && memcmp(names[i].at, name.at, name.len) == 0)
				return false;
		if (!take(&r, name, trim(equals + 1, stop), count == 0))
			return false;
		names[count++] = name;
		at = semicolon ? semicolon + 1 : end;
	}
	if (!r.key)
		return false;
	*ret = r;
	return true;
}

/* Base64 with white space in it. The octets; 0: it is none. */
static size_t decode(const char *bytes, size_t len, unsigned char der[DER_MAX_BYTES])
{
	unsigned char packed[DKIM_RECORD_MAX_BYTES];
	size_t used = 0, padding = 0;
	int n;

	if (len > sizeof packed)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_space(bytes[i]))
			packed[used++] = (unsigned char)bytes[i];
	while (padding < 2 && padding < used && packed[used - 1 - padding] == '=')
		padding++;
	n = used && used % 4 == 0 ? EVP_DecodeBlock(der, packed, (int)used) : 0;
	return n > (int)padding ? (size_t)n - padding : 0;
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
	unsigned char der[DER_MAX_BYTES];
	size_t len = decode(r->key, r->key_len, der);

	switch (r->type) {
	case DKIM_KEY_RSA:
		return len ? rsa_key(der, len) : NULL;
	case DKIM_KEY_ED25519:
		return len == ED25519_BYTES ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, der, len) : NULL;
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

bool dkim_record_write(struct text *out, EVP_PKEY *key)
{
	enum dkim_key_type type = dkim_record_type(key);
	unsigned char raw[ED25519_BYTES], base64[DKIM_RECORD_MAX_BYTES + 1], *der = NULL;
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
		(void)EVP_EncodeBlock(base64, der ? der : raw, len);
		text_addf(out, "v=DKIM1; k=%s; p=%s", dkim_key_words[type], (const char *)base64);
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
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] >= 0x80)
			return false;
	return domain_valid(name, len, min_labels) && name[len - 1] != '.';
}

bool dkim_domain_valid(const char *name, size_t len)
{
	return is_ascii_domain(name, len, 2);
}

bool dkim_selector_valid(const char *name, size_t len)
{
	return is_ascii_domain(name, len, 1);
}
