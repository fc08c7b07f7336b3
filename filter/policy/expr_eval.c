/* SPDX-License-Identifier: BSD-2-Clause */
/* expr_eval.c - whether a condition holds. */
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/glob.h"
#include "filter/mail/address.h"
#include "filter/policy/expr_node.h"

static enum truth truth_of(bool yes)
{
	return yes ? TRUTH_YES : TRUTH_NO;
}

static bool text_equal(const struct value *a, const struct value *b)
{
	if (a->type == SLUICE_TEXT && b->type == SLUICE_TEXT)
		return a->text.len == b->text.len && !memcmp(a->text.bytes, b->text.bytes, a->text.len);
	return ascii_equal(a->text.bytes, a->text.len, b->text.bytes, b->text.len);
}

static bool equal(const struct value *a, const struct value *b)
{
	switch (a->type) {
	case SLUICE_BOOL:
		return a->yes == b->yes;
	case SLUICE_INT:
	case SLUICE_MILLI:
	case SLUICE_ENUM:
		return a->number == b->number;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		return text_equal(a, b);
	case SLUICE_IP:
		return ip_equal(&a->ip, &b->ip);
	case SLUICE_TEXTS:
		break;
	}
	return false;
}

/* Of an INT and a MILLI the whole number is that many thousands; one too large for it is larger than all. */
static int64_t thousandths(const struct value *v)
{
	int64_t milli;

	if (v->type != SLUICE_INT)
		return v->number;
	return __builtin_mul_overflow(v->number, 1000, &milli) ? v->number < 0 ? INT64_MIN : INT64_MAX : milli;
}

static bool compare(enum compare how, const struct value *a, const struct value *b)
{
	bool mixed = a->type != b->type && (a->type == SLUICE_INT || a->type == SLUICE_MILLI);
	int64_t x = mixed ? thousandths(a) : a->number, y = mixed ? thousandths(b) : b->number;

	switch (how) {
	case EQ:
		return mixed ? x == y : equal(a, b);
	case NE:
		return mixed ? x != y : !equal(a, b);
	case LT:
		return x < y;
	case LE:
		return x <= y;
	case GT:
		return x > y;
	case GE:
		return x >= y;
	}
	return false;
}

static bool is_constant(const struct value *v, const struct constant *c)
{
	return v->type == SLUICE_IP ? net_contains(&c->net, &v->ip) : equal(v, &c->value);
}

static bool in_list(const struct expr *e, const struct value *v)
{
	struct sluice_address a;

	switch (list_type(e->list)) {
	case SLUICE_LIST_DOMAIN:
		return list_has_domain(e->list, v->text.bytes, v->text.len);
	case SLUICE_LIST_NETWORK:
		return list_has_ip(e->list, &v->ip);
	case SLUICE_LIST_ADDRESS:
		a = address_split(v->text.bytes, v->text.len);
		return list_has_address(e->list, &a);
	case SLUICE_LIST_PATTERN:
		return list_has_match(e->list, v->text.bytes, v->text.len);
	}
	return false;
}

static bool in_set(const struct expr *e, const struct value *v)
{
	for (size_t i = 0; i < e->count; i++)
		if (is_constant(v, &e->constants[i]))
			return true;
	return false;
}

static bool contains(const struct value *v, const struct constant *c)
{
	for (size_t i = 0; i < v->texts.count; i++)
		if (ascii_equal(v->texts.items[i].bytes, v->texts.items[i].len, c->value.text.bytes, c->value.text.len))
			return true;
	return false;
}

enum truth expr_eval(const struct expr *e, const struct value *facts)
{
	const struct value *v = &facts[e->fact];
	enum truth a, b;

