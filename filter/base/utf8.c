/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/utf8.h"

#include <string.h>

/* The well-formed sequences of RFC 3629 section 4; the second octet's range shuts out overlong forms and surrogates. */
static const struct {
	unsigned char first_min, first_max, second_min, second_max;
	size_t len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t utf8_char_len(const char *bytes, size_t len)
{
	const unsigned char *u = (const unsigned char *)bytes;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
		if (u[0] < forms[f].first_min || u[0] > forms[f].first_max)
			continue;
		if (len < forms[f].len || u[1] < forms[f].second_min || u[1] > forms[f].second_max)
			return 0;
		for (size_t i = 2; i < forms[f].len; i++) {
			if (u[i] < 0x80 || u[i] > 0xbf)
				return 0;
		}
		return forms[f].len;
	}
	return 0;
}

bool utf8_valid(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char_len(bytes + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_mark_len(const char *bytes, size_t len)
{
	return len >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
}

uint32_t utf8_decode(const char *bytes, size_t n)
{
	uint32_t code = (unsigned char)bytes[0];

	if (n > 1)
		code &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	return code;
}

size_t utf8_encode(uint32_t code, char ret[4])
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		ret[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	ret[0] = (char)(marks[n] | code);
	return n;
}

bool utf8_is_control(const char *bytes, size_t n)
{
	return n == 1 ? (unsigned char)*bytes < ' ' || *bytes == 0x7f : n == 2 && bytes[0] == '\xc2' && (unsigned char)bytes[1] < 0xa0;
}

bool utf8_is_unseen(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
		(code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
		(code >= 0xe0000 && code <= 0xe0fff);
}
