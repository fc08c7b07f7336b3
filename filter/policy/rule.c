/* SPDX-License-Identifier: BSD-2-Clause */
/* rule.c - rules: when one is judged, what it reads, and what it says. */
#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

#define RULE_TEXT_MAX 4096

struct fact_list {
	struct parser *ps;
	const struct rule *rule;
	VEC(unsigned) facts;
};

/* A fact is read where it can be known, and one about a recipient only while that recipient is judged. */
static int note_fact(void *arg, unsigned index, struct place at)
{
	struct fact_list *list = arg;
	const struct catalog_fact *fact = &list->ps->host->catalog->facts.items[index];
	enum sluice_stage stage = list->rule->stage;

	if (fact->stage > stage)
		return place_error(at, list->ps->err, "%s is known from '%s' on, and rule %s is judged at '%s': move the rule", fact->name,
			stage_words[fact->stage], list->rule->name, stage_words[stage]);
	if (fact->scope == SCOPE_RCPT && stage != SLUICE_STAGE_RCPT && !list->rule->each)
		return place_error(at, list->ps->err, "%s is about one recipient, and rule %s is judged at '%s': move the rule to 'at rcpt'%s",
			fact->name, list->rule->name, stage_words[stage],
			stage == SLUICE_STAGE_MESSAGE ? ", or to 'at message for each recipient'" : "");
	for (size_t i = 0; i < list->facts.len; i++)
		if (list->facts.items[i] == index)
			return 0;
	return vec_push(&list->facts, index) ? 0 : parser_no_memory(list->ps);
}

static int rule_facts(struct parser *ps, struct rule *rule)
{
	struct fact_list list = { .ps = ps, .rule = rule };
	int r = rule->when ? expr_each_fact(rule->when, note_fact, &list) : 0;

	rule->when_facts = list.facts.len;
	for (size_t i = 0; r == 0 && rule->limit && i < rule->limit->key_count; i++)
		r = note_fact(&list, rule->limit->keys[i], rule->place);
	if (r == 0 && rule->action == RULE_REPLACE)
		r = note_fact(&list, rule->parts_fact, rule->place);
	for (size_t i = 0; r == 0 && rule->reply && i < rule->reply->count; i++)
		if (!rule->reply->parts[i].literal)
			r = note_fact(&list, rule->reply->parts[i].fact, rule->reply->place);
	if (r == 0) {
		rule->facts = (unsigned *)(void *)arena_copy(ps->p->arena, list.facts.items, list.facts.len * sizeof(unsigned));
		rule->fact_count = list.facts.len;
		r = rule->facts ? 0 : parser_no_memory(ps);
	}
	vec_done(&list.facts);
	return r;
}

/* `sample 5%`, or nothing */
static int rule_sample(struct parser *ps, struct rule *rule)
{
	const struct token *t = &ps->l->token;
	int64_t milli;
	int r;

	if (!token_is(t, "sample"))
		return 0;
	r = parser_next(ps);
	if (r < 0)
		return r;
	if (t->type != TOKEN_WORD || t->text[t->len - 1] != '%' || !option_decimal(t->text, t->len - 1, &milli) || milli <= 0 || milli > RULE_SAMPLE_WHOLE)
		return parser_unexpected(ps, "a part of all messages such as 5% or 0.5%");
	rule->sample = milli;
	return parser_next(ps);
}

static bool is_when(const struct token *t)
{
	return token_is(t, "when");
}

/* A word in the place of an action; what follows an action is none. */
static bool is_action(const struct token *t)
{
	return t->type == TOKEN_WORD && !is_when(t) && !token_is(t, "warn") && !token_is(t, "rule") && !token_is(t, "shadow") && !token_is(t, "on_error");
}

/* Does the rule go on with this? Ends of lines before it belong to the rule then. */
static int goes_on(struct parser *ps, bool (*with)(const struct token *t), bool *ret)
{
	struct lexer ahead = *ps->l;
	int r = lexer_skip_lines(&ahead, ps->err);

	*ret = r == 0 && with(&ahead.token);
	if (*ret)
		*ps->l = ahead;
	return r;
}

