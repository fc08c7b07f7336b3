/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/utf8.h"
#include "filter/mail/authres.h"
#include "tests/fuzz/fuzz.h"

/* Whatever the value, the field stays one field, and ours. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sluice_authres_property properties[] = {
		{ "smtp.mailfrom", (const char *)data, size },
		{ .name = NULL },
	};
	const struct authres_entry entry = { "spf", "pass", NULL, properties };
	struct text out = TEXT_INIT(8192);

	for (int utf8 = 0; utf8 <= 1; utf8++) {
		text_clear(&out);
		authres_write(&out, "mx.example.org", &entry, 1, utf8);
		MUST(!out.failed && authres_claims(out.bytes, out.len, "mx.example.org"));
		MUST(utf8_valid(out.bytes, out.len));
		for (size_t i = 0; i < out.len; i++) {
			if (out.bytes[i] == '\n')
				MUST(out.bytes[++i] == '\t');
			else
				MUST((unsigned char)out.bytes[i] >= ' ' && out.bytes[i] != 0x7f);
		}
	}
	text_done(&out);
	return 0;
}
