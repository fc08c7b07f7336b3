/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/dmarc_failure.h"
#include "filter/mail/dmarc_redact.h"
#include "tests/fuzz/fuzz.h"

/* "NAME:VALUE": what is shown of it, in a report, which is printable ASCII in short lines, with no local part but of a Message-ID. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(16384), mail = TEXT_INIT(65536);
	const char *s = (const char *)data, *colon = memchr(s, ':', size);
	struct dmarc_failure f = { .reporter = "a.example",
		.authserv_id = "a.example",
		.generator = "x",
		.source_ip = "192.0.2.1",
		.delivery = "other" };

	if (!colon)
		return 0;
	dmarc_redact(&out, s, (size_t)(colon - s), colon + 1, size - (size_t)(colon + 1 - s));
	(void)dmarc_is_automatic(s, (size_t)(colon - s), colon + 1, size - (size_t)(colon + 1 - s));
	MUST(!out.failed);
	if (!strncmp(text_str(&out), "From: ", 6))
		MUST(!strncmp(text_str(&out), "From: redacted@", 15) && !strchr(text_str(&out) + 15, '@'));
	f.header_from = f.dkim_domain = f.dkim_selector = f.dkim_result = f.header = text_str(&out);
	dmarc_failure_write(&mail, &f, "=_b");
	MUST(!mail.failed);
	for (const char *p = text_str(&mail), *end; *p; p = end + 2) {
		end = strstr(p, "\r\n");
		MUST(end && end - p <= 998);
		for (; p < end; p++)
			MUST(*p >= ' ' && *p < 0x7f);
	}
	MUST(!out.len || strstr(text_str(&mail), text_str(&out)));
	return 0;
}
