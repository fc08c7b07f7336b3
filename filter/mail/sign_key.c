/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/sign_key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/key_file.h"

/* False: *reterr says what is wrong with it. */
static bool can_sign(const char *path, const EVP_PKEY *key, struct err *reterr)
{
	int bits = EVP_PKEY_get_bits(key);

	if (dkim_record_type(key) == DKIM_KEY_UNKNOWN)
		(void)err_set(reterr, -EINVAL, "%s has a key of the wrong type: DKIM signs with rsa and ed25519", path);
	else if (dkim_record_type(key) == DKIM_KEY_RSA && (bits < DKIM_RSA_MIN_BITS || bits > DKIM_RSA_MAX_BITS))
		(void)err_set(reterr, -EINVAL, "%s has an RSA key of %d bits: it has %d to %d, and 2048 is usual", path, bits, DKIM_RSA_MIN_BITS,
			DKIM_RSA_MAX_BITS);
	else
		return true;
	return false;
}

/* Takes the key over. */
static int fill(struct sign_key *ret, EVP_PKEY *key, const char *domain, const char *selector)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	struct sign_key k = { .type = dkim_record_type(key), .key = key, .selector = strdup(selector) };

	if (dkim_record_write(&record, key))
		k.record = strdup(text_str(&record));
	k.domain = domain ? strdup(domain) : NULL;
	if (!k.selector || !k.record || (domain && !k.domain)) {
		sign_key_done(&k);
		return -ENOMEM;
	}
	*ret = k;
	return 0;
}

int sign_key_load(const char *path, const char *domain, const char *selector, const char *user, struct sign_key *ret, struct err *reterr)
{
	EVP_PKEY *key = key_file_load(path, user, "remove it, and make a key with sluicectl dkim keygen", reterr);

	if (!key)
		return -EINVAL;
	if (can_sign(path, key, reterr))
		return fill(ret, key, domain, selector);
	EVP_PKEY_free(key);
	return -EINVAL;
}

void sign_key_done(struct sign_key *key)
{
	EVP_PKEY_free(key->key);
	free(key->domain);
	free(key->selector);
	free(key->record);
	*key = (struct sign_key){ .key = NULL };
}
