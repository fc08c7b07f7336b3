/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields, a line each, "NAME:VALUE"; after an empty line the body, which is cut in two ways that have to say the same. */
#include <gmime/gmime.h>
#include <string.h>

#include "plugins/headers/headers_eval.h"
#include "tests/fuzz/fuzz.h"

static void see_body(struct headers *h, const char *body, size_t len, size_t step)
{
	for (size_t i = 0; i < len; i += step)
		headers_see_body(h, body + i, len - i < step ? len - i : step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct text shown = TEXT_INIT(4096);
	struct headers h, cut;

	g_mime_init(); /* the second time it does nothing */
	headers_init(&h, "mx.example.org");
	headers_init(&cut, "mx.example.org");
	while (p < end && *p != '\n') {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *line_end = eol ? eol : end, *colon = memchr(p, ':', (size_t)(line_end - p));

		if (colon)
			headers_see_field(&h, p, (size_t)(colon - p), colon + 1, (size_t)(line_end - colon - 1));
		p = eol ? eol + 1 : end;
	}
	if (headers_shown_address(&h, &shown))
		MUST(memchr(shown.bytes, '@', shown.len));
	h.long_line = h.bare_cr = h.bare_lf = false;
	see_body(&h, p, (size_t)(end - p), size + 1);
	see_body(&cut, p, (size_t)(end - p), 1);
	MUST(h.long_line == cut.long_line && h.bare_cr == cut.bare_cr && h.bare_lf == cut.bare_lf && h.hidden_end == cut.hidden_end &&
		h.has_body == cut.has_body && h.line_len == cut.line_len && h.after_cr == cut.after_cr && h.only_dot == cut.only_dot);
	text_done(&shown);
	headers_done(&h);
	headers_done(&cut);
	return 0;
}
