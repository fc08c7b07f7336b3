/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/transfer.h"

#include <gmime/gmime.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"

#define CHUNK 3072 /* octets that are decoded at once */

enum transfer_encoding transfer_encoding_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		enum transfer_encoding encoding;
	} encodings[] = {
		{ "7bit", TRANSFER_IDENTITY },
		{ "8bit", TRANSFER_IDENTITY },
		{ "binary", TRANSFER_IDENTITY },
		{ "base64", TRANSFER_BASE64 },
		{ "quoted-printable", TRANSFER_QUOTED_PRINTABLE },
		{ "uuencode", TRANSFER_UUENCODE },
		{ "x-uuencode", TRANSFER_UUENCODE },
		{ "x-uue", TRANSFER_UUENCODE },
	};

	for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++)
		if (ascii_equals(word, len, encodings[i].word))
			return encodings[i].encoding;
	return TRANSFER_UNKNOWN;
}

/* What fits. */
static void add(struct text *out, const char *bytes, size_t len)
{
	size_t room = out->max - out->len;

	text_add(out, bytes, len < room ? len : room);
	out->failed |= len > room;
}

/* The octet behind a "=" that only breaks a line, with the blanks that may have come in its way (RFC 2045 6.7, rule 3); NULL: it does not. */
static const char *soft_break_end(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	if (at == end)
		return end;
	return *at == '\n' ? at + 1 : NULL;
}

static bool decode_quoted_printable(struct text *out, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len;
	bool good = true;

	while (at < end && !out->failed) {
		const char *equals = memchr(at, '=', (size_t)(end - at)), *behind;
		int octet;

		add(out, at, (size_t)((equals ? equals : end) - at));
		if (!equals)
			break;
		at = equals + 1;
		octet = end - at >= 2 ? ascii_hex_octet(at) : -1;
		behind = octet >= 0 ? at + 2 : soft_break_end(at, end);
		if (octet >= 0 || !behind)
			text_addc(out, octet >= 0 ? (char)octet : '=');
		good &= behind != NULL;
		at = behind ? behind : at;
	}
	return good && !out->failed;
}

/* From behind the line "begin MODE NAME" on. */
static bool decode_uuencode(struct text *out, const char *bytes, size_t len)
{
	const char *begin = len > 6 && !memcmp(bytes, "begin ", 6) ? bytes : memmem(bytes, len, "\nbegin ", 7);
	const char *first = begin ? memchr(begin + 1, '\n', (size_t)(bytes + len - begin) - 1) : NULL;
	GMimeEncoding codec;
	char chunk[CHUNK + 64]; /* it makes no more of it; what was left of the chunk before adds some octets */

	if (!first)
		return false;
	len -= (size_t)(first + 1 - bytes);
	bytes = first + 1;
	g_mime_encoding_init_decode(&codec, GMIME_CONTENT_ENCODING_UUENCODE);
	for (size_t at = 0; at < len && !out->failed; at += CHUNK)
		add(out, chunk, g_mime_encoding_step(&codec, bytes + at, len - at < CHUNK ? len - at : CHUNK, chunk));
	add(out, chunk, g_mime_encoding_flush(&codec, "", 0, chunk));
	return !out->failed;
}

bool transfer_decode(struct text *out, enum transfer_encoding encoding, const char *bytes, size_t len)
{
	switch (encoding) {
	case TRANSFER_BASE64:
		return base64_decode(out, bytes, len);
	case TRANSFER_QUOTED_PRINTABLE:
		return decode_quoted_printable(out, bytes, len);
	case TRANSFER_UUENCODE:
		return decode_uuencode(out, bytes, len);
	case TRANSFER_IDENTITY:
	case TRANSFER_UNKNOWN:
		break;
	}
	add(out, bytes, len);
	return !out->failed;
}
