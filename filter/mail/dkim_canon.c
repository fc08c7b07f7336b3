/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_canon.h"

#include "filter/base/ascii.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void dkim_canon_header(struct text *out, const char *name, size_t name_len, const char *value, size_t value_len)
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

/* ---- the body ---- */

void dkim_canon_body(struct dkim_canon_body *b, void (*out)(void *arg, const char *bytes, size_t len), void *arg)
{
	b->out = out;
	b->arg = arg;
	b->any = b->cr = b->blank = false;
	b->lines = b->used = 0;
}

static void put(struct dkim_canon_body *b, char c)
{
	if (b->used == sizeof b->buffer) {
		b->out(b->arg, b->buffer, b->used);
		b->used = 0;
	}
	b->buffer[b->used++] = c;
}

static void put_lines(struct dkim_canon_body *b)
{
	for (; b->lines > 0; b->lines--) {
		put(b, '\r');
		put(b, '\n');
	}
}

/* An octet that is no white space: what waited before it counts. */
static void pass(struct dkim_canon_body *b, char c)
{
	put_lines(b);
	if (b->blank)
		put(b, ' ');
	b->blank = false;
	b->any = true;
	put(b, c);
}

void dkim_canon_body_add(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (b->cr && c == '\n') {
			b->cr = b->blank = false; /* white space at the end of a line is none */
			b->lines++;
			continue;
		}
		if (b->cr)
			pass(b, '\r');
		b->cr = c == '\r';
		if (is_blank(c))
			b->blank = true;
		else if (!b->cr)
			pass(b, c);
	}
}

void dkim_canon_body_end(struct dkim_canon_body *b)
{
	if (b->cr)
		pass(b, '\r');
	b->cr = b->blank = false;
	b->lines = b->any ? 1 : 0; /* empty lines at the end are none */
	put_lines(b);
	if (b->used)
		b->out(b->arg, b->buffer, b->used);
	b->used = 0;
}