	switch (e->op) {
	case EXPR_AND:
		a = expr_eval(e->a, facts);
		b = a == TRUTH_NO ? TRUTH_NO : expr_eval(e->b, facts);
		return a < b ? a : b;
	case EXPR_OR:
		a = expr_eval(e->a, facts);
		b = a == TRUTH_YES ? TRUTH_YES : expr_eval(e->b, facts);
		return a > b ? a : b;
	case EXPR_NOT:
		return TRUTH_YES - expr_eval(e->a, facts);
	case EXPR_KNOWN:
		return v->open ? TRUTH_UNKNOWN : truth_of(v->known);
	case EXPR_TRUE:
		return v->known ? truth_of(v->yes) : TRUTH_UNKNOWN;
	case EXPR_COMPARE:
		if (!v->known || (e->other >= 0 && !facts[e->other].known))
			return TRUTH_UNKNOWN;
		if (e->other >= 0)
			return truth_of(compare(e->compare, v, &facts[e->other]));
		if (v->type == SLUICE_IP)
			return truth_of(is_constant(v, e->constants) == (e->compare == EQ));
		return truth_of(compare(e->compare, v, &e->constants->value));
	case EXPR_IN_LIST:
		if (!v->known)
			return TRUTH_UNKNOWN;
		return in_list(e, v) ? TRUTH_YES : list_unread(e->list) ? TRUTH_UNKNOWN : TRUTH_NO;
	case EXPR_IN_SET:
		return v->known ? truth_of(in_set(e, v)) : TRUTH_UNKNOWN;
	case EXPR_MATCHES:
		return v->known ? truth_of(glob_matches(v->text.bytes, v->text.len, e->constants->value.text.bytes, e->constants->value.text.len))
				: TRUTH_UNKNOWN;
	case EXPR_CONTAINS:
		return v->known ? truth_of(contains(v, e->constants)) : TRUTH_UNKNOWN;
	}
	return TRUTH_UNKNOWN;
}

/* ---- what is open ---- */

struct bounds { /* what it can turn out to be */
	enum truth least, most;
};

static int open_fact(const struct expr *leaf, const struct value *facts)
{
	if (facts[leaf->fact].open)
		return (int)leaf->fact;
	return leaf->op == EXPR_COMPARE && leaf->other >= 0 && facts[leaf->other].open ? leaf->other : -1;
}

static struct bounds bounds_of(const struct expr *e, const struct value *facts)
{
	struct bounds a, b;
	enum truth t;

	switch (e->op) {
	case EXPR_AND:
		a = bounds_of(e->a, facts);
		b = bounds_of(e->b, facts);
		return (struct bounds){ a.least < b.least ? a.least : b.least, a.most < b.most ? a.most : b.most };
	case EXPR_OR:
		a = bounds_of(e->a, facts);
		b = bounds_of(e->b, facts);
		return (struct bounds){ a.least > b.least ? a.least : b.least, a.most > b.most ? a.most : b.most };
	case EXPR_NOT:
		a = bounds_of(e->a, facts);
		return (struct bounds){ TRUTH_YES - a.most, TRUTH_YES - a.least };
	case EXPR_TRUE:
	case EXPR_COMPARE:
	case EXPR_IN_LIST:
	case EXPR_IN_SET:
	case EXPR_MATCHES:
	case EXPR_CONTAINS:
	case EXPR_KNOWN:
		break;
	}
	if (open_fact(e, facts) >= 0)
		return (struct bounds){ TRUTH_NO, TRUTH_YES };
	t = expr_eval(e, facts);
	return (struct bounds){ t, t };
}

/* It can turn out to be what is wanted, and otherwise. */
static bool is_undecided(const struct expr *e, const struct value *facts, enum truth wanted)
{
	struct bounds b = bounds_of(e, facts);

	return wanted == TRUTH_YES ? b.most == TRUTH_YES && b.least != TRUTH_YES : b.least == TRUTH_NO && b.most != TRUTH_NO;
}

int expr_open_fact(const struct expr *e, const struct value *facts)
{
	enum truth wanted = TRUTH_YES;

	if (!is_undecided(e, facts, wanted))
		return -1;
	for (;;) { /* what is undecided of two has a part that is, for the same reason */
		if (e->op == EXPR_NOT) {
			wanted = TRUTH_YES - wanted;
			e = e->a;
		} else if (e->op == EXPR_AND || e->op == EXPR_OR) {
			e = is_undecided(e->a, facts, wanted) ? e->a : e->b;
		} else {
			return open_fact(e, facts);
		}
	}
}

const struct expr *expr_failed(const struct expr *e, const struct value *facts)
{
	enum truth wanted = TRUTH_YES;

	for (;;) {
		if (e->op == EXPR_NOT) {
			wanted = TRUTH_YES - wanted;
			e = e->a;
		} else if (e->op == (wanted == TRUTH_YES ? EXPR_AND : EXPR_OR)) {
			e = expr_eval(e->a, facts) == wanted || is_undecided(e->a, facts, wanted) ? e->b : e->a;
		} else {
			return e;
		}
	}
}
