/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/authres.h"
#include "tests/fuzz/fuzz.h"

/* What is found is within the value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *value = (const char *)data, *found;
	size_t len;

	found = authres_find(value, size, "dmarc", NULL, &len);
	MUST(!found || (found >= value && found + len <= value + size));
	found = authres_find(value, size, "dmarc", "header.from", &len);
	MUST(!found || (found >= value && found + len <= value + size));
	found = authres_methods(value, size, &len);
	MUST(found >= value && found + len <= value + size);
	return 0;
}
