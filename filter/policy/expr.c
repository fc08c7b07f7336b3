/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/expr.h"

#include <errno.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/policy/expr_node.h"
#include "filter/policy/option.h"

#define SET_MAX 1000 /* values in [ ] */

static const char *const compare_words[] = { "==", "!=", "<", "<=", ">", ">=" };

struct parser {
	struct lexer *l;
	const struct expr_scope *scope;
	struct err *err;
	unsigned depth, nodes;
};

static int no_memory(struct parser *p)
{
	return err_set(p->err, -ENOMEM, "out of memory");
}

static int too_long(struct parser *p)
{
	return place_error(p->l->token.place, p->err, "a condition of more than %d parts: name a list, or make two rules of it", EXPR_MAX_NODES);
}

static int node(struct parser *p, const struct expr *content, const struct expr **ret)
{
	struct expr *e;

	if (++p->nodes > EXPR_MAX_NODES)
		return too_long(p);
	e = arena_alloc(p->scope->arena, sizeof *e);
	if (!e)
		return no_memory(p);
	*e = *content;
	*ret = e;
	return 0;
}

/* Within a condition an end of line separates no more than a blank; what follows decides whether the condition goes on. */
static bool goes_on(struct parser *p, const char *word)
{
	struct lexer ahead = *p->l;
	struct err ignored;

	if (lexer_skip_lines(&ahead, &ignored) < 0 || !token_is(&ahead.token, word))
		return false;
	*p->l = ahead;
	return true;
}

/* ---- constants ---- */

static bool is_number(enum sluice_type type)
{
	return type == SLUICE_INT || type == SLUICE_MILLI;
}

static bool is_text(enum sluice_type type)
{
	return type == SLUICE_TEXT || type == SLUICE_DOMAIN || type == SLUICE_ADDRESS;
}

static int bad_word(struct parser *p, const struct catalog_fact *fact)
{
	const struct token *t = &p->l->token;
	struct suggest s = suggest_for(t->text, t->len);
	struct text all = TEXT_INIT(300);
	int r;

	for (size_t i = 0; fact->words[i]; i++) {
		suggest_try(&s, fact->words[i]);
		text_addf(&all, "%s%s", i ? ", " : "", fact->words[i]);
	}
	if (s.best)
		r = place_error(t->place, p->err, "%s is never '%s': did you mean '%s'?", fact->name, t->text, s.best);
	else
		r = place_error(t->place, p->err, "%s is never '%s': it is one of %s", fact->name, t->text, text_str(&all));
	text_done(&all);
	return r;
}

/* The token as a value of the fact's type; TEXTS are compared by their items. */
static int read_constant(struct parser *p, const struct catalog_fact *fact, struct constant *ret)
{
	const struct token *t = &p->l->token;
	char shown[80];

	*ret = (struct constant){ .value = { .known = true, .type = fact->type } };
	if (t->type != TOKEN_WORD && t->type != TOKEN_STRING)
		return place_error(t->place, p->err, "%s here, where a value of %s (%s) belongs", token_show(t, shown, sizeof shown),
			fact->name, value_type_name(fact->type));
	switch (fact->type) {
	case SLUICE_BOOL:
		if (!token_is(t, "yes") && !token_is(t, "no"))
			return place_error(t->place, p->err, "%s is yes or no: write '%s' or 'not %s'", fact->name, fact->name, fact->name);
		ret->value.yes = token_is(t, "yes");
		break;
	case SLUICE_INT:
	case SLUICE_MILLI:
		if (!option_decimal(t->text, t->len, &ret->value.number) || (fact->type == SLUICE_INT && ret->value.number % 1000))
			return place_error(t->place, p->err, "'%s' is no %s, as %s is", t->text, value_type_name(fact->type), fact->name);
		if (fact->type == SLUICE_INT)
			ret->value.number /= 1000;
		break;
	case SLUICE_ENUM:
		for (ret->value.number = 0; fact->words[ret->value.number]; ret->value.number++)
			if (!strcmp(fact->words[ret->value.number], t->text))
				break;
		if (!fact->words[ret->value.number])
			return bad_word(p, fact);
		break;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
	case SLUICE_TEXTS:
		ret->value.type = fact->type == SLUICE_TEXTS ? SLUICE_TEXT : fact->type;
		ret->value.text = (struct value_text){ t->text, t->len };
		break;
	case SLUICE_IP:
		if (!net_parse(t->text, t->len, &ret->net))
			return place_error(t->place, p->err, "'%s' is no address and no network, as %s needs", t->text, fact->name);
		ret->value.ip = ret->net.ip;
		break;
	}
	return lexer_next(p->l, p->err);
}

