/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/utf8.h"
#include "filter/services/clamd_wire.h"
#include "tests/fuzz/fuzz.h"

static void is_clean(const char *text)
{
	MUST(strlen(text) <= CLAMD_TEXT_MAX && utf8_valid(text, strlen(text)));
	for (; *text; text++)
		MUST((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* What clamd says, or what stands in its place: texts are fit to be shown, and there is one where it is promised. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clamd_reply reply;
	struct clamd_version version;

	clamd_reply_read((const char *)data, size, &reply);
	is_clean(reply.text);
	MUST((reply.kind == CLAMD_FOUND || reply.kind == CLAMD_ERROR) == (*reply.text != '\0'));
	if (clamd_version_read((const char *)data, size, &version)) {
		is_clean(version.text);
		is_clean(version.engine);
		MUST(*version.text && *version.engine && version.signatures_s >= 0);
	}
	return 0;
}
