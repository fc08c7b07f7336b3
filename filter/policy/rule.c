/* SPDX-License-Identifier: BSD-2-Clause */
/* rule.c - roles and rules. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

#define RULE_TEXT_MAX 4096

const char *const rule_action_words[] = { "accept", "tempfail", "reject", "score", "tag", "hold", "greylist", "sign", "seal", NULL };
const char *const rule_action_checks[RULE_ACTIONS] = { [RULE_GREYLIST] = "greylist", [RULE_SIGN] = "sign", [RULE_SEAL] = "seal" };

static const struct role *find_role(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->roles.len; i++)
		if (!strcmp(p->roles.items[i].name, name))
			return &p->roles.items[i];
	return NULL;
}

int rule_role_statement(struct parser *ps, struct place at)
{
	struct role role = { .place = at };
	const struct role *before;
	int r = parser_name(ps, "the name of a role", &role.name);

	if (r < 0)
		return r;
	before = find_role(ps->p, role.name);
	if (before)
		return place_error(at, ps->err, "role %s was defined before, in %s line %u", role.name, before->place.source->path, before->place.line);
	r = parser_expect(ps, TOKEN_OPEN, "'{'");
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0 && !token_is(&ps->l->token, "when"))
		return parser_unexpected(ps, "'when' and a condition");
	if (r == 0)
		r = parser_next(ps);
	if (r == 0)
		r = expr_parse(ps->l, &ps->scope, &role.when, ps->err);
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0)
		r = parser_expect(ps, TOKEN_CLOSE, "'}'");
	if (r < 0)
		return r;
	return vec_push(&ps->p->roles, role) ? 0 : parser_no_memory(ps);
}

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
	if (fact->scope == SCOPE_RCPT && stage != SLUICE_STAGE_RCPT)
		return place_error(at, list->ps->err, "%s is about one recipient, and rule %s is judged at '%s': move the rule to 'at rcpt'",
			fact->name, list->rule->name, stage_words[stage]);
	for (size_t i = 0; i < list->facts.len; i++)
		if (list->facts.items[i] == index)
			return 0;
	return vec_push(&list->facts, index) ? 0 : parser_no_memory(list->ps);
}

static int rule_facts(struct parser *ps, struct rule *rule)
{
	struct fact_list list = { .ps = ps, .rule = rule };
	int r = rule->when ? expr_each_fact(rule->when, note_fact, &list) : 0;

	for (size_t i = 0; r == 0 && rule->limit && i < rule->limit->key_count; i++)
		r = note_fact(&list, rule->limit->keys[i], rule->place);
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

static int rule_reply(struct parser *ps, unsigned severity, const struct reply **ret)
{
	int r;

	if (ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, severity == 5 ? "the reply, such as \"550 5.7.1 not here\"" : severity == 4 ? "the reply, such as \"451 4.7.1 later\"" : "a text");
	r = reply_parse(&ps->l->token, severity, ps->host->catalog, ps->p->arena, ret, ps->err);
	return r < 0 ? r : parser_next(ps);
}

/* `["451 4.7.1 text"]`, or the usual one. */
static int optional_reply(struct parser *ps, const char *usual, const struct reply **ret)
{
	struct token token = ps->l->token;

	if (token.type == TOKEN_STRING)
		return rule_reply(ps, 4, ret);
	token.text = usual;
	token.len = strlen(usual);
	return reply_parse(&token, 4, ps->host->catalog, ps->p->arena, ret, ps->err);
}

static bool has_check(const struct parser *ps, enum rule_action action)
{
	char blocked[64];

	(void)snprintf(blocked, sizeof blocked, "%s.blocked", rule_action_checks[action]);
	return catalog_find(ps->host->catalog, blocked) >= 0;
}

