/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * on_error.c - `on_error CHECK [CAUSE, ...] ACTION`: what follows when a check cannot finish. A rule with a name and a condition that
 * are made for it; what the site says first of a cause holds.
 */
#include <stdio.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/policy/parser.h"

#define ERROR_FACT ".error" /* each check has one */
#define CAUSES_ALL ((1u << (CASE_ERROR_OTHER + 1)) - 1)

static int no_check(struct parser *ps, const struct token *t)
{
	const struct catalog *c = ps->host->catalog;
	struct suggest s = suggest_for(t->text, t->len);

	for (size_t i = 0; i < c->facts.len; i++) {
		size_t len = strlen(c->facts.items[i].name);
		const char *name;

		if (len <= strlen(ERROR_FACT) || strcmp(c->facts.items[i].name + len - strlen(ERROR_FACT), ERROR_FACT) != 0)
			continue;
		name = arena_copy(ps->p->arena, c->facts.items[i].name, len - strlen(ERROR_FACT));
		if (!name)
			return parser_no_memory(ps);
		suggest_try(&s, name);
	}
	if (s.best)
		return place_error(t->place, ps->err, "there is no check '%s': did you mean '%s'?", t->text, s.best);
	return place_error(t->place, ps->err, "there is no check '%s': sluice-rules(5) lists them", t->text);
}

static int read_check(struct parser *ps, struct on_error *e)
{
	const struct token *t = &ps->l->token;
	char fact[80];
	int found;

	if (t->type != TOKEN_WORD)
		return parser_unexpected(ps, "the name of a check");
	(void)snprintf(fact, sizeof fact, "%.60s" ERROR_FACT, t->text);
	found = catalog_find(ps->host->catalog, fact);
	if (found < 0)
		return no_check(ps, t);
	e->fact = (unsigned)found;
	e->check = t->text;
	return parser_next(ps);
}

static int read_cause(struct parser *ps, struct on_error *e, bool *ret_more)
{
	unsigned cause = 0;
	int r;

	while (error_words[cause] && !token_is(&ps->l->token, error_words[cause]))
		cause++;
	if (!error_words[cause])
		return parser_unexpected(ps, "a cause (timeout, servfail, store or other)");
	e->causes |= 1u << cause;
	r = parser_next(ps);
	*ret_more = r == 0 && ps->l->token.type == TOKEN_COMMA;
	return *ret_more ? parser_next(ps) : r;
}

static bool is_action(const struct token *t)
{
	return token_is(t, "continue") || token_is(t, "tempfail") || token_is(t, "reject");
}

/* Without causes: all that were not dealt with above. */
static int read_causes(struct parser *ps, struct on_error *e)
{
	bool more = !is_action(&ps->l->token);
	int r = 0;

	while (r == 0 && more)
		r = read_cause(ps, e, &more);
	if (r == 0 && !e->causes)
		e->causes = CAUSES_ALL & ~e->before;
	return r;
}

static int check_causes(struct parser *ps, const struct on_error *e)
{
	for (unsigned cause = 0; error_words[cause]; cause++)
		if (e->causes & e->before & 1u << cause)
			return place_error(e->place, ps->err, "what follows when %s ends with '%s' was said above, in this block", e->check, error_words[cause]);
	if (!e->causes)
		return place_error(e->place, ps->err, "what follows when %s cannot finish was said above, in this block, for all causes", e->check);
	return 0;
}

static int read_action(struct parser *ps, struct rule *rule)
{
	int r;

	rule->action = token_is(&ps->l->token, "reject") ? RULE_REJECT : RULE_TEMPFAIL;
	if (rule->action == RULE_REJECT)
		return action_parse(ps, rule);
	if (!token_is(&ps->l->token, "tempfail"))
		return parser_unexpected(ps, "continue, tempfail or reject");
	r = parser_next(ps);
	return r < 0 ? r : action_optional_reply(ps, "451 4.7.1 a check could not be finished: try again later", &rule->reply);
}

/* Each rule has a name of its own. */
static const char *free_name(struct parser *ps, const char *check)
{
	for (unsigned n = 1;; n++) {
		const char *name = n == 1 ? arena_printf(ps->p->arena, "on_error-%s", check) : arena_printf(ps->p->arena, "on_error-%s-%u", check, n);

		if (!name || !policy_rule(ps->p, name))
			return name;
	}
}

int on_error_parse(struct parser *ps, struct on_error *e, struct rule *rule, bool *ret_acts)
{
	const struct expr *when;
	int r = parser_next(ps);

	if (r == 0)
		r = read_check(ps, e);
	for (size_t i = 0; r == 0 && i < ps->errors.len; i++)
		if (ps->errors.items[i].fact == e->fact)
			e->before |= ps->errors.items[i].causes;
	if (r == 0)
		r = read_causes(ps, e);
	if (r == 0)
		r = check_causes(ps, e);
	if (r < 0)
		return r;
	if (!vec_push(&ps->errors, *e))
		return parser_no_memory(ps);
	*ret_acts = !token_is(&ps->l->token, "continue");
	if (!*ret_acts)
		return parser_next(ps);
	rule->name = free_name(ps, e->check);
	when = expr_one_of(ps->p->arena, e->fact, e->causes, e->place);
	rule->when = when ? expr_and(ps->p->arena, rule->when, when) : NULL;
	if (!rule->name || !rule->when)
		return parser_no_memory(ps);
	return read_action(ps, rule);
}
