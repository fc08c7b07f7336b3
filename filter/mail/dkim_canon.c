/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_canon.h"

#include <string.h>

#include "filter/base/ascii.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void relaxed_header(struct text *out, const char *name, size_t name_len, const char *value, size_t value_len)
{
	bool blank = false, any = false;

	while (name_len > 0 && is_blank(name[name_len - 1]))
		name_len--;
	for (size_t i = 0; i < name_len; i++)
		text_addc(out, ascii_lower(name[i]));
	text_addc(out, ':');
	for (size_t i = 0; i < value_len; i++) {
		if (ascii_is_space(value[i])) {
			blank = true;
			continue;
		}
		if (blank && any)
			text_addc(out, ' ');
		text_addc(out, value[i]);
		blank = false;
		any = true;
	}
}

void dkim_canon_header(struct text *out, enum dkim_canon canon, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (canon == DKIM_RELAXED) {
		relaxed_header(out, name, name_len, value, value_len);
		return;
	}
	text_add(out, name, name_len);
	text_addc(out, ':');
	text_add(out, value, value_len);
}

/* ---- the body ---- */

void dkim_canon_body(struct dkim_canon_body *b, enum dkim_canon canon, void (*out)(void *arg, const char *bytes, size_t len), void *arg)
{
	b->canon = canon;
	b->out = out;
	b->arg = arg;
	b->any = b->cr = b->blank = false;
	b->lines = b->used = 0;
}

static void put(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t room = sizeof b->buffer - b->used, n = len < room ? len : room;

		memcpy(b->buffer + b->used, bytes, n);
		b->used += n;
		bytes += n;
		len -= n;
		if (b->used < sizeof b->buffer)
			return;
		b->out(b->arg, b->buffer, b->used);
		b->used = 0;
	}
}

static void put_lines(struct dkim_canon_body *b)
{
	for (; b->lines > 0; b->lines--)
		put(b, "\r\n", 2);
}

/* Octets that stay as they are: what waited before them counts. */
static void pass(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	put_lines(b);
	if (b->blank)
		put(b, " ", 1);
	b->blank = false;
	b->any = true;
	put(b, bytes, len);
}

/* How many octets at the start have no meaning of their own. */
static size_t plain_len(const struct dkim_canon_body *b, const char *bytes, size_t len)
{
	const char *cr;
	size_t n = 0;

	if (b->canon == DKIM_SIMPLE) {
		cr = memchr(bytes, '\r', len);
		return cr ? (size_t)(cr - bytes) : len;
	}
	while (n < len && bytes[n] != '\r' && !is_blank(bytes[n]))
		n++;
	return n;
}

void dkim_canon_body_add(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t n;

		if (b->cr) {
			b->cr = false;
			if (*bytes == '\n') {
				b->blank = false; /* white space at the end of a line is none */
				b->lines++;
				bytes++;
				len--;
				continue;
			}
			pass(b, "\r", 1);
		}
		n = plain_len(b, bytes, len);
		if (n > 0) {
			pass(b, bytes, n);
		} else {
			n = 1;
			b->cr = *bytes == '\r';
			b->blank |= !b->cr;
		}
		bytes += n;
		len -= n;
	}
}

void dkim_canon_body_end(struct dkim_canon_body *b)
{
	if (b->cr)
		pass(b, "\r", 1);
	b->cr = b->blank = false;
	b->lines = b->any || b->canon == DKIM_SIMPLE ? 1 : 0; /* empty lines at the end are none */
	put_lines(b);
	if (b->used)
		b->out(b->arg, b->buffer, b->used);
	b->used = 0;
}
