/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/base64.h"

#include <string.h>

#include "filter/base/ascii.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* -1: it is none. */
static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct text *out, const char *s, size_t len)
{
	uint32_t bits = 0;
	unsigned count = 0, padding = 0;
	char octets[96] = { 0 }; /* so many are added at once: a multiple of three */
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int value = digit_value(s[i]);

		if (value < 0) {
			if (s[i] == '=')
				padding++;
			else if (!ascii_is_space(s[i]))
				return false;
			continue;
		}
		if (padding)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count = (count + 1) % 4;
		if (count != 0)
			continue;
		octets[n++] = (char)(bits >> 16);
		octets[n++] = (char)(bits >> 8);
		octets[n++] = (char)bits;
		if (n == sizeof octets) {
			text_add(out, octets, n);
			n = 0;
		}
	}
	text_add(out, octets, n);
	if (count == 2)
		text_addc(out, (char)(bits >> 4));
	if (count == 3)
		text_add(out, (const char[]){ (char)(bits >> 10), (char)(bits >> 2) }, 2);
	return count != 1 && padding <= (count ? 4 - count : 0) && !out->failed;
}

void base64_encode(struct text *out, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (n > 2 ? b[i + 2] : 0);
		char quad[4] = { digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
			n > 2 ? digits[bits & 63] : '=' };

		text_add(out, quad, sizeof quad);
	}
}
