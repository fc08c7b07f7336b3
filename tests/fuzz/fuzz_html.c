/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/html.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct html h;
	size_t end = 0; /* of what the last link shows */

	MUST(html_read(&h, (const char *)data, size));
	MUST(h.links.len <= HTML_MAX_LINKS && h.links.len <= size);
	for (size_t i = 0; i < h.links.len; i++) {
		const struct html_link *l = &h.links.items[i];

		MUST(l->url_len > 0 && l->url_at + l->url_len <= h.urls.len);
		MUST(l->shown_at + l->shown_len <= h.text.len);
		MUST(l->shown_len == 0 || l->shown_at >= end);
		end = l->shown_len ? l->shown_at + l->shown_len : end;
	}
	for (size_t i = 0; i < h.text.len; i++)
		MUST(h.text.bytes[i] != '\r' && h.text.bytes[i] != '\t' && (h.text.bytes[i] != '\n' || h.text.bytes[i + 1] != '\n'));
	html_done(&h);
	return 0;
}
