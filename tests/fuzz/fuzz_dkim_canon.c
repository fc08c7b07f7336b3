/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/dkim_canon.h"
#include "tests/fuzz/fuzz.h"

static void take(void *out, const char *bytes, size_t len)
{
	text_add(out, bytes, len);
}

static void canonical(struct text *out, enum dkim_canon canon, const char *body, size_t len, size_t chunk)
{
	struct dkim_canon_body b;

	dkim_canon_body(&b, canon, take, out);
	for (size_t at = 0; at < len; at += chunk)
		dkim_canon_body_add(&b, body + at, len - at < chunk ? len - at : chunk);
	dkim_canon_body_end(&b);
}

/* However it is cut the form is the same, and once it has that form it stays as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = TEXT_INIT(2 * size + 16), cut = TEXT_INIT(2 * size + 16), again = TEXT_INIT(2 * size + 16);
	const char *bytes = (const char *)data, *colon;

	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		canonical(&whole, canon, bytes, size, size + 1);
		canonical(&cut, canon, bytes, size, 1 + size % 7);
		canonical(&again, canon, text_str(&whole), whole.len, whole.len + 1);
		MUST(!whole.failed && whole.len == cut.len && whole.len == again.len);
		MUST(whole.len == 0 || (!memcmp(whole.bytes, cut.bytes, whole.len) && !memcmp(whole.bytes, again.bytes, whole.len)));
		text_clear(&whole);
		text_clear(&cut);
		text_clear(&again);
	}
	dkim_canon_header(&whole, DKIM_RELAXED, bytes, size / 4, bytes + size / 4, size - size / 4);
	colon = memchr(text_str(&whole), ':', whole.len);
	MUST(colon);
	dkim_canon_header(&again, DKIM_RELAXED, whole.bytes, (size_t)(colon - whole.bytes), colon + 1, whole.len - (size_t)(colon + 1 - whole.bytes));
	MUST(memchr(bytes, ':', size / 4) || (again.len == whole.len && !memcmp(again.bytes, whole.bytes, whole.len)));
	text_done(&whole);
	text_done(&cut);
	text_done(&again);
	return 0;
}