/* `greylist ["451 4.7.1 text"]`, `sign [optional] ["451 4.7.0 text"]`, `seal [optional] ["451 4.7.0 text"]` */
static int checking_action(struct parser *ps, struct rule *rule)
{
	static const struct { enum sluice_stage stage; const char *why, *usual; } rows[RULE_ACTIONS] = {
		[RULE_GREYLIST] = { SLUICE_STAGE_RCPT, "greylisting is about a recipient", "451 4.7.1 greylisted: try again in {greylist.wait} seconds" },
		[RULE_SIGN] = { SLUICE_STAGE_MESSAGE, "a signature is about the whole message", "451 4.7.0 this message cannot be signed now: try again later" },
		[RULE_SEAL] = { SLUICE_STAGE_MESSAGE, "a seal is about the whole message", "451 4.7.0 this message cannot be sealed now: try again later" },
	};
	int r;

	if (!has_check(ps, rule->action))
		return place_error(rule->place, ps->err, "rule %s needs the plugin '%s', which is not loaded: name it with 'plugin \"/path\"' above",
			rule->name, rule_action_checks[rule->action]);
	if (rule->stage != rows[rule->action].stage)
		return place_error(rule->place, ps->err, "%s: move rule %s to 'at %s'", rows[rule->action].why, rule->name,
			stage_words[rows[rule->action].stage]);
	rule->optional = rule->action != RULE_GREYLIST && token_is(&ps->l->token, "optional");
	r = rule->optional ? parser_next(ps) : 0;
	return r < 0 ? r : optional_reply(ps, rows[rule->action].usual, &rule->reply);
}

static int rule_action(struct parser *ps, struct rule *rule)
{
	static const struct sluice_option points = { "score", SLUICE_OPT_DECIMAL, .min = -1000000, .max = 1000000 };
	struct sluice_setting value;
	int r;

	for (rule->action = RULE_ACCEPT; rule_action_words[rule->action]; rule->action++)
		if (token_is(&ps->l->token, rule_action_words[rule->action]))
			break;
	if (!rule_action_words[rule->action]) {
		struct suggest s = suggest_for(ps->l->token.text, ps->l->token.len);

		for (size_t i = 0; rule_action_words[i]; i++)
			suggest_try(&s, rule_action_words[i]);
		if (ps->l->token.type == TOKEN_WORD && s.best)
			return place_error(ps->l->token.place, ps->err, "there is no action '%s': did you mean '%s'?", ps->l->token.text, s.best);
		return parser_unexpected(ps, "an action (accept, tempfail, reject, score, tag, hold, greylist, sign or seal)");
	}
	r = parser_next(ps);
	if (r < 0)
		return r;
	switch (rule->action) {
	case RULE_ACCEPT:
		return 0;
	case RULE_TEMPFAIL:
		return rule_reply(ps, 4, &rule->reply);
	case RULE_REJECT:
		return rule_reply(ps, 5, &rule->reply);
	case RULE_TAG:
	case RULE_HOLD:
		return rule_reply(ps, 0, &rule->reply);
	case RULE_GREYLIST:
	case RULE_SIGN:
	case RULE_SEAL:
		return checking_action(ps, rule);
	case RULE_SCORE:
		r = option_parse(ps->l, &points, &value, ps->err);
		rule->score_milli = value.number;
		return r;
	case RULE_ACTIONS:
		break;
	}
	return -EINVAL;
}

static bool is_when(const struct token *t)
{
	return token_is(t, "when");
}

