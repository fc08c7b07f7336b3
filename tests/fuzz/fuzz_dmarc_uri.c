/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/dmarc_uri.h"
#include "tests/fuzz/fuzz.h"

/* An address goes into SMTP and into a header field: nothing in it may end either. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dmarc_uri uris[DMARC_URIS_MAX];
	size_t count = dmarc_uris_read((const char *)data, size, uris);

	MUST(count <= DMARC_URIS_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(uris[i].address);

		MUST(len > 2 && len < DMARC_ADDRESS_SIZE && strchr(uris[i].address, '@') == uris[i].domain - 1);
		for (size_t k = 0; k < len; k++)
			MUST(uris[i].address[k] > ' ' && uris[i].address[k] < 0x7f &&
				!strchr("<>()[]\\,;:\"", uris[i].address[k]));
	}
	return 0;
}
