/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/sign_field.h"

#include <openssl/rsa.h>
#include <string.h>

#define RAW_MAX_BYTES   (DKIM_RSA_MAX_BITS / 8)
#define BASE64_BYTES(n) (((n) + 2) / 3 * 4 + 1)
#define LINE_MAX_BYTES  72

const char *const sign_field_usual[SIGN_FIELD_USUAL + 1] = {
	"From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "Content-ID", "Content-Description", "In-Reply-To", "References", "Resent-Date",
	"Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe",
	"List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", NULL,
};

void sign_field_add_names(struct text *out, const char *names)
{
	size_t column = strlen("\th=");

	while (*names) {
		size_t len = strcspn(names, ":");

		len += names[len] == ':';
		if (column + len > LINE_MAX_BYTES) {
			text_adds(out, "\n\t ");
			column = strlen("\t ");
		}
		text_add(out, names, len);
		column += len;
		names += len;
	}
}

void sign_field_add_base64(struct text *out, const unsigned char *bytes, size_t len)
{
	unsigned char base64[BASE64_BYTES(RAW_MAX_BYTES)];
	size_t n = (size_t)EVP_EncodeBlock(base64, bytes, (int)len);

	for (size_t at = 0; at < n; at += LINE_MAX_BYTES) {
		text_adds(out, at ? "\n\t " : "");
		text_add(out, base64 + at, n - at < LINE_MAX_BYTES ? n - at : LINE_MAX_BYTES);
	}
}

/* RFC 8463 3: what is signed by Ed25519 is the hash, as a message. */
static bool sign_ed25519(EVP_PKEY *key, const unsigned char hash[SIGN_HASH_BYTES], unsigned char *ret, size_t *ret_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 && EVP_DigestSign(ctx, ret, ret_len, hash, SIGN_HASH_BYTES) == 1;

	EVP_MD_CTX_free(ctx);
	return done;
}

static bool sign_rsa(EVP_PKEY *key, const unsigned char hash[SIGN_HASH_BYTES], unsigned char *ret, size_t *ret_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool done = ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_sign(ctx, ret, ret_len, hash, SIGN_HASH_BYTES) == 1;

	EVP_PKEY_CTX_free(ctx);
	return done;
}

bool sign_field_add_signature(struct text *out, const struct sign_key *key, const unsigned char hash[SIGN_HASH_BYTES])
{
	unsigned char raw[RAW_MAX_BYTES];
	size_t len = sizeof raw;

	if (!(key->type == DKIM_KEY_ED25519 ? sign_ed25519 : sign_rsa)(key->key, hash, raw, &len))
		return false;
	sign_field_add_base64(out, raw, len);
	return true;
}
