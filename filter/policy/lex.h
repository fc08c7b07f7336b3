/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lex.h - the words of the configuration language.
 *
 * A word is a run of octets other than white space, quotes, brackets and the operators; a string stands in double
 * quotes, with \" \\ \t \{ \} as escapes. A comment goes from # to the end of its line. The end of a line is a token of its
 * own, but not within ( ) and [ ], where the parser passes over it. A word $NAME is read as the word or string that the
 * constant NAME stands for, in the place where $NAME stands.
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include <stdbool.h>

#include "filter/base/arena.h"
#include "filter/policy/source.h"

enum token_type {
	TOKEN_END, /* of the file */
	TOKEN_NEWLINE,
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_OPEN,     /* { */
	TOKEN_CLOSE,    /* } */
	TOKEN_LIST,     /* [ */
	TOKEN_LIST_END, /* ] */
	TOKEN_PAREN,
	TOKEN_PAREN_END,
	TOKEN_COMMA,
	TOKEN_OPERATOR, /* == != < <= > >= */
};

struct token {
	enum token_type type;
	const char *text; /* WORD, STRING (unescaped), OPERATOR; in the lexer's arena, a NUL after it */
	size_t len;
	struct place place;
};

struct lexer_constant {
	const char *name;
	struct place place;
	struct token value;
};
struct lexer_constants {
	struct lexer_constant *items;
	size_t len, capacity;
};

struct lexer {
	const struct source *source;
	struct arena *arena;
	size_t at;
	unsigned line;
	size_t line_start;
	struct token token; /* the one that is looked at */
	size_t token_at;    /* where it begins in the source */
	bool raw;               /* a string that is read now keeps its backslashes: only \" stands for something else */
	const struct lexer_constants *constants; /* NULL: there are none */
};

/* Begin, and read the first token. 0, -EINVAL, -ENOMEM, as lexer_next(). */
int lexer_init(struct lexer *l, const struct source *source, struct arena *arena, struct err *reterr) SLUICE_MUST_USE;
int lexer_next(struct lexer *l, struct err *reterr) SLUICE_MUST_USE;
/* Pass over ends of lines. */
int lexer_skip_lines(struct lexer *l, struct err *reterr) SLUICE_MUST_USE;
bool token_is(const struct token *t, const char *word); /* the WORD */
/* A token in a message: "the end of the line", "'{'", "'word'". Static or in buf. */
const char *token_show(const struct token *t, char *buf, size_t size);

#endif
