/* SPDX-License-Identifier: BSD-2-Clause */
/* header_field.h - one header field (RFC 5322 2.2) as a milter sees it: name and value apart. Pure. */
#ifndef MAIL_HEADER_FIELD_H
#define MAIL_HEADER_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

/* The name without regard to case and to white space at its end. */
bool header_field_is(const char *name, size_t len, const char *want);
/* Unfold (RFC 5322 2.2.3) and take off white space at both ends; controls become spaces. Added to out. */
void header_field_unfold(struct text *out, const char *value, size_t len);
#define HEADER_COMMENT_MAX_DEPTH 32

enum header_token_type {
	HEADER_TOKEN_END,
	HEADER_TOKEN_ATOM,
	HEADER_TOKEN_QUOTED,
	HEADER_TOKEN_SPECIAL,
	HEADER_TOKEN_BAD, /* a quote or comment that does not end, or is too deep, a stray ")", a control: one octet */
};
struct header_token {
	enum header_token_type type;
	const char *bytes; /* QUOTED: between the quotes, escapes still in; SPECIAL: one octet */
	size_t len;
};
struct header_lexer {
	const char *at, *end;
};
/*
 * The next token of a structured value: comments and white space are skipped.
 * specials: octets that stand alone, such as ";=/"; ATOM is a run of the rest, quoted pairs included.
 */
struct header_token header_lexer_next(struct header_lexer *l, const char *specials);

#endif
