/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/json.h"

#include <string.h>

#include "filter/base/octets.h"
#include "filter/base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The escape of one well-formed character, or NULL when it stands for itself. */
static const char *escape(const char *bytes, size_t len, char buf[8])
{
	static const char named[][3] = { "\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt" };
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)bytes[len - 1];

	if (len == 1) {
		for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
			if (named[i][0] == bytes[0]) {
				memcpy(buf, (const char[]){ '\\', named[i][1], '\0' }, 3);
				return buf;
			}
		}
	}
	/* C0, DEL and, as they drive terminals too, C1 (U+0080 to U+009F, C2 80 to C2 9F) */
	if ((len == 1 && (c < 0x20 || c == 0x7f)) || (len == 2 && bytes[0] == '\xc2' && c < 0xa0)) {
		memcpy(buf, (const char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0' }, 7);
		return buf;
	}
	return NULL;
}

/* How many octets from here on are ASCII that stands for itself: most of a case is. */
static size_t plain_len(const char *bytes, size_t len)
{
	size_t n = 0;

	for (uint64_t x; len - n >= sizeof x; n += sizeof x) {
		x = octets_load(bytes + n);
		if (octets_below(x, ' ') | octets_equal(x, '"') | octets_equal(x, '\\') | octets_equal(x, 0x7f) | (x & 0x80 * OCTETS_EACH))
			break;
	}
	while (n < len && bytes[n] >= ' ' && bytes[n] < 0x7f && bytes[n] != '"' && bytes[n] != '\\')
		n++;
	return n;
}

static void add_string(struct text *t, const char *bytes, size_t len)
{
	text_addc(t, '"');
	for (size_t i = 0; i < len;) {
		size_t plain = plain_len(bytes + i, len - i), n;
		char buf[8];
		const char *escaped;

		if (plain) {
			text_add(t, bytes + i, plain);
			i += plain;
			continue;
		}
		n = utf8_char_len(bytes + i, len - i);
		escaped = n > 0 ? escape(bytes + i, n, buf) : REPLACEMENT;

		if (escaped)
			text_adds(t, escaped);
		else
			text_add(t, bytes + i, n);
		i += n > 0 ? n : 1;
	}
	text_addc(t, '"');
}

/* The comma, when a value ends where we are, and the key. What opened, or a line begun, wants none. */
static void begin(struct text *t, const char *key)
{
	char last = t->len > 0 ? t->bytes[t->len - 1] : '\n';

	if (last != '{' && last != '[' && last != ':' && last != '\n' && last != ' ')
		text_addc(t, ',');
	if (key) {
		add_string(t, key, strlen(key));
		text_addc(t, ':');
	}
}

void json_open(struct text *t, const char *key, char bracket)
{
	begin(t, key);
	text_addc(t, bracket);
}

void json_close(struct text *t, char bracket)
{
	text_addc(t, bracket);
}

void json_text(struct text *t, const char *key, const void *bytes, size_t len)
{
	begin(t, key);
	add_string(t, bytes, len);
}

void json_str(struct text *t, const char *key, const char *s)
{
	begin(t, key);
	if (s)
		add_string(t, s, strlen(s));
	else
		text_adds(t, "null");
}

void json_int(struct text *t, const char *key, int64_t value)
{
	begin(t, key);
	text_add_int(t, value);
}

void json_bool(struct text *t, const char *key, bool value)
{
	begin(t, key);
	text_adds(t, value ? "true" : "false");
}

void json_milli(struct text *t, const char *key, int64_t thousandths)
{
	begin(t, key);
	text_add_milli(t, thousandths);
}
