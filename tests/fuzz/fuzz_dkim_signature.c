/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/dkim_report.h"
#include "tests/fuzz/fuzz.h"

/* The input is a signature, a NUL, and key records with a NUL between. */
#define MAX_RECORDS 8

static void check_key(struct dkim_keys *kept, const struct dkim_key *key)
{
	if (key->flaw.why)
		MUST(key->flaw.result != DKIM_PASS && key->flaw.result != DKIM_NONE);
	else
		MUST(key->key && key->bits >= 256);
	dkim_keys_release(kept, key->key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text description = TEXT_INIT(4096);
	const char *at = (const char *)data, *end = at + size, *nul = size ? memchr(at, '\0', size) : NULL;
	struct sluice_dns_record records[MAX_RECORDS];
	struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .records = records };
	static struct dkim_keys *kept;
	struct dkim_signature sig;
	struct dkim_key key;

	if (!kept)
		kept = dkim_keys_new();
	MUST(kept);
	dkim_signature_parse(DKIM_SIGNATURE, at, nul ? (size_t)(nul - at) : size, &sig);
	dkim_signature_check_time(&sig, 1700000000);
	if (!sig.flaw.why)
		MUST(sig.domain[0] && sig.selector[0] && sig.b[0] && sig.algorithm < DKIM_RSA_SHA1);
	while (nul && answer.count < MAX_RECORDS) {
		const char *start = nul + 1;

		nul = start < end ? memchr(start, '\0', (size_t)(end - start)) : NULL;
		records[answer.count++] = (struct sluice_dns_record){ start, (size_t)((nul ? nul : end) - start), 0 };
	}
	dkim_key_choose(&answer, &sig, 1024, kept, &key);
	check_key(kept, &key);
	dkim_describe(&description, &(struct dkim_verified){ .sig = sig, .bits = key.bits, .result = key.flaw });
	MUST(!description.failed);
	sig.algorithm = DKIM_ED25519_SHA256;
	dkim_key_choose(&answer, &sig, 1024, kept, &key);
	check_key(kept, &key);
	return 0;
}
