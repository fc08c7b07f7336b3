/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/text.h"
#include "filter/base/utf8.h"

#define SHOWN_COLUMNS 160 /* of a longer line, the part around the place is shown */

int source_from(const char *path, const char *bytes, size_t len, struct source **ret, struct err *reterr)
{
	struct source *s = calloc(1, sizeof *s);

	if (s) {
		s->path = strdup(path);
		s->bytes = malloc(len + 1);
	}
	if (!s || !s->path || !s->bytes) {
		source_free(s);
		return err_set(reterr, -ENOMEM, "%s: out of memory", path);
	}
	if (len)
		memcpy(s->bytes, bytes, len);
	s->bytes[len] = '\0';
	s->len = len;
	*ret = s;
	return 0;
}

int source_load(const char *path, struct source **ret, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(SOURCE_MAX_BYTES);
	int r = text_read_file(&text, path);
	size_t mark = utf8_mark_len(text_str(&text), text.len);

	if (r == -EFBIG)
		return err_set(reterr, r, "%s: larger than %u MB: keep long lists in files of their own", path, SOURCE_MAX_BYTES >> 20);
	if (r < 0)
		return err_set(reterr, r, "%s: cannot be read: %s", path, text_file_error(r));
	return source_from(path, text_str(&text) + mark, text.len - mark, ret, reterr);
}

void source_free(struct source *s)
{
	if (!s)
		return;
	free(s->path);
	free(s->bytes);
	free(s);
}

const char *source_path(const struct source *s, const char *path, struct arena *arena)
{
	const char *slash = strrchr(s->path, '/');

	if (*path == '/' || !slash)
		return arena_copy(arena, path, strlen(path));
	return arena_printf(arena, "%.*s/%s", (int)(slash - s->path), s->path, path);
}

static const char *line_start(const struct source *s, unsigned line)
{
	const char *p = s->bytes;

	for (unsigned n = 1; n < line; n++) {
		const char *next = memchr(p, '\n', s->len - (size_t)(p - s->bytes));

		if (!next)
			break;
		p = next + 1;
	}
	return p;
}

/* The line and the mark under it. What does not print is shown as '?'. */
static void show_line(struct text *out, struct place at)
{
	const char *p = line_start(at.source, at.line);
	const char *end = at.source->bytes + at.source->len;
	size_t len = strcspn(p, "\n");
	size_t column = at.column ? at.column - 1 : 0;
	size_t from = column > SHOWN_COLUMNS / 2 ? column - SHOWN_COLUMNS / 2 : 0;

	if (len > (size_t)(end - p))
		len = (size_t)(end - p);
	if (len > from + SHOWN_COLUMNS)
		len = from + SHOWN_COLUMNS;
	if (len == 0)
		return;
	text_adds(out, "\n    ");
	for (size_t i = from; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		text_addc(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	text_adds(out, "\n    ");
	for (size_t i = from; i < column; i++)
		text_addc(out, ' ');
	text_addc(out, '^');
}

int place_error(struct place at, struct err *reterr, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(sizeof reterr->text);
	va_list args;

	if (at.source)
		text_addf(&out, "%s:%u:%u: ", at.source->path, at.line, at.column);
	va_start(args, format);
	text_addv(&out, format, args);
	va_end(args);
	if (at.source && at.line)
		show_line(&out, at);
	return err_set(reterr, -EINVAL, "%s", text_str(&out));
}
