/* SPDX-License-Identifier: BSD-2-Clause */
/* name.c - what a site gives a name, to say it once: roles, conditions, constants. */
#include <errno.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/policy/parser.h"

static const char *const kind_words[] = { "condition", "role" }; /* by condition.role */

static const struct condition *find_condition(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->conditions.len; i++)
		if (!strcmp(p->conditions.items[i].name, name))
			return &p->conditions.items[i];
	return NULL;
}

static int check_name(struct parser *ps, const struct condition *c)
{
	const struct condition *before = find_condition(ps->p, c->name);
	int fact = catalog_find(ps->host->catalog, c->name);

	if (before)
		return place_error(c->place, ps->err, "%s %s was defined before, in %s line %u", kind_words[before->role], c->name,
			before->place.source->path, before->place.line);
	if (fact >= 0)
		return place_error(c->place, ps->err, "%s is a fact: give the %s a name of its own", c->name, kind_words[c->role]);
	return 0;
}

int name_condition_statement(struct parser *ps, struct place at, bool role)
{
	struct condition c = { .place = at, .role = role };
	int r = parser_name(ps, role ? "the name of a role" : "the name of a condition", &c.name);

	if (r == 0)
		r = check_name(ps, &c);
	if (r == 0)
		r = parser_expect(ps, TOKEN_OPEN, "'{'");
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0 && !token_is(&ps->l->token, "when"))
		return parser_unexpected(ps, "'when' and a condition");
	if (r == 0)
		r = parser_next(ps);
	if (r == 0)
		r = expr_parse(ps->l, &ps->scope, &c.when, ps->err);
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0)
		r = parser_expect(ps, TOKEN_CLOSE, "'}'");
	if (r < 0)
		return r;
	return vec_push(&ps->p->conditions, c) ? 0 : parser_no_memory(ps);
}

const struct expr *name_find_condition(void *arg, const char *name)
{
	const struct condition *c = find_condition(arg, name);

	return c ? c->when : NULL;
}

const char *name_suggest_condition(void *arg, const char *name)
{
	const struct policy *p = arg;
	struct suggest s = suggest_for(name, strlen(name));

	for (size_t i = 0; i < p->conditions.len; i++)
		suggest_try(&s, p->conditions.items[i].name);
	return s.best;
}

static int no_role(struct parser *ps)
{
	const struct token *t = &ps->l->token;
	struct suggest s = suggest_for(t->text, t->len);

	for (size_t i = 0; i < ps->p->conditions.len; i++)
		if (ps->p->conditions.items[i].role)
			suggest_try(&s, ps->p->conditions.items[i].name);
	if (s.best)
		return place_error(t->place, ps->err, "there is no role '%s': did you mean '%s'?", t->text, s.best);
	return place_error(t->place, ps->err, "there is no role '%s': define it above with 'role %s { when ... }'", t->text, t->text);
}

int name_roles(struct parser *ps, const struct expr **ret)
{
	int r;

	do {
		const struct condition *c;

		r = parser_next(ps); /* over 'in' or ',' */
		if (r < 0)
			return r;
		if (ps->l->token.type != TOKEN_WORD)
			return parser_unexpected(ps, "the name of a role");
		c = find_condition(ps->p, ps->l->token.text);
		if (!c || !c->role)
			return no_role(ps);
		*ret = expr_or(ps->p->arena, *ret, c->when);
		if (!*ret)
			return parser_no_memory(ps);
		r = parser_next(ps);
	} while (r == 0 && ps->l->token.type == TOKEN_COMMA);
	return r;
}

int name_constant_statement(struct parser *ps, struct place at)
{
	struct lexer_constant c = { .place = at };
	int r = parser_name(ps, "the name of a constant", &c.name);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ps->constants.len; i++)
		if (!strcmp(ps->constants.items[i].name, c.name))
			return place_error(at, ps->err, "constant %s was defined before, in %s line %u", c.name,
				ps->constants.items[i].place.source->path, ps->constants.items[i].place.line);
	if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, "a value: one word, or a \"string\"");
	c.value = ps->l->token;
	return vec_push(&ps->constants, c) ? parser_next(ps) : parser_no_memory(ps);
}
