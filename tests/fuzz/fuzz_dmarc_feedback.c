/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/ctl/dmarc_feedback.h"
#include "tests/fuzz/fuzz.h"

static void must_be_text(const char *s)
{
	MUST(s && strlen(s) <= FEEDBACK_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feedback f;
	struct err err = { "" };
	int64_t messages = 0;

	if (feedback_parse((const char *)data, size, &f, &err) == 0) {
		MUST(f.rows.len > 0 && *f.domain && f.passed >= 0 && f.passed <= f.messages);
		must_be_text(f.org);
		must_be_text(f.domain);
		for (size_t i = 0; i < f.rows.len; i++) {
			must_be_text(f.rows.items[i].source_ip);
			must_be_text(f.rows.items[i].dkim);
			must_be_text(f.rows.items[i].spf_domain);
			MUST(f.rows.items[i].count >= 0 && f.rows.items[i].count <= FEEDBACK_COUNT_MAX);
			messages += f.rows.items[i].count;
		}
		MUST(messages == f.messages);
	} else {
		MUST(*err.text);
	}
	feedback_done(&f);
	return 0;
}
