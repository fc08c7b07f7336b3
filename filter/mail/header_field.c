/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/header_field.h"

#include <string.h>

#include "filter/base/ascii.h"

bool header_field_is(const char *name, size_t len, const char *want)
{
	while (len > 0 && ascii_is_space(name[len - 1]))
		len--;
	return ascii_equals(name, len, want);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Octets of a line break that folds: [CR] LF before a blank, or a lone CR there; else 0. */
static size_t fold_len(const char *at, const char *end)
{
	size_t n = (size_t)(end - at) >= 2 && at[0] == '\r' && at[1] == '\n' ? 2 : 1;

	if (at[0] != '\r' && at[0] != '\n')
		return 0;
	return (size_t)(end - at) > n && is_blank(at[n]) ? n : 0;
}

void header_field_unfold(struct text *out, const char *value, size_t len)
{
	const char *at = value, *end;

	while (len > 0 && ascii_is_space(at[0])) {
		at++;
		len--;
	}
	while (len > 0 && ascii_is_space(at[len - 1]))
		len--;
	if (len == 0)
		return;
	for (end = at + len; at < end;) {
		const char *run = at;
		size_t fold;

		while (at < end && !is_control(*at))
			at++;
		text_add(out, run, (size_t)(at - run));
		if (at == end)
			break;
		fold = fold_len(at, end);
		if (fold == 0)
			text_addc(out, ' ');
		at += fold > 0 ? fold : 1;
	}
}

/* The octet behind a quoted string or comment that begins at l->at; NULL when it does not end or is too deep. */
static const char *find_end(const struct header_lexer *l, char open, char close)
{
	unsigned depth = 1;

	for (const char *p = l->at + 1; p < l->end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == close && --depth == 0)
			return p + 1;
		else if (*p == open && open != close && ++depth > HEADER_COMMENT_MAX_DEPTH)
			return NULL;
	}
	return NULL;
}

static struct header_token take(struct header_lexer *l, enum header_token_type type, size_t len)
{
	struct header_token token = { type, l->at, len };

	l->at += len;
	return token;
}

static size_t atom_len(const struct header_lexer *l, const char *specials)
{
	const char *p = l->at;

	while (p < l->end && !ascii_is_space(*p) && !is_control(*p) && !strchr("()\"", *p) && !strchr(specials, *p))
		p += *p == '\\' && p + 1 < l->end ? 2 : 1;
	return (size_t)(p - l->at);
}

struct header_token header_lexer_next(struct header_lexer *l, const char *specials)
{
	const char *end;

	for (;;) { /* each turn takes a space or a comment */
		while (l->at < l->end && ascii_is_space(*l->at))
			l->at++;
		if (l->at == l->end)
			return take(l, HEADER_TOKEN_END, 0);
		if (*l->at != '(')
			break;
		end = find_end(l, '(', ')');
		if (!end)
			return take(l, HEADER_TOKEN_BAD, 1);
		l->at = end;
	}
	if (*l->at == '"') {
		struct header_token token;

		end = find_end(l, '"', '"');
		if (!end)
			return take(l, HEADER_TOKEN_BAD, 1);
		token = take(l, HEADER_TOKEN_QUOTED, (size_t)(end - l->at));
		token.bytes++;
		token.len -= 2;
		return token;
	}
	if (*l->at != '\0' && strchr(specials, *l->at))
		return take(l, HEADER_TOKEN_SPECIAL, 1);
	if (*l->at == ')' || is_control(*l->at))
		return take(l, HEADER_TOKEN_BAD, 1);
	return take(l, HEADER_TOKEN_ATOM, atom_len(l, specials));
}
