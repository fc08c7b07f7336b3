/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/escape.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void escape_text(struct text *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char_len(bytes + i, len - i);
		const char *named = n == 1 ? entity(bytes[i]) : NULL;

		if (n == 0)
			text_adds(out, "\xef\xbf\xbd");
		else if (utf8_is_unseen(utf8_decode(bytes + i, n)))
			text_addf(out, "[U+%04X]", utf8_decode(bytes + i, n));
		else if (named)
			text_adds(out, named);
		else
			text_add(out, bytes + i, n);
		i += n ? n : 1;
	}
}

void escape_str(struct text *out, const char *s)
{
	if (s)
		escape_text(out, s, strlen(s));
}

void escape_url(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (ascii_is_alnum(*s) || strchr("-._~", *s))
			text_addc(out, *s);
		else
			text_addf(out, "%%%02X", (unsigned char)*s);
	}
}
