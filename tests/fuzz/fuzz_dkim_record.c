/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct text written = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	struct dkim_record r, again;
	EVP_PKEY *key, *same;

	if (!dkim_record_parse(bytes, size, &r))
		return 0;
	MUST(r.key >= bytes && r.key + r.key_len <= bytes + size);
	key = dkim_record_key(&r);
	if (key && dkim_record_write(&written, key)) {
		MUST(dkim_record_parse(text_str(&written), written.len, &again) && again.type == r.type);
		same = dkim_record_key(&again);
		MUST(same && EVP_PKEY_eq(key, same) == 1);
		EVP_PKEY_free(same);
	}
	EVP_PKEY_free(key);
	text_done(&written);
	return 0;
}
