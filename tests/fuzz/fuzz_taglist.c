/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/base64.h"
#include "filter/mail/taglist.h"
#include "tests/fuzz/fuzz.h"

static bool within(const uint8_t *data, size_t size, const char *at, size_t len)
{
	const char *start = (const char *)data;

	return at >= start && at + len <= start + size;
}

/* base64, as the values of the tags have it: what is decoded comes back when it is encoded. */
static void round_trip(const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done)
	struct text plain = TEXT_INIT(1 << 20),
		    base64 = TEXT_INIT(2 << 20), again = TEXT_INIT(1 << 20);

	if (!base64_decode(&plain, bytes, len))
		return;
	base64_encode(&base64, text_str(&plain), plain.len);
	MUST(base64_decode(&again, text_str(&base64), base64.len));
	MUST(again.len == plain.len && memcmp(text_str(&again), text_str(&plain), plain.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taglist l;

	(void)taglist_parse((const char *)data, size, &l);
	MUST(l.count <= TAGLIST_MAX_TAGS);
	for (size_t i = 0; i < l.count; i++) {
		const struct tag *tag = &l.tags[i];
		char buf[16];
		const char *word;
		size_t pos = 0, len;

		MUST(tag->name_len > 0 && within(data, size, tag->name, tag->name_len) &&
			within(data, size, tag->value, tag->value_len));
		MUST(tag_squeeze(tag, buf, sizeof buf) ? strlen(buf) <= tag->value_len : buf[0] == '\0');
		while (tag_next_word(tag, &pos, &word, &len))
			MUST(within(data, size, word, len));
		round_trip(tag->value, tag->value_len);
	}
	return 0;
}