/* ---- tests ---- */

int expr_find_fact(const struct token *t, const struct catalog *c, int *ret, struct err *reterr)
{
	char shown[80];
	const char *near, *dot;

	if (t->type != TOKEN_WORD)
		return place_error(t->place, reterr, "%s here, where the name of a fact belongs", token_show(t, shown, sizeof shown));
	*ret = catalog_find(c, t->text);
	if (*ret >= 0)
		return 0;
	dot = strchr(t->text, '.');
	if (dot && catalog_lacks(c, t->text, (size_t)(dot - t->text)))
		return place_error(t->place, reterr, "%s is a fact of a plugin that is not loaded: write 'plugin %.*s' above", t->text, (int)(dot - t->text), t->text);
	near = catalog_suggest(c, t->text);
	if (near)
		return place_error(t->place, reterr, "there is no fact '%s': did you mean '%s'?", t->text, near);
	return place_error(t->place, reterr, "there is no fact '%s': sluice-rules(5) lists them", t->text);
}

static int read_fact(struct parser *p, unsigned *ret)
{
	int found, r = expr_find_fact(&p->l->token, p->scope->catalog, &found, p->err);

	if (r < 0)
		return r;
	*ret = (unsigned)found;
	return lexer_next(p->l, p->err);
}

static bool comparable(const struct catalog_fact *a, const struct catalog_fact *b)
{
	if (is_text(a->type) && is_text(b->type))
		return true;
	if (a->type == SLUICE_ENUM)
		return b->type == SLUICE_ENUM && a->words == b->words;
	return (a->type == b->type && a->type != SLUICE_TEXTS) || (is_number(a->type) && is_number(b->type));
}

static int parse_compare(struct parser *p, struct expr *e)
{
	const struct catalog_fact *fact = &p->scope->catalog->facts.items[e->fact];
	struct constant *constant;
	int r;

	for (e->compare = EQ; strcmp(compare_words[e->compare], p->l->token.text) != 0; e->compare++)
		;
	if (e->compare > NE && !is_number(fact->type))
		return place_error(p->l->token.place, p->err, "'%s' compares numbers, and %s is of type %s", p->l->token.text, fact->name,
			value_type_name(fact->type));
	if (fact->type == SLUICE_TEXTS)
		return place_error(p->l->token.place, p->err, "%s is a list: write '%s contains VALUE'", fact->name, fact->name);
	e->op = EXPR_COMPARE;
	r = lexer_next(p->l, p->err);
	if (r < 0)
		return r;
	e->other = p->l->token.type == TOKEN_WORD ? catalog_find(p->scope->catalog, p->l->token.text) : -1;
	if (e->other >= 0) {
		const struct catalog_fact *other = &p->scope->catalog->facts.items[e->other];

		e->other_place = p->l->token.place;
		if (!comparable(fact, other))
			return place_error(e->other_place, p->err, "%s is of type %s and %s of type %s: they cannot be compared", fact->name,
				value_type_name(fact->type), other->name, value_type_name(other->type));
		return lexer_next(p->l, p->err);
	}
	constant = arena_alloc(p->scope->arena, sizeof *constant);
	if (!constant)
		return no_memory(p);
	e->constants = constant;
	e->count = 1;
	return read_constant(p, fact, constant);
}

static int parse_set(struct parser *p, struct expr *e, const struct catalog_fact *fact)
{
	VEC(struct constant) set = { 0 };
	struct constant constant;
	int r = lexer_next(p->l, p->err);

	e->op = EXPR_IN_SET;
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(p->l, p->err);
		if (r < 0 || p->l->token.type == TOKEN_LIST_END)
			break;
		if (set.len == SET_MAX)
			r = place_error(p->l->token.place, p->err, "more than %d values: make a list of them", SET_MAX);
		else
			r = read_constant(p, fact, &constant);
		if (r == 0 && !vec_push(&set, constant))
			r = no_memory(p);
	}
	if (r == 0 && set.len == 0)
		r = place_error(p->l->token.place, p->err, "an empty set: nothing is ever in it");
	if (r == 0) {
		e->constants = (const struct constant *)(void *)arena_copy(p->scope->arena, set.items, set.len * sizeof *set.items);
		e->count = set.len;
		r = e->constants ? lexer_next(p->l, p->err) : no_memory(p);
	}
	vec_done(&set);
	return r;
}

