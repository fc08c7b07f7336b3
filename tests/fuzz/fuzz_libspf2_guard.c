/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/libspf2/libspf2_guard.h"
#include "tests/fuzz/fuzz.h"

/* What the guard writes is short and of few characters, whatever the record. */
static void look_at_clean(const char *record)
{
	size_t len = strlen(record);

	MUST(len < GUARD_CLEAN_MAX - 1);
	MUST(strspn(record, "v=spf1 amxtrei:.0123456789gnldbcs/") == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guard_macros m = {
		.local = { "a.b-c", 5 },
		.sender_domain = { "example.org", 11 },
		.domain = { "mail.example.org", 16 },
		.helo = { "x\\\0\xff", 4 },
		.validated = { "unknown", 7 },
		.receiver = { "mx.example.org", 14 },
		.client = { 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	};
	struct guard_span text = { (const char *)data, size };
	struct text out = TEXT_INIT(GUARD_EXPANSION_MAX_BYTES);
	struct guard_record r;
	struct guard_term t;

	if (guard_is_explanation(text))
		(void)guard_expand(text, &m, &out);
	text_done(&out);
	if (!guard_parse(text, &r))
		return 0;
	for (size_t pos = 0; guard_next(&r, &pos, &t);) {
		char clean[GUARD_CLEAN_MAX], escaped[4 * GUARD_NAME_MAX + 1];
		struct guard_name name;
		bool any;

		if (t.kind != GUARD_OTHER_MODIFIER && guard_target(t.spec, &m, &name))
			MUST(name.len > 0 && name.len <= GUARD_NAME_MAX &&
				strlen(guard_dns_text(&name, escaped)) >= name.len);
		if (t.kind != GUARD_ALL && t.kind != GUARD_INCLUDE && t.kind <= GUARD_EXISTS)
			look_at_clean(guard_clean_record(&t, &m.client, clean, &any));
	}
	return 0;
}
