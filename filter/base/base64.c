/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/base64.h"

#include <string.h>

#include "filter/base/ascii.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What a digit stands for, and 1; 0: it is none. */
static const unsigned char values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Octets from `count` digits, the last of them lowest in bits. */
static void add_group(struct text *out, uint32_t bits, unsigned count)
{
	const char octets[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };

	if (count > 1)
		text_add(out, octets, count - 1);
}

bool base64_decode(struct text *out, const char *s, size_t len)
{
	uint32_t bits = 0;
	unsigned count = 0, padding = 0, most_padding = 0;
	char octets[96] = { 0 }; /* so many are added at once: a multiple of three */
	size_t n = 0;
	bool good = true;

	for (size_t i = 0; i < len; i++) {
		unsigned value = values[(unsigned char)s[i]];

		if (value == 0 && s[i] != '=') {
			good &= ascii_is_space(s[i]);
			continue;
		}
		if (value == 0) {
			padding++;
			if (count) { /* it ends here, or so it says */
				text_add(out, octets, n);
				n = 0;
				add_group(out, bits << 6 * (4 - count), count);
				good &= count != 1;
				most_padding = 4 - count;
				count = 0;
			}
			continue;
		}
		good &= padding == 0;
		bits = bits << 6 | (value - 1);
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
	add_group(out, bits << 6 * (4 - count), count);
	return good && count != 1 && padding <= most_padding && !out->failed;
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