static int parse_in(struct parser *p, struct expr *e)
{
	static const struct { enum sluice_type fact; enum sluice_list_type list; } fits[] = {
		{ SLUICE_DOMAIN, SLUICE_LIST_DOMAIN }, { SLUICE_IP, SLUICE_LIST_NETWORK }, { SLUICE_ADDRESS, SLUICE_LIST_ADDRESS },
		{ SLUICE_TEXT, SLUICE_LIST_PATTERN }, { SLUICE_DOMAIN, SLUICE_LIST_PATTERN }, { SLUICE_ADDRESS, SLUICE_LIST_PATTERN },
	};
	const struct catalog_fact *fact = &p->scope->catalog->facts.items[e->fact];
	const struct token *t = &p->l->token;
	int r = lexer_next(p->l, p->err);

	if (r < 0)
		return r;
	if (t->type == TOKEN_LIST)
		return parse_set(p, e, fact);
	if (t->type != TOKEN_WORD)
		return place_error(t->place, p->err, "after 'in' comes the name of a list, or values in [ ]");
	e->op = EXPR_IN_LIST;
	e->list = p->scope->find_list(p->scope->arg, t->text);
	if (!e->list) {
		const char *near = p->scope->suggest_list(p->scope->arg, t->text);

		if (near)
			return place_error(t->place, p->err, "there is no list '%s': did you mean '%s'?", t->text, near);
		return place_error(t->place, p->err, "there is no list '%s': define it above with 'list %s TYPE [...]'", t->text, t->text);
	}
	for (size_t i = 0; i < ARRAY_LEN(fits); i++)
		if (fits[i].fact == fact->type && fits[i].list == list_type(e->list))
			return lexer_next(p->l, p->err);
	return place_error(t->place, p->err, "%s is of type %s, and %s a list of type %s", fact->name, value_type_name(fact->type), t->text,
		list_type_words[list_type(e->list)]);
}

static int parse_text_test(struct parser *p, struct expr *e)
{
	const struct catalog_fact *fact = &p->scope->catalog->facts.items[e->fact];
	bool matches = token_is(&p->l->token, "matches");
	struct constant *constant;
	int r;

	if (matches ? !is_text(fact->type) : fact->type != SLUICE_TEXTS)
		return place_error(p->l->token.place, p->err, "'%s' is for %s, and %s is of type %s", matches ? "matches" : "contains",
			matches ? "text" : "lists of text", fact->name, value_type_name(fact->type));
	e->op = matches ? EXPR_MATCHES : EXPR_CONTAINS;
	constant = arena_alloc(p->scope->arena, sizeof *constant);
	if (!constant)
		return no_memory(p);
	e->constants = constant;
	e->count = 1;
	r = lexer_next(p->l, p->err);
	return r < 0 ? r : read_constant(p, fact, constant);
}

static int negate(struct parser *p, bool negated, const struct expr *e, const struct expr **ret)
{
	struct expr not = { .op = EXPR_NOT };
	int r = node(p, e, ret);

	if (r < 0 || !negated)
		return r;
	not.a = *ret;
	return node(p, &not, ret);
}

/* How many parts it has; those of a condition with a name count wherever it is named. */
static unsigned parts_of(const struct expr *e)
{
	return e->op == EXPR_AND || e->op == EXPR_OR ? 1 + parts_of(e->a) + parts_of(e->b) : e->op == EXPR_NOT ? 1 + parts_of(e->a) : 1;
}

/* A word that is no fact may be a condition with a name. *ret is NULL when it is not. */
static int parse_named(struct parser *p, const struct expr **ret)
{
	const struct token *t = &p->l->token;

	*ret = NULL;
	if (t->type != TOKEN_WORD || catalog_find(p->scope->catalog, t->text) >= 0)
		return 0;
	*ret = p->scope->find_condition(p->scope->arg, t->text);
	if (!*ret) {
		const char *near = catalog_suggest(p->scope->catalog, t->text) ? NULL : p->scope->suggest_condition(p->scope->arg, t->text);

		return near ? place_error(t->place, p->err, "there is no fact or condition '%s': did you mean '%s'?", t->text, near) : 0;
	}
	p->nodes += parts_of(*ret);
	return p->nodes > EXPR_MAX_NODES ? too_long(p) : lexer_next(p->l, p->err);
}

