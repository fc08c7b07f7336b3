/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/utf8.h"
#include "plugins/rspamd/rspamd_eval.h"
#include "tests/fuzz/fuzz.h"

static void is_clean(const char *text, size_t max)
{
	size_t n;

	MUST(strlen(text) <= max);
	for (; *text; text += n) {
		n = utf8_char_len(text, strlen(text));
		MUST(n && !utf8_is_control(text, n));
	}
}

/* What rspamd says, or what stands in its place; and what a client says as a field of the request: one line, or none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4000);
	char why[SLUICE_EXCHANGE_WHY_MAX] = "";
	struct rspamd_answer answer;

	rspamd_field(&out, "Helo", (const char *)data, size);
	MUST(!out.failed && (!out.len || strcspn(text_str(&out), "\r\n") == out.len - 2));
	if (rspamd_read((const char *)data, size, &answer, why) != SLUICE_EXCHANGE_ANSWER) {
		MUST(*why);
		return 0;
	}
	MUST(answer.count <= RSPAMD_SYMBOLS_MAX && answer.action <= RSPAMD_OTHER);
	for (size_t i = 0; i < answer.count; i++) {
		MUST(*answer.symbols[i].name);
		is_clean(answer.symbols[i].name, RSPAMD_SYMBOL_MAX);
	}
	return 0;
}
