/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/domain.h"

#include <idn2.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

#define DOMAIN_MAX_BYTES 253 /* in text: 255 octets on the wire */
#define UTF8_MAX_BYTES   (4 * DOMAIN_MAX_BYTES)
#define LABEL_MAX_BYTES  63

static size_t without_last_dot(const char *name, size_t len)
{
	return len > 0 && name[len - 1] == '.' ? len - 1 : len;
}

static bool label_valid(const char *label, size_t len)
{
	bool international = false;

	if (len == 0 || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)label[i] >= 0x80)
			international = true;
		else if (!ascii_is_alnum(label[i]) && label[i] != '-')
			return false;
	}
	/* The limit of a label is one of its form in ASCII, which may be the shorter one. */
	return international ? utf8_valid(label, len) : len <= LABEL_MAX_BYTES;
}

bool domain_valid(const char *name, size_t len, unsigned min_labels)
{
	unsigned labels = 0;
	size_t start = 0;

	len = without_last_dot(name, len);
	if (len == 0 || len > DOMAIN_MAX_BYTES)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && name[i] != '.')
			continue;
		if (!label_valid(name + start, i - start))
			return false;
		labels++;
		start = i + 1;
	}
	return labels >= min_labels;
}

unsigned domain_labels(const char *name, size_t len)
{
	unsigned labels = 1;

	len = without_last_dot(name, len);
	if (len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		labels += name[i] == '.';
	return labels;
}

bool domain_within(const char *name, size_t len, const char *parent, size_t parent_len)
{
	len = without_last_dot(name, len);
	parent_len = without_last_dot(parent, parent_len);
	if (parent_len == 0 || len <= parent_len)
		return ascii_equal(name, len, parent, parent_len);
	return name[len - parent_len - 1] == '.' &&
	       ascii_equal(name + len - parent_len, parent_len, parent, parent_len);
}

bool domain_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return ascii_equal(a, without_last_dot(a, a_len), b, without_last_dot(b, b_len));
}

static bool copy(const char *name, size_t len, char ret[DOMAIN_ASCII_SIZE])
{
	if (len >= DOMAIN_ASCII_SIZE)
		return false;
	memcpy(ret, name, len);
	ret[len] = '\0';
	return true;
}

bool domain_to_ascii(const char *name, size_t len, char ret[DOMAIN_ASCII_SIZE])
{
	char text[UTF8_MAX_BYTES + 1];
	uint8_t *ascii = NULL;
	bool good;

	ret[0] = '\0';
	if (len >= sizeof text || memchr(name, '\0', len))
		return false;
	if (ascii_only(name, len))
		return copy(name, len, ret);
	memcpy(text, name, len);
	text[len] = '\0';
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	good = copy((const char *)ascii, strlen((const char *)ascii), ret);
	idn2_free(ascii);
	return good;
}
