/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/authres.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"
#include "filter/mail/header_field.h"

#define LINE_BYTES 900 /* a line is folded before it comes near the 998 of RFC 5322 2.1.1 */

/* Is the word, its quoted pairs undone, this one? */
static bool word_is(const struct header_token *word, const char *want)
{
	size_t w = 0, want_len = strlen(want);

	for (size_t i = 0; i < word->len; i++) {
		if (word->bytes[i] == '\\' && i + 1 < word->len)
			i++;
		if (w == want_len || ascii_lower(word->bytes[i]) != ascii_lower(want[w]))
			return false;
		w++;
	}
	return w == want_len;
}

bool authres_claims(const char *value, size_t len, const char *authserv_id)
{
	struct header_lexer l = { value, value };
	struct header_token token;

	if (len == 0)
		return false;
	l.end += len;
	do {
		token = header_lexer_next(&l, ";");
	} while (token.type == HEADER_TOKEN_BAD || token.type == HEADER_TOKEN_SPECIAL);
	return token.type != HEADER_TOKEN_END && word_is(&token, authserv_id);
}

const char *authres_methods(const char *value, size_t len, size_t *ret_len)
{
	struct header_lexer l = { value, value + len };
	struct header_token token;
	const char *end = value + len;

	do {
		token = header_lexer_next(&l, ";");
	} while (token.type != HEADER_TOKEN_END && token.type != HEADER_TOKEN_SPECIAL);
	while (l.at < end && ascii_is_space(*l.at))
		l.at++;
	while (end > l.at && ascii_is_space(end[-1]))
		end--;
	*ret_len = (size_t)(end - l.at);
	return l.at;
}

/* NAME=VALUE at the lexer, or what is left of a pair that is none. */
struct pair {
	struct header_token name, value; /* value: of type END where there is none */
};

static bool next_pair(struct header_lexer *l, struct pair *ret)
{
	struct header_lexer ahead;
	struct header_token equals;

	ret->name = header_lexer_next(l, ";=");
	ret->value = (struct header_token){ .type = HEADER_TOKEN_END };
	if (ret->name.type == HEADER_TOKEN_END)
		return false;
	ahead = *l;
	equals = header_lexer_next(&ahead, ";=");
	if (ret->name.type != HEADER_TOKEN_ATOM || equals.type != HEADER_TOKEN_SPECIAL || *equals.bytes != '=')
		return true;
	ret->value = header_lexer_next(&ahead, ";");
	*l = ahead;
	return true;
}

/* A method may have its version behind it (RFC 8601 2.2). */
static bool is_method(const struct header_token *name, const char *method)
{
	const char *slash = memchr(name->bytes, '/', name->len);

	return ascii_equals(name->bytes, slash ? (size_t)(slash - name->bytes) : name->len, method);
}

const char *authres_find(const char *value, size_t len, const char *method, const char *property, size_t *ret_len)
{
	struct header_lexer l = { value, value + len };
	bool first = false, inside = false; /* this pair is a method with its result; properties are of the one that is wanted */
	struct pair pair;

	while (next_pair(&l, &pair)) {
		bool found;

		if (pair.name.type == HEADER_TOKEN_SPECIAL && *pair.name.bytes == ';') {
			if (inside)
				return NULL;
			first = true;
			continue;
		}
		if (first)
			inside = pair.value.type == HEADER_TOKEN_ATOM && is_method(&pair.name, method);
		found = inside && pair.value.type != HEADER_TOKEN_END &&
			(property ? !first && ascii_equals(pair.name.bytes, pair.name.len, property) : first);
		first = false;
		if (!found)
			continue;
		*ret_len = pair.value.len;
		return pair.value.bytes;
	}
	return NULL;
}

/* token of RFC 2045 5.1 */
static bool is_token(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;:\\\"/[]?=", c))
			return false;
	}
	return len > 0;
}

/* May it stand without quotes as a pvalue (RFC 8601 2.2): a token, or [[local-part] "@"] domain-name? */
static bool stands_bare(const char *bytes, size_t len, bool utf8)
{
	struct sluice_address a;

	if (is_token(bytes, len))
		return true;
	a = address_split(bytes, len);
	if (a.len != len)
		return false;
	if (a.domain_len == 0) { /* no @: perhaps a domain alone */
		a.domain = bytes;
		a.domain_len = len;
		a.local_len = 0;
	}
	if (!domain_valid(a.domain, a.domain_len, 1))
		return false;
	for (size_t i = 0; i < a.domain_len; i++) {
		if ((unsigned char)a.domain[i] >= 0x80 && !utf8)
			return false;
	}
	return a.local_len == 0 ||
	       (is_token(a.local, a.local_len) && a.local[0] != '.' && a.local[a.local_len - 1] != '.');
}

static void write_quoted(struct text *out, const char *bytes, size_t len, bool utf8)
{
	text_addc(out, '"');
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char_len(bytes + i, len - i);

		if (n == 0 || (n > 1 && !utf8) || (n == 1 && (bytes[i] < ' ' || bytes[i] == 0x7f))) {
			text_addc(out, '?');
		} else {
			if (bytes[i] == '"' || bytes[i] == '\\')
				text_addc(out, '\\');
			text_add(out, bytes + i, n);
		}
		i += n > 0 ? n : 1;
	}
	text_addc(out, '"');
}

static void write_value(struct text *out, const char *bytes, size_t len, bool utf8)
{
	if (stands_bare(bytes, len, utf8))
		text_add(out, bytes, len);
	else
		write_quoted(out, bytes, len, utf8);
}

/* " NAME=VALUE", on a new line when this one is full */
static void write_pair(struct text *out, size_t *line_start, const char *name, const char *value, size_t len, bool utf8)
{
	if (len > AUTHRES_MAX_VALUE_BYTES)
		return;
	if (out->len - *line_start + strlen(name) + 2 * len > LINE_BYTES) {
		text_adds(out, "\n\t");
		*line_start = out->len;
	} else {
		text_addc(out, ' ');
	}
	text_addf(out, "%s=", name);
	write_value(out, value, len, utf8);
}

void authres_write(
	struct text *out, const char *authserv_id, const struct authres_entry *entries, size_t count, bool utf8)
{
	write_value(out, authserv_id, strlen(authserv_id), utf8);
	if (count == 0)
		text_adds(out, "; none");
	for (size_t i = 0; i < count && i < AUTHRES_MAX_METHODS; i++) {
		const struct sluice_authres_property *p = entries[i].properties;
		size_t line_start;

		text_adds(out, ";\n\t");
		line_start = out->len;
		text_addf(out, "%s=%s", entries[i].method, entries[i].result);
		if (entries[i].reason)
			write_pair(out, &line_start, "reason", entries[i].reason, strlen(entries[i].reason), utf8);
		for (size_t k = 0; p && p[k].name && k < AUTHRES_MAX_PROPERTIES; k++)
			write_pair(out, &line_start, p[k].name, p[k].value, p[k].len, utf8);
	}
}