/* What is over a limit is put off, unless the rule says something else. */
static int limit_action(struct parser *ps, struct rule *rule)
{
	const char *usual;
	bool action;
	int r = goes_on(ps, is_action, &action);

	if (r < 0 || action)
		return r < 0 ? r : action_parse(ps, rule);
	usual = arena_printf(ps->p->arena, "451 4.7.1 too many %s: try again in {limit.wait} seconds", limit_unit_words[rule->limit->unit]);
	rule->action = RULE_TEMPFAIL;
	return usual ? action_optional_reply(ps, usual, &rule->reply) : parser_no_memory(ps);
}

static int limit_and_action(struct parser *ps, struct rule *rule)
{
	int r = parser_next(ps);

	if (r == 0)
		r = limit_parse(ps, rule->stage, &rule->limit);
	return r < 0 ? r : limit_action(ps, rule);
}

/* The source from `from` to the token, in one line. */
static const char *source_text(struct parser *ps, size_t from)
{
	struct text out = TEXT_INIT(RULE_TEXT_MAX);
	const struct source *s = ps->l->source;
	const char *copy;
	bool gap = false;

	for (size_t i = from; i < ps->l->token_at && !out.failed; i++) {
		if (ascii_is_space(s->bytes[i])) {
			gap = out.len > 0;
			continue;
		}
		if (gap)
			text_addc(&out, ' ');
		gap = false;
		text_addc(&out, s->bytes[i]);
	}
	copy = arena_copy(ps->p->arena, text_str(&out), out.len);
	text_done(&out);
	return copy;
}

/* What is common to all: its text, its facts, its place among the others. */
static int rule_add(struct parser *ps, struct rule *rule, size_t from)
{
	int r;

	if (ps->p->rules.len >= POLICY_MAX_RULES)
		return place_error(rule->place, ps->err, "more than %d rules", POLICY_MAX_RULES);
	for (size_t i = 0; !rule->shadow && (rule->action == RULE_REPLACE || rule->action == RULE_APPEND) && i < ps->p->rules.len; i++)
		if (ps->p->rules.items[i].action == RULE_SIGN || ps->p->rules.items[i].action == RULE_SEAL)
			return place_error(rule->place, ps->err, "rule %s changes what rule %s above it has signed: put it before that one", rule->name,
				ps->p->rules.items[i].name);
	rule->text = source_text(ps, from);
	r = rule->text ? rule_facts(ps, rule) : parser_no_memory(ps);
	if (r < 0)
		return r;
	return vec_push(&ps->p->rules, *rule) ? 0 : parser_no_memory(ps);
}

static int rule_name(struct parser *ps, struct rule *rule)
{
	const struct rule *before;
	int r = parser_name(ps, "the name of the rule", &rule->name);

	if (r < 0)
		return r;
	before = policy_rule(ps->p, rule->name);
	if (before)
		return place_error(rule->place, ps->err, "rule %s was defined before, in %s line %u: each rule has its own name, which logs and replies show",
			rule->name, before->place.source->path, before->place.line);
	return 0;
}

/* `[warn] [when CONDITION]` */
static int rule_condition(struct parser *ps, struct rule *rule)
{
	const struct expr *when = NULL;
	bool conditional = false;
	int r;

	rule->warn = token_is(&ps->l->token, "warn");
	r = rule->warn ? parser_next(ps) : 0;
	if (r == 0)
		r = goes_on(ps, is_when, &conditional);
	if (r < 0 || !conditional)
		return r;
	r = parser_next(ps);
	if (r == 0)
		r = expr_parse(ps->l, &ps->scope, &when, ps->err);
	if (r < 0)
		return r;
	rule->when = expr_and(ps->p->arena, rule->when, when);
	return rule->when ? 0 : parser_no_memory(ps);
}

