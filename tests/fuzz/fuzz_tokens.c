/* SPDX-License-Identifier: BSD-2-Clause */
/* A message as a file has it. */
#include <string.h>

#include "filter/base/text.h"
#include "filter/base/utf8.h"
#include "filter/mail/tokens.h"
#include "tests/fuzz/fuzz.h"

static void look(const struct tokens *t)
{
	size_t count;
	const uint64_t *ids = tokens_ids(t, &count);

	MUST(count <= TOKENS_MAX && (!count || ids[0]));
	for (size_t i = 0; i < count; i++) {
		size_t len;
		const char *shown = tokens_shown(t, i, &len);

		MUST(i == 0 || ids[i - 1] < ids[i]);
		MUST(shown && len > 0 && len <= 300);
	}
}

/* Of two octets or more for each character: an end of line that is changed breaks those. */
static bool is_wide(const char *bytes, size_t len)
{
	return memmem(bytes, len, "16", 2) || memmem(bytes, len, "32", 2) || memmem(bytes, len, "ucs", 3) || memmem(bytes, len, "UCS", 3);
}

/* The same with CRLF, unless it has carriage returns of its own. */
static void compare(const struct tokens *t, struct tokens *other, const char *bytes, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text crlf = TEXT_INIT(2 * size);
	const uint64_t *ids, *other_ids;
	size_t count, other_count;

	if (memchr(bytes, '\r', size) || is_wide(bytes, size))
		return;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			text_addc(&crlf, '\r');
		text_addc(&crlf, bytes[i]);
	}
	MUST(tokens_of_message(other, text_str(&crlf), crlf.len));
	ids = tokens_ids(t, &count);
	other_ids = tokens_ids(other, &other_count);
	MUST(count == other_count && !memcmp(ids, other_ids, count * sizeof *ids));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static psl_ctx_t *psl;
	static struct tokens *t, *other;

	if (!psl) {
		psl = psl_latest(NULL);
		t = tokens_new(psl);
		other = tokens_new(psl);
	}
	MUST(t && other && tokens_of_message(t, (const char *)data, size));
	look(t);
	compare(t, other, (const char *)data, size);
	return 0;
}
