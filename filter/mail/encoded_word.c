/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/encoded_word.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/charset.h"
#include "filter/mail/header_field.h"
#include "filter/mail/transfer.h"

#define CHARSET_MAX 64
#define WORD_MAX    4096 /* RFC 2047 2 has 75; many know no limit */

struct word {
	const char *charset, *text;
	size_t charset_len, text_len;
	bool base64;
	const char *end;
};

/* =?charset?B?text?=, where "=?" begins; the charset may have a language (RFC 2231 5). */
static bool read_word(const char *at, const char *end, struct word *ret)
{
	const char *charset = at + 2, *encoding, *text, *close;

	if (end - at < 2 || at[0] != '=' || at[1] != '?')
		return false;
	encoding = memchr(charset, '?', (size_t)(end - charset) < CHARSET_MAX ? (size_t)(end - charset) : CHARSET_MAX);
	if (!encoding || end - encoding < 3 || encoding[2] != '?' || (ascii_lower(encoding[1]) != 'b' && ascii_lower(encoding[1]) != 'q'))
		return false;
	text = encoding + 3;
	close = memmem(text, (size_t)(end - text) < WORD_MAX ? (size_t)(end - text) : WORD_MAX, "?=", 2);
	if (!close || encoding == charset)
		return false;
	if (close == text && end - close > 2 && close[2] == '?' && ascii_lower(encoding[1]) == 'q')
		return false; /* "?Q?=?": no text, or text that begins with "=?": either is none */
	ret->charset = charset;
	ret->charset_len = strcspn(charset, "*?");
	ret->base64 = ascii_lower(encoding[1]) == 'b';
	ret->text = text;
	ret->text_len = (size_t)(close - text);
	ret->end = close + 2;
	return true;
}

static const char *find_word(const char *at, const char *end, struct word *ret)
{
	while ((at = at < end ? memmem(at, (size_t)(end - at), "=?", 2) : NULL)) {
		if (read_word(at, end, ret))
			return at;
		at += 2;
	}
	return NULL;
}

static void add_octets(struct text *out, const struct word *w)
{
	if (w->base64) {
		(void)transfer_decode(out, TRANSFER_BASE64, w->text, w->text_len);
		return;
	}
	for (size_t i = 0; i < w->text_len; i++) {
		int octet = w->text[i] == '=' && w->text_len - i > 2 ? ascii_hex_octet(w->text + i + 1) : -1;

		text_addc(out, octet >= 0 ? (char)octet : w->text[i] == '_' ? ' ' : w->text[i]);
		i += octet >= 0 ? 2 : 0;
	}
}

static bool is_blank(const char *at, const char *end)
{
	while (at < end && ascii_is_space(*at))
		at++;
	return at == end;
}

/* Words that follow each other, from *w on, of one charset: their octets are one text. Leaves *w at the last. */
static void add_words(struct text *out, struct word *w, const char *end)
{
	SLUICE_CLEANUP(text_done) struct text octets = TEXT_INIT((size_t)(end - w->charset));
	struct word next;
	const char *at;

	add_octets(&octets, w);
	while ((at = find_word(w->end, end, &next)) && is_blank(w->end, at) && ascii_equal(w->charset, w->charset_len, next.charset, next.charset_len)) {
		add_octets(&octets, &next);
		*w = next;
	}
	charset_to_utf8(out, w->charset, w->charset_len, octets.len ? octets.bytes : "", octets.len);
}

bool encoded_word_is_in(const char *value, size_t len)
{
	struct word w;

	return find_word(value, value + len, &w) != NULL;
}

void encoded_word_decode(struct text *out, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text unfolded = TEXT_INIT(len);
	const char *at, *end, *found;
	struct word w;
	bool after_word = false;

	header_field_unfold(&unfolded, value, len);
	at = text_str(&unfolded);
	end = at + unfolded.len;
	while ((found = find_word(at, end, &w))) {
		if (!after_word || !is_blank(at, found)) /* blanks between two words are none (RFC 2047 6.2) */
			charset_to_utf8(out, "", 0, at, (size_t)(found - at));
		add_words(out, &w, end);
		at = w.end;
		after_word = true;
	}
	charset_to_utf8(out, "", 0, at, (size_t)(end - at));
}