/* A word in the place of an action; what follows an action is none. */
static bool is_action(const struct token *t)
{
	return t->type == TOKEN_WORD && !is_when(t) && !token_is(t, "warn") && !token_is(t, "rule");
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
		return r < 0 ? r : rule_action(ps, rule);
	usual = arena_printf(ps->p->arena, "451 4.7.1 too many %s: try again in {limit.wait} seconds", limit_unit_words[rule->limit->unit]);
	rule->action = RULE_TEMPFAIL;
	return usual ? optional_reply(ps, usual, &rule->reply) : parser_no_memory(ps);
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
	size_t to = ps->l->at; /* behind the token that follows */
	const char *copy;
	bool gap = false;

	to -= ps->l->token.type == TOKEN_WORD ? ps->l->token.len : ps->l->token.type != TOKEN_END;
	for (size_t i = from; i < to && !out.failed; i++) {
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


static int rule_statement(struct parser *ps, enum sluice_stage stage, const struct expr *roles, struct place at)
{
	size_t from = ps->l->at - ps->l->token.len;
	struct rule rule = { .place = at, .stage = stage, .when = roles };
	const struct expr *when = NULL;
	bool conditional = false;
	int r = parser_next(ps);

	if (r == 0)
		r = parser_name(ps, "the name of the rule", &rule.name);
	for (size_t i = 0; r == 0 && i < ps->p->rules.len; i++)
		if (!strcmp(ps->p->rules.items[i].name, rule.name))
			return place_error(at, ps->err, "rule %s was defined before, in %s line %u: each rule has its own name, which logs and replies show",
				rule.name, ps->p->rules.items[i].place.source->path, ps->p->rules.items[i].place.line);
	if (r == 0 && ps->p->rules.len >= POLICY_MAX_RULES)
		return place_error(at, ps->err, "more than %d rules", POLICY_MAX_RULES);
	if (r == 0)
		r = token_is(&ps->l->token, "limit") ? limit_and_action(ps, &rule) : rule_action(ps, &rule);
	rule.warn = r == 0 && token_is(&ps->l->token, "warn");
	if (rule.warn)
		r = parser_next(ps);
	if (r == 0)
		r = goes_on(ps, is_when, &conditional);
	if (r == 0 && conditional) {
		r = parser_next(ps);
		if (r == 0)
			r = expr_parse(ps->l, &ps->scope, &when, ps->err);
	}
	if (r < 0)
		return r;
	rule.text = source_text(ps, from);
	if (when)
		rule.when = expr_and(ps->p->arena, roles, when);
	if (!rule.text || (when && !rule.when))
		return parser_no_memory(ps);
	r = rule_facts(ps, &rule);
	if (r < 0)
		return r;
	return vec_push(&ps->p->rules, rule) ? 0 : parser_no_memory(ps);
}

static int read_roles(struct parser *ps, const struct expr **ret)
{
	int r;

	do {
		const struct role *role;

		r = parser_next(ps); /* over 'in' or ',' */
		if (r < 0)
			return r;
		if (ps->l->token.type != TOKEN_WORD)
			return parser_unexpected(ps, "the name of a role");
		role = find_role(ps->p, ps->l->token.text);
		if (!role) {
			struct suggest s = suggest_for(ps->l->token.text, ps->l->token.len);

			for (size_t i = 0; i < ps->p->roles.len; i++)
				suggest_try(&s, ps->p->roles.items[i].name);
			if (s.best)
				return place_error(ps->l->token.place, ps->err, "there is no role '%s': did you mean '%s'?", ps->l->token.text, s.best);
			return place_error(ps->l->token.place, ps->err, "there is no role '%s': define it above with 'role %s { when ... }'",
				ps->l->token.text, ps->l->token.text);
		}
		*ret = expr_or(ps->p->arena, *ret, role->when);
		if (!*ret)
			return parser_no_memory(ps);
		r = parser_next(ps);
	} while (r == 0 && ps->l->token.type == TOKEN_COMMA);
	return r;
}

int rule_at_statement(struct parser *ps)
{
	enum sluice_stage stage = SLUICE_STAGE_CONNECT;
	const struct expr *roles = NULL;
	int r;

	while (stage < SLUICE_STAGES && !token_is(&ps->l->token, stage_words[stage]))
		stage++;
	if (stage == SLUICE_STAGES)
		return parser_unexpected(ps, "a stage (connect, helo, mail, rcpt, data or message)");
	r = parser_next(ps);
	if (r == 0 && token_is(&ps->l->token, "in"))
		r = read_roles(ps, &roles);
	if (r == 0)
		r = parser_expect(ps, TOKEN_OPEN, "'{'");
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return parser_next(ps);
		if (!token_is(&ps->l->token, "rule"))
			return parser_unexpected(ps, "'rule' or '}'");
		r = rule_statement(ps, stage, roles, ps->l->token.place);
	}
}
