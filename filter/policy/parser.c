/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/parser.h"

#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"

#define NAME_MAX_LEN 64

int parser_no_memory(struct parser *ps)
{
	return err_set(ps->err, -ENOMEM, "out of memory");
}

int parser_next(struct parser *ps)
{
	return lexer_next(ps->l, ps->err);
}

int parser_unexpected(struct parser *ps, const char *wanted)
{
	char shown[80];

	return place_error(ps->l->token.place, ps->err, "%s here, where %s belongs", token_show(&ps->l->token, shown, sizeof shown), wanted);
}

int parser_expect(struct parser *ps, enum token_type type, const char *wanted)
{
	return ps->l->token.type == type ? parser_next(ps) : parser_unexpected(ps, wanted);
}

int parser_end_of_statement(struct parser *ps)
{
	if (ps->l->token.type == TOKEN_END)
		return 0;
	return parser_expect(ps, TOKEN_NEWLINE, "the end of the line");
}

int parser_name(struct parser *ps, const char *what, const char **ret)
{
	const struct token *t = &ps->l->token;

	if (t->type != TOKEN_WORD)
		return parser_unexpected(ps, what);
	if (t->len > NAME_MAX_LEN)
		return place_error(t->place, ps->err, "%s has at most %d octets", what, NAME_MAX_LEN);
	for (size_t i = 0; i < t->len; i++)
		if (!ascii_is_alnum(t->text[i]) && !strchr("-_.", t->text[i]))
			return place_error(t->place, ps->err, "%s is made of letters, digits, '-', '_' and '.'", what);
	*ret = t->text;
	return parser_next(ps);
}

int parser_load(struct parser *ps, const char *path, struct place at, const struct source **ret)
{
	struct source *source;
	struct err why;
	int r;

	if (ps->p->sources.len >= POLICY_MAX_INCLUDES)
		return place_error(at, ps->err, "more than %d files", POLICY_MAX_INCLUDES);
	r = source_load(path, &source, &why);
	if (r == -ENOMEM)
		return parser_no_memory(ps);
	if (r < 0)
		return place_error(at, ps->err, "%s", why.text);
	if (!vec_push(&ps->p->sources, source)) {
		source_free(source);
		return parser_no_memory(ps);
	}
	*ret = source;
	return 0;
}

int parser_path(struct parser *ps, const char *what, const char **ret)
{
	if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, what);
	*ret = source_path(ps->l->source, ps->l->token.text, ps->p->arena);
	return *ret ? 0 : parser_no_memory(ps);
}
