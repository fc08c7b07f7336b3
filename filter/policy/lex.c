/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/lex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/base/text.h"
#include "filter/base/utf8.h"

#define WORD_MAX   1024
#define STRING_MAX 4096

static const struct { char c; enum token_type type; } marks[] = {
	{ '{', TOKEN_OPEN }, { '}', TOKEN_CLOSE }, { '[', TOKEN_LIST }, { ']', TOKEN_LIST_END },
	{ '(', TOKEN_PAREN }, { ')', TOKEN_PAREN_END }, { ',', TOKEN_COMMA },
};

/* 0 at the end, as is a NUL in the file, which skip_blank() has refused. */
static char look(const struct lexer *l)
{
	return l->at < l->source->len ? l->source->bytes[l->at] : '\0';
}

static struct place here(const struct lexer *l)
{
	return (struct place){ l->source, l->line, (unsigned)(l->at - l->line_start) + 1 };
}

static bool word_octet(char c)
{
	return (unsigned char)c > 0x20 && c != 0x7f && !strchr("\"{}[](),=<>", c);
}

static int read_string(struct lexer *l, struct token *t, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(STRING_MAX);

	for (l->at++; look(l) != '"'; l->at++) {
		char c = look(l);

		if (c == '\0' || c == '\n')
			return place_error(t->place, reterr, "this string has no end: put a \" at its end, on the same line");
		if ((unsigned char)c < 0x20 && c != '\t')
			return place_error(here(l), reterr, "a control character in a string");
		if (c == '\\') {
			c = l->at + 1 < l->source->len ? l->source->bytes[l->at + 1] : '\0';
			if (c == '\0' || c == '\n')
				continue; /* which is no end */
			if (l->raw ? c != '"' : c == '{' || c == '}') { /* kept as they are: a reply tells them from its own braces */
				text_addc(&out, '\\');
			} else if (c == 't') {
				c = '\t';
			} else if (c != '"' && c != '\\') {
				return place_error(here(l), reterr, "unknown escape: there are \\\" \\\\ \\t \\{ \\}");
			}
			l->at++;
		}
		text_addc(&out, c);
		if (out.failed)
			return place_error(t->place, reterr, "this string is longer than %d octets", STRING_MAX);
	}
	l->at++;
	if (!utf8_valid(text_str(&out), out.len))
		return place_error(t->place, reterr, "this string is not UTF-8");
	t->type = TOKEN_STRING;
	t->text = arena_copy(l->arena, text_str(&out), out.len);
	t->len = out.len;
	return t->text ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static int read_word(struct lexer *l, struct token *t, struct err *reterr)
{
	size_t from = l->at;

	/* "!" begins an operator only before "=": elsewhere it is part of a word, as in a bang path */
	while (word_octet(look(l)) && !(look(l) == '!' && l->at + 1 < l->source->len && l->source->bytes[l->at + 1] == '='))
		l->at++;
	t->len = l->at - from;
	if (t->len == 0)
		return place_error(t->place, reterr, "a character that has no meaning here");
	if (t->len > WORD_MAX)
		return place_error(t->place, reterr, "a word longer than %d octets", WORD_MAX);
	if (!utf8_valid(l->source->bytes + from, t->len))
		return place_error(t->place, reterr, "a word that is not UTF-8");
	t->type = TOKEN_WORD;
	t->text = arena_copy(l->arena, l->source->bytes + from, t->len);
	return t->text ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static int read_operator(struct lexer *l, struct token *t, struct err *reterr)
{
	static const char *const operators[] = { "==", "!=", "<=", ">=", "<", ">" };

	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		size_t len = strlen(operators[i]);

		if (l->source->len - l->at < len || memcmp(l->source->bytes + l->at, operators[i], len) != 0)
			continue;
		l->at += len;
		t->type = TOKEN_OPERATOR;
		t->text = operators[i];
		t->len = len;
		return 0;
	}
	return place_error(t->place, reterr, "'=' compares nothing: a comparison is '==', a setting is 'key value'");
}

/* $NAME: the constant's value in its place. */
static int read_constant(struct lexer *l, struct token *t, struct err *reterr)
{
	struct suggest s = suggest_for(t->text + 1, t->len - 1);

	for (size_t i = 0; l->constants && i < l->constants->len; i++) {
		const struct lexer_constant *c = &l->constants->items[i];

		suggest_try(&s, c->name);
		if (strcmp(c->name, t->text + 1) != 0)
			continue;
		t->type = c->value.type;
		t->text = c->value.text;
		t->len = c->value.len;
		return 0;
	}
	if (s.best)
		return place_error(t->place, reterr, "there is no constant '%s': did you mean '$%s'?", t->text, s.best);
	return place_error(t->place, reterr, "there is no constant '%s': define it above with 'constant %s VALUE', or put a text into quotes",
		t->text, t->len > 1 ? t->text + 1 : "NAME");
}

int lexer_next(struct lexer *l, struct err *reterr)
{
	struct token *t = &l->token;
	char c;
	int r;

	for (;;) { /* bounded by the source */
		c = look(l);
		if (c == '#') {
			while (l->at < l->source->len && look(l) != '\n')
				l->at++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			l->at++;
		} else {
			break;
		}
	}
	*t = (struct token){ .type = TOKEN_END, .text = "", .place = here(l) };
	l->token_at = l->at;
	if (l->at >= l->source->len)
		return 0;
	if (c == '\n') {
		t->type = TOKEN_NEWLINE;
		l->at++;
		l->line++;
		l->line_start = l->at;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (marks[i].c == c) {
			t->type = marks[i].type;
			l->at++;
			return 0;
		}
	}
	if (c == '"')
		return read_string(l, t, reterr);
	if (c == '=' || c == '<' || c == '>' || (c == '!' && l->at + 1 < l->source->len && l->source->bytes[l->at + 1] == '='))
		return read_operator(l, t, reterr);
	r = read_word(l, t, reterr);
	return r < 0 || *t->text != '$' ? r : read_constant(l, t, reterr);
}

int lexer_init(struct lexer *l, const struct source *source, struct arena *arena, struct err *reterr)
{
	*l = (struct lexer){ .source = source, .arena = arena, .line = 1 };
	return lexer_next(l, reterr);
}

int lexer_skip_lines(struct lexer *l, struct err *reterr)
{
	while (l->token.type == TOKEN_NEWLINE) {
		int r = lexer_next(l, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

bool token_is(const struct token *t, const char *word)
{
	return t->type == TOKEN_WORD && !strcmp(t->text, word);
}

const char *token_show(const struct token *t, char *buf, size_t size)
{
	switch (t->type) {
	case TOKEN_END:
		return "the end of the file";
	case TOKEN_NEWLINE:
		return "the end of the line";
	case TOKEN_OPEN:
		return "'{'";
	case TOKEN_CLOSE:
		return "'}'";
	case TOKEN_LIST:
		return "'['";
	case TOKEN_LIST_END:
		return "']'";
	case TOKEN_PAREN:
		return "'('";
	case TOKEN_PAREN_END:
		return "')'";
	case TOKEN_COMMA:
		return "','";
	case TOKEN_WORD:
	case TOKEN_STRING:
	case TOKEN_OPERATOR:
		break;
	}
	(void)snprintf(buf, size, "'%.60s'", t->text);
	return buf;
}