static int parse_test(struct parser *p, const struct expr **ret)
{
	struct expr e = { .place = p->l->token.place, .other = -1 };
	const struct catalog_fact *fact;
	bool negated = false;
	int r = parse_named(p, ret);

	if (r < 0 || *ret)
		return r;
	r = read_fact(p, &e.fact);
	if (r < 0)
		return r;
	fact = &p->scope->catalog->facts.items[e.fact];
	if (p->l->token.type == TOKEN_OPERATOR) {
		r = parse_compare(p, &e);
	} else if (token_is(&p->l->token, "in")) {
		r = parse_in(p, &e);
	} else if (token_is(&p->l->token, "not")) {
		negated = true;
		r = lexer_next(p->l, p->err);
		if (r == 0 && !token_is(&p->l->token, "in"))
			return place_error(p->l->token.place, p->err, "'not' stands before a test, or in 'not in'");
		if (r == 0)
			r = parse_in(p, &e);
	} else if (token_is(&p->l->token, "matches") || token_is(&p->l->token, "contains")) {
		r = parse_text_test(p, &e);
	} else if (token_is(&p->l->token, "is")) {
		e.op = EXPR_KNOWN;
		r = lexer_next(p->l, p->err);
		negated = token_is(&p->l->token, "unknown");
		if (r == 0 && !negated && !token_is(&p->l->token, "known"))
			return place_error(p->l->token.place, p->err, "after 'is' comes 'known' or 'unknown'; a value is compared with '=='");
		if (r == 0)
			r = lexer_next(p->l, p->err);
	} else {
		if (fact->type != SLUICE_BOOL)
			return place_error(e.place, p->err, "%s is of type %s: compare it with something, as in '%s %s ...'", fact->name,
				value_type_name(fact->type), fact->name, fact->type == SLUICE_TEXTS ? "contains" : "==");
		e.op = EXPR_TRUE;
	}
	return r < 0 ? r : negate(p, negated, &e, ret);
}

static int parse_or(struct parser *p, const struct expr **ret);

static int parse_not(struct parser *p, const struct expr **ret)
{
	bool negated = false;
	struct expr not = { .op = EXPR_NOT };
	int r;

	r = lexer_skip_lines(p->l, p->err);
	while (r == 0 && token_is(&p->l->token, "not")) {
		negated = !negated;
		r = lexer_next(p->l, p->err);
		if (r == 0)
			r = lexer_skip_lines(p->l, p->err);
	}
	if (r < 0)
		return r;
	if (p->l->token.type == TOKEN_WORD && *p->l->token.text == '!') /* as in other languages: a fact that is like it would be the opposite */
		return place_error(p->l->token.place, p->err, "'%s' is written 'not%s%s'", p->l->token.text, p->l->token.text[1] ? " " : "", p->l->token.text + 1);
	if (p->l->token.type == TOKEN_PAREN) {
		struct place open = p->l->token.place;

		if (++p->depth > EXPR_MAX_DEPTH)
			return place_error(open, p->err, "more than %d brackets within each other", EXPR_MAX_DEPTH);
		r = lexer_next(p->l, p->err);
		if (r == 0)
			r = parse_or(p, ret);
		if (r == 0)
			r = lexer_skip_lines(p->l, p->err);
		if (r == 0 && p->l->token.type != TOKEN_PAREN_END)
			return place_error(p->l->token.place, p->err, "a ')' is missing for the '(' of line %u", open.line);
		if (r == 0)
			r = lexer_next(p->l, p->err);
		p->depth--;
	} else {
		r = parse_test(p, ret);
	}
	if (r < 0 || !negated)
		return r;
	not.a = *ret;
	return node(p, &not, ret);
}