/* What is done to one message for one of several recipients. */
static int check_each(struct parser *ps, const struct rule *rule)
{
	if (rule->limit)
		return place_error(rule->place, ps->err, "a limit counts recipients at rcpt, or the message: move rule %s to 'at rcpt' or 'at message'", rule->name);
	switch (rule->action) {
	case RULE_ACCEPT:
	case RULE_TEMPFAIL:
	case RULE_REJECT:
	case RULE_DISCARD:
	case RULE_REDIRECT:
		return 0;
	case RULE_SCORE:
	case RULE_TAG:
	case RULE_HOLD:
	case RULE_ADD:
	case RULE_REPLACE:
	case RULE_APPEND:
	case RULE_GREYLIST:
	case RULE_SIGN:
	case RULE_SEAL:
	case RULE_ACTIONS:
		break;
	}
	return place_error(rule->place, ps->err, "for one recipient a rule can accept, tempfail, reject, discard or redirect: move rule %s to 'at message'",
		rule->name);
}

static int rule_statement(struct parser *ps, struct rule *rule)
{
	size_t from = ps->l->token_at;
	int r;

	rule->shadow = token_is(&ps->l->token, "shadow");
	r = parser_next(ps);
	if (r == 0 && rule->shadow && !token_is(&ps->l->token, "rule"))
		return parser_unexpected(ps, "'rule'");
	if (r == 0 && rule->shadow)
		r = parser_next(ps);
	if (r == 0)
		r = rule_name(ps, rule);
	if (r == 0)
		r = rule_sample(ps, rule);
	if (r == 0)
		r = token_is(&ps->l->token, "limit") ? limit_and_action(ps, rule) : action_parse(ps, rule);
	if (r == 0 && rule->each)
		r = check_each(ps, rule);
	if (r == 0)
		r = rule_condition(ps, rule);
	return r < 0 ? r : rule_add(ps, rule, from);
}

static int on_error_statement(struct parser *ps, struct rule *rule)
{
	struct on_error e = { .place = rule->place };
	size_t from = ps->l->token_at;
	bool acts = false;
	int r = on_error_parse(ps, &e, rule, &acts);

	return r < 0 || !acts ? r : rule_add(ps, rule, from);
}

/* `for each recipient` */
static int for_each(struct parser *ps, enum sluice_stage stage, bool *ret)
{
	static const char *const words[] = { "for", "each", "recipient" };

	if (stage != SLUICE_STAGE_MESSAGE)
		return place_error(ps->l->token.place, ps->err, "'for each recipient' is of 'at message'%s",
			stage == SLUICE_STAGE_RCPT ? ": 'at rcpt' is about one recipient by itself" : "");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		int r = token_is(&ps->l->token, words[i]) ? parser_next(ps) : parser_unexpected(ps, "'for each recipient'");

		if (r < 0)
			return r;
	}
	*ret = true;
	return 0;
}

int rule_at_statement(struct parser *ps)
{
	enum sluice_stage stage = SLUICE_STAGE_CONNECT;
	const struct expr *roles = NULL;
	bool each = false;
	int r;

	ps->errors.len = 0;
	while (stage < SLUICE_STAGES && !token_is(&ps->l->token, stage_words[stage]))
		stage++;
	if (stage == SLUICE_STAGES)
		return parser_unexpected(ps, "a stage (connect, helo, mail, rcpt, data or message)");
	r = parser_next(ps);
	if (r == 0 && token_is(&ps->l->token, "for"))
		r = for_each(ps, stage, &each);
	if (r == 0 && token_is(&ps->l->token, "in"))
		r = name_roles(ps, &roles);
	if (r == 0)
		r = parser_expect(ps, TOKEN_OPEN, "'{'");
	for (;;) {
		struct rule rule;

		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return parser_next(ps);
		rule = (struct rule){ .place = ps->l->token.place, .stage = stage, .each = each, .when = roles, .roles = roles };
		if (token_is(&ps->l->token, "rule") || token_is(&ps->l->token, "shadow"))
			r = rule_statement(ps, &rule);
		else if (token_is(&ps->l->token, "on_error"))
			r = on_error_statement(ps, &rule);
		else
			return parser_unexpected(ps, "'rule', 'shadow rule', 'on_error' or '}'");
	}
}
