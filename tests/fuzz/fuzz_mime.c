/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields, a line each, "NAME:VALUE"; after an empty line the body. */
#include <string.h>

#include "filter/base/utf8.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/mime_rewrite.h"
#include "tests/fuzz/fuzz.h"

static void look_at(struct mime *m, size_t i)
{
	const struct sluice_mime_part *p = &mime_view(m)->parts[i];
	size_t len;
	const char *content = mime_content(m, i, &len), *text;

	MUST(*p->section && *p->type && p->depth <= 5 && (i == 0 || p->parent < i));
	MUST(!p->container == (content != NULL) && (!content || p->len >= len));
	MUST(i == 0 || mime_view(m)->parts[p->parent].container);
	for (size_t k = 0; k < p->name_count; k++)
		MUST(p->names[k].len <= 1000 && utf8_valid(p->names[k].bytes, p->names[k].len));
	text = mime_text(m, i, &len);
	MUST(!text || (len <= 1000 && utf8_valid(text, len)));
}

/* Notes in the place of some parts, and a text at the end: it is a message again, and the text is its last part. */
static void rewrite(struct mime *m, const char *body, size_t len, const struct mime_limits *limits)
{
	struct arena *arena = arena_new(1 << 20);
	struct mime_note notes[30];
	struct text joined = TEXT_INIT(2 * len + 30000);
	struct mime *again = mime_new(limits);
	struct mime_rewrite r;
	size_t count = 0, text_len;
	const struct sluice_mime *v;

	for (size_t i = 1; i < mime_view(m)->count; i += 2)
		notes[count++] = (struct mime_note){ i, "a note" };
	MUST(mime_rewrite(m, (struct sluice_text){ body, len }, notes, count, "the end", "=_new_boundary_", "", arena, &r));
	for (size_t i = 0; i < r.body.len; i++)
		text_add(&joined, r.body.items[i].bytes, r.body.items[i].len);
	MUST(!joined.failed);
	if (r.type && memmem(body, len, "=_new_boundary_", 15) == NULL) {
		mime_field(again, "Content-Type", 12, r.type, strlen(r.type));
		MUST(mime_parse(again, text_str(&joined), joined.len, false));
		v = mime_view(again);
		for (size_t i = 0; !v->too_many && i < v->count; i++) {
			const char *text = mime_content(again, i, &text_len);

			if (text && text_len >= 7 && !memcmp(text + text_len - 7, "the end", 7))
				break;
			MUST(i + 1 < v->count);
		}
	}
	mime_free(again);
	mime_rewrite_done(&r);
	arena_free(arena);
	text_done(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mime_limits limits = { .parts = 30, .depth = 5, .header_bytes = 500, .content_bytes = 1 << 16, .text_bytes = 1000 };
	const char *p = (const char *)data, *end = p + size;
	struct mime *m = mime_new(&limits);

	while (p < end && *p != '\n') {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *line_end = eol ? eol : end, *colon = memchr(p, ':', (size_t)(line_end - p));
		struct text decoded = TEXT_INIT(4 * size);

		if (colon)
			mime_field(m, p, (size_t)(colon - p), colon + 1, (size_t)(line_end - colon - 1));
		encoded_word_decode(&decoded, p, (size_t)(line_end - p));
		MUST(utf8_valid(text_str(&decoded), decoded.len));
		text_done(&decoded);
		p = eol ? eol + 1 : end;
	}
	p += p < end;
	MUST(mime_parse(m, p, (size_t)(end - p), size % 2));
	MUST(mime_view(m)->count >= 1 && mime_view(m)->count <= limits.parts);
	for (size_t i = 0; i < mime_view(m)->count; i++)
		look_at(m, i);
	rewrite(m, p, (size_t)(end - p), &limits);
	mime_free(m);
	return 0;
}
