/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/shown.h"

#include <string.h>

#include "filter/base/utf8.h"

#define CHAR_BYTES 16 /* of one character, however it is shown */

size_t shown_char(struct text *out, const char *s, size_t len)
{
	size_t n = utf8_char_len(s, len);

	if (!n)
		text_addf(out, "[0x%02X]", (unsigned char)*s);
	else if (utf8_is_unseen(utf8_decode(s, n)))
		text_addf(out, "[U+%04X]", utf8_decode(s, n));
	else
		text_add(out, s, n);
	return n ? n : 1;
}

void shown_add(struct text *out, const char *s, size_t len)
{
	for (size_t n; len; s += n, len -= n)
		n = shown_char(out, s, len);
}

static size_t put_char(FILE *out, const char *s, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text one = TEXT_INIT(CHAR_BYTES);
	size_t n;

	if (*s >= ' ' && *s <= '~') { /* nearly all, and there may be megabytes */
		(void)putc(*s, out);
		return 1;
	}
	n = shown_char(&one, s, len);
	fputs(text_str(&one), out);
	return n;
}

void shown_put(FILE *out, const char *s)
{
	for (size_t len = strlen(s), n; len; s += n, len -= n)
		n = put_char(out, s, len);
}

void shown_lines(FILE *out, const char *s, size_t len)
{
	for (size_t n; len; s += n, len -= n) {
		n = 1;
		if (*s == '\n' || *s == '\t')
			(void)putc(*s, out);
		else if (*s != '\r' || len == 1 || s[1] != '\n')
			n = put_char(out, s, len);
	}
}