static int parse_chain(struct parser *p, enum expr_op op, const struct expr **ret)
{
	bool conjunction = op == EXPR_AND;
	int r = conjunction ? parse_not(p, ret) : parse_chain(p, EXPR_AND, ret);

	while (r == 0 && goes_on(p, conjunction ? "and" : "or")) {
		struct expr both = { .op = op, .a = *ret };

		r = lexer_next(p->l, p->err);
		if (r == 0)
			r = conjunction ? parse_not(p, &both.b) : parse_chain(p, EXPR_AND, &both.b);
		if (r == 0)
			r = node(p, &both, ret);
	}
	return r;
}

static int parse_or(struct parser *p, const struct expr **ret)
{
	return parse_chain(p, EXPR_OR, ret);
}

int expr_parse(struct lexer *l, const struct expr_scope *scope, const struct expr **ret, struct err *reterr)
{
	struct parser p = { .l = l, .scope = scope, .err = reterr };

	return parse_or(&p, ret);
}

/* `[a b c]` */
static int read_texts(struct parser *p, const struct catalog_fact *fact, struct value *ret)
{
	VEC(struct value_text) items = { 0 };
	struct constant constant;
	int r = lexer_next(p->l, p->err);

	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(p->l, p->err);
		if (r < 0 || p->l->token.type == TOKEN_LIST_END)
			break;
		r = items.len < SET_MAX ? read_constant(p, fact, &constant) : place_error(p->l->token.place, p->err, "more than %d values", SET_MAX);
		if (r == 0 && !vec_push(&items, constant.value.text))
			r = no_memory(p);
	}
	ret->texts.count = items.len;
	ret->texts.items = (const struct value_text *)(void *)arena_copy(p->scope->arena, items.items ? (const void *)items.items : "", items.len * sizeof *items.items);
	vec_done(&items);
	if (r == 0 && !ret->texts.items)
		r = no_memory(p);
	return r < 0 ? r : lexer_next(p->l, p->err);
}

int expr_read_value(struct lexer *l, const struct expr_scope *scope, unsigned fact, struct value *ret, struct err *reterr)
{
	const struct catalog_fact *f = &scope->catalog->facts.items[fact];
	struct parser p = { .l = l, .scope = scope, .err = reterr };
	struct constant constant;
	int r;

	*ret = (struct value){ .known = true, .type = f->type };
	if (f->type == SLUICE_TEXTS) {
		if (l->token.type != TOKEN_LIST)
			return place_error(l->token.place, reterr, "%s is a list: write its items in [ ]", f->name);
		return read_texts(&p, f, ret);
	}
	r = read_constant(&p, f, &constant);
	*ret = constant.value;
	return r;
}

static const struct expr *join(struct arena *arena, enum expr_op op, const struct expr *a, const struct expr *b)
{
	struct expr *e;

	if (!a || !b)
		return a ? a : b;
	e = arena_alloc(arena, sizeof *e);
	if (e)
		*e = (struct expr){ .op = op, .a = a, .b = b };
	return e;
}

const struct expr *expr_and(struct arena *arena, const struct expr *a, const struct expr *b)
{
	return join(arena, EXPR_AND, a, b);
}

const struct expr *expr_or(struct arena *arena, const struct expr *a, const struct expr *b)
{
	return join(arena, EXPR_OR, a, b);
}

const struct expr *expr_one_of(struct arena *arena, unsigned fact, unsigned words, struct place place)
{
	struct constant *set = arena_alloc(arena, (size_t)__builtin_popcount(words) * sizeof *set);
	struct expr *e = arena_alloc(arena, sizeof *e);

	if (!set || !e)
		return NULL;
	*e = (struct expr){ .op = EXPR_IN_SET, .fact = fact, .other = -1, .place = place, .constants = set };
	for (unsigned word = 0; words >> word; word++)
		if (words >> word & 1)
			set[e->count++].value = (struct value){ .known = true, .type = SLUICE_ENUM, .number = word };
	return e;
}

int expr_each_fact(const struct expr *e, int (*fact)(void *arg, unsigned fact, struct place at), void *arg)
{
	int r;

	if (e->op == EXPR_AND || e->op == EXPR_OR || e->op == EXPR_NOT) {
		r = expr_each_fact(e->a, fact, arg);
		return r < 0 || e->op == EXPR_NOT ? r : expr_each_fact(e->b, fact, arg);
	}
	r = fact(arg, e->fact, e->place);
	return r < 0 || e->op != EXPR_COMPARE || e->other < 0 ? r : fact(arg, (unsigned)e->other, e->other_place);
}
