/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/html_reference.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/utf8.h"

#define NAME_MAX_LEN   32 /* octets of the longest name, with its semicolon */
#define LEGACY_MAX_LEN 6  /* of the longest that counts without one */
#define CODE_MAX       0x10ffffu
#define REPLACEMENT    0xfffdu

static const struct name {
	const char *name; /* with its semicolon, if it has to have one */
	const char *text;
} names[] = {
#include "html_names.inc"
};

/* What 0x80 to 0x9f stand for, which are those of windows-1252; 0: themselves. */
static const uint16_t windows_1252[] = {
	0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, //
	0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
};

static uint32_t digit_of(char c)
{
	return ascii_is_digit(c) ? (uint32_t)(c - '0') : (uint32_t)(ascii_lower(c) - 'a') + 10;
}

static size_t read_number(const char *bytes, size_t len, char ret[HTML_REFERENCE_SIZE])
{
	bool hex = len > 2 && ascii_lower(bytes[2]) == 'x';
	size_t at = hex ? 3 : 2, digits = at;
	uint32_t code = 0;

	for (; at < len && (ascii_is_digit(bytes[at]) || (hex && ascii_is_alpha(bytes[at]) && ascii_lower(bytes[at]) <= 'f')); at++)
		if (code <= CODE_MAX)
			code = code * (hex ? 16 : 10) + digit_of(bytes[at]);
	if (at == digits)
		return 0;
	if (code >= 0x80 && code < 0x80 + ARRAY_LEN(windows_1252) && windows_1252[code - 0x80])
		code = windows_1252[code - 0x80];
	if (code == 0 || code > CODE_MAX || (code >= 0xd800 && code <= 0xdfff))
		code = REPLACEMENT;
	ret[utf8_encode(code, ret)] = '\0';
	return at + (at < len && bytes[at] == ';');
}

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct name *)element)->name);
}

static const char *find(const char *bytes, size_t len)
{
	char key[NAME_MAX_LEN + 1];
	const struct name *found;

	memcpy(key, bytes, len);
	key[len] = '\0';
	found = bsearch(key, names, ARRAY_LEN(names), sizeof names[0], by_name);
	return found ? found->text : NULL;
}

static size_t read_name(const char *bytes, size_t len, bool attribute, char ret[HTML_REFERENCE_SIZE])
{
	const char *text = NULL;
	size_t n = 0, used = 0;

	while (n < NAME_MAX_LEN && 1 + n < len && ascii_is_alnum(bytes[1 + n]))
		n++;
	if (n < NAME_MAX_LEN && 1 + n < len && bytes[1 + n] == ';') {
		used = n + 1;
		text = find(bytes + 1, used);
	}
	for (size_t k = n < LEGACY_MAX_LEN ? n : LEGACY_MAX_LEN; !text && k > 0; k--) {
		used = k;
		text = find(bytes + 1, used);
	}
	if (!text)
		return 0;
	if (attribute && bytes[used] != ';' && 1 + used < len && (bytes[1 + used] == '=' || ascii_is_alnum(bytes[1 + used])))
		return 0;
	(void)snprintf(ret, HTML_REFERENCE_SIZE, "%s", text);
	return 1 + used;
}

size_t html_reference_read(const char *bytes, size_t len, bool attribute, char ret[HTML_REFERENCE_SIZE])
{
	if (len < 2)
		return 0;
	return bytes[1] == '#' ? read_number(bytes, len, ret) : read_name(bytes, len, attribute, ret);
}
