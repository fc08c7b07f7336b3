/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.c - conditions have three truth values, so that a part of one is wanted to be in a set of them: certainly true, not true, ...
 * The search takes the conditions apart, choosing a side where one is enough, down to tests of single facts, and keeps those chosen as
 * long as the fact can have a value that suits them all.
 */
#include "filter/policy/proof.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/policy/expr_node.h"

#define TESTS_MAX 512   /* chosen at once: two conditions and their roles */

/* Sets of truth values. */
enum { NO = 1u << TRUTH_NO, UNKNOWN = 1u << TRUTH_UNKNOWN, YES = 1u << TRUTH_YES };

struct goal { /* what is still to be taken apart */
	const struct expr *e;
	unsigned wanted;
	const struct goal *next;
};

struct test {
	const struct expr *e;
	unsigned wanted;
};

struct search {
	struct test tests[TESTS_MAX];
	size_t count;
	unsigned *effort;
};

/* ---- what one fact can be ---- */

struct domain {
	bool unknown;      /* it may be unknown */
	uint64_t words;    /* of BOOL (no 1, yes 2) and ENUM: a bit for each that it may be */
	int64_t low, high; /* of numbers */
	bool empty;        /* it has no value that suits */
};

static bool same_constant(const struct constant *a, const struct constant *b)
{
	if (a->value.type != b->value.type)
		return false;
	switch (a->value.type) {
	case SLUICE_BOOL:
		return a->value.yes == b->value.yes;
	case SLUICE_INT:
	case SLUICE_MILLI:
	case SLUICE_ENUM:
		return a->value.number == b->value.number;
	case SLUICE_TEXT:
		return a->value.text.len == b->value.text.len && !memcmp(a->value.text.bytes, b->value.text.bytes, a->value.text.len);
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		return ascii_equal(a->value.text.bytes, a->value.text.len, b->value.text.bytes, b->value.text.len);
	case SLUICE_IP:
		return a->net.prefix_len == b->net.prefix_len && ip_equal(&a->net.ip, &b->net.ip);
	case SLUICE_TEXTS:
		break;
	}
	return false;
}

/* Do two tests of one fact ask the same? `==` and `!=` of one constant ask the same, with other answers. */
static bool same_test(const struct expr *a, const struct expr *b)
{
	if (a->op != b->op || a->count != b->count || a->list != b->list || a->other != b->other)
		return false;
	if (a->op == EXPR_COMPARE && a->compare != b->compare && !(a->compare <= NE && b->compare <= NE))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_constant(&a->constants[i], &b->constants[i]))
			return false;
	return true;
}

/* NO and YES of a known value exchanged for `!=`, so that same_test() can be told apart from its opposite. */
static unsigned as_equal(const struct expr *e, unsigned wanted)
{
	if (e->op != EXPR_COMPARE || e->compare != NE)
		return wanted;
	return (wanted & UNKNOWN) | (wanted & YES ? NO : 0) | (wanted & NO ? YES : 0);
}

static uint64_t words_of(const struct expr *e)
{
	uint64_t words = 0;

	if (e->op == EXPR_TRUE)
		return 2;
	for (size_t i = 0; i < e->count; i++)
		words |= UINT64_C(1) << (e->constants[i].value.type == SLUICE_BOOL ? e->constants[i].value.yes : e->constants[i].value.number & 63);
	return words;
}

static bool has_words(const struct expr *e)
{
	if (e->op == EXPR_TRUE)
		return true;
	return (e->op == EXPR_COMPARE || e->op == EXPR_IN_SET) && e->count &&
	       (e->constants->value.type == SLUICE_BOOL || (e->constants->value.type == SLUICE_ENUM && e->constants->value.number < 64));
}

static bool has_number(const struct expr *e)
{
	return (e->op == EXPR_COMPARE || e->op == EXPR_IN_SET) && e->count && (e->constants->value.type == SLUICE_INT || e->constants->value.type == SLUICE_MILLI);
}

static void limit_low(struct domain *d, int64_t low)
{
	d->low = low > d->low ? low : d->low;
}

static void limit_high(struct domain *d, int64_t high)
{
	d->high = high < d->high ? high : d->high;
}

/* What the number may be when the comparison holds. */
static void limit_number(struct domain *d, enum compare how, int64_t n)
{
	switch (how) {
	case EQ:
		limit_low(d, n);
		limit_high(d, n);
		break;
	case NE: /* a hole in a range is a hole only where the range is but this number */
		if (d->low == n && d->high == n)
			d->empty = true;
		break;
	case LT:
		limit_high(d, n - 1);
		break;
	case LE:
		limit_high(d, n);
		break;
	case GT:
		limit_low(d, n + 1);
		break;
	case GE:
		limit_low(d, n);
		break;
	}
}

/* The number is one of a set: the range from the least to the greatest has room for more, which does no harm. */
static void limit_to_set(struct domain *d, const struct expr *e)
{
	int64_t low = INT64_MAX, high = INT64_MIN;

	for (size_t i = 0; i < e->count; i++) {
		low = e->constants[i].value.number < low ? e->constants[i].value.number : low;
		high = e->constants[i].value.number > high ? e->constants[i].value.number : high;
	}
	limit_low(d, low);
	limit_high(d, high);
}

static enum compare opposite(enum compare how)
{
	static const enum compare of[] = { [EQ] = NE, [NE] = EQ, [LT] = GE, [LE] = GT, [GT] = LE, [GE] = LT };

	return of[how];
}

/* Of a known value: what the test leaves of it. */
static void limit_known(struct domain *d, const struct test *t)
{
	unsigned known = t->wanted & (NO | YES);

	if (t->e->op == EXPR_KNOWN)
		d->empty |= !(known & YES);
	else if (known == 0)
		d->empty = true;
	else if (known == (NO | YES))
		return;
	else if (has_words(t->e))
		d->words &= (t->e->compare == NE && t->e->op == EXPR_COMPARE) == (known == YES) ? ~words_of(t->e) : words_of(t->e);
	else if (has_number(t->e) && t->e->op == EXPR_IN_SET && known == YES)
		limit_to_set(d, t->e);
	else if (has_number(t->e) && t->e->op == EXPR_IN_SET)
		for (size_t i = 0; i < t->e->count; i++)
			limit_number(d, NE, t->e->constants[i].value.number);
	else if (has_number(t->e))
		limit_number(d, known == YES ? t->e->compare : opposite(t->e->compare), t->e->constants->value.number);
}

/* Two tests of one text: they ask the same and want other answers, or it is to be two things at once. */
static bool exclude(const struct test *a, const struct test *b)
{
	bool both_equal = a->e->op == EXPR_COMPARE && b->e->op == EXPR_COMPARE && a->e->count && b->e->count &&
			  as_equal(a->e, a->wanted) == YES && as_equal(b->e, b->wanted) == YES && a->e->constants->value.type != SLUICE_IP;

	if (same_test(a->e, b->e))
		return !(as_equal(a->e, a->wanted) & as_equal(b->e, b->wanted) & (NO | YES));
	return both_equal && !has_number(a->e) && !same_constant(a->e->constants, b->e->constants);
}

/* Has the fact of the last test a value that suits all that were chosen? */
static bool suits(const struct search *s)
{
	const struct test *last = &s->tests[s->count - 1];
	struct domain d = { .unknown = true, .words = UINT64_MAX, .low = INT64_MIN, .high = INT64_MAX };

	for (int round = 0; round < 2; round++) /* a hole counts once the range is known */
		for (size_t i = 0; i < s->count; i++) {
			const struct test *t = &s->tests[i];

			if (t->e->fact != last->e->fact)
				continue;
			d.unknown &= (t->wanted & (t->e->op == EXPR_KNOWN ? NO : UNKNOWN)) != 0;
			limit_known(&d, t);
			d.empty |= t != last && t->e->op != EXPR_KNOWN && last->e->op != EXPR_KNOWN && exclude(t, last);
		}
	return d.unknown || (!d.empty && d.words && d.low <= d.high);
}

/* ---- the search ---- */

static bool search(struct search *s, const struct goal *goals);

static bool choose(struct search *s, const struct expr *e, unsigned wanted, const struct goal *rest)
{
	bool possible;

	if (s->count == TESTS_MAX)
		return true;
	s->tests[s->count++] = (struct test){ e, wanted };
	possible = suits(s) && search(s, rest);
	s->count--;
	return possible;
}

static unsigned turned(unsigned wanted)
{
	return (wanted & UNKNOWN) | (wanted & YES ? NO : 0) | (wanted & NO ? YES : 0);
}

/*
 * `and` is the lesser of its sides, `or` the greater. Where the wanted values reach up to the top, both sides of an `and` must be in
 * them; where they reach down to the bottom, one side is enough. (UNKNOWN alone is wanted of nothing.)
 */
static bool take_apart(struct search *s, const struct goal *g)
{
	const struct expr *e = g->e;
	bool both = e->op == EXPR_AND ? (g->wanted & YES) != 0 : (g->wanted & NO) != 0;
	struct goal second = { e->b, g->wanted, g->next }, first = { e->a, g->wanted, both ? &second : g->next };

	return search(s, &first) || (!both && search(s, &second));
}

static bool search(struct search *s, const struct goal *goals)
{
	struct goal child;

	if (!goals || *s->effort == 0)
		return true;
	--*s->effort;
	if (goals->wanted == (NO | UNKNOWN | YES))
		return search(s, goals->next);
	switch (goals->e->op) {
	case EXPR_AND:
	case EXPR_OR:
		return take_apart(s, goals);
	case EXPR_NOT:
		child = (struct goal){ goals->e->a, turned(goals->wanted), goals->next };
		return search(s, &child);
	case EXPR_TRUE:
	case EXPR_COMPARE:
	case EXPR_IN_LIST:
	case EXPR_IN_SET:
	case EXPR_MATCHES:
	case EXPR_CONTAINS:
	case EXPR_KNOWN:
		break;
	}
	return choose(s, goals->e, goals->wanted, goals->next);
}

bool proof_possible(const struct expr *holds, const struct expr *does_not, unsigned *effort)
{
	const struct goal second = { does_not, NO | UNKNOWN, NULL }, first = { holds, YES, &second };
	struct search s = { .effort = effort };

	if (!does_not)
		return false;
	return search(&s, holds ? &first : &second);
}

bool proof_can_hold(const struct expr *holds, unsigned *effort)
{
	const struct goal first = { holds, YES, NULL };
	struct search s = { .effort = effort };

	return !holds || search(&s, &first);
}

bool proof_possible_with(const struct expr *holds, unsigned fact, bool yes, unsigned *effort)
{
	const struct expr test = { .op = EXPR_TRUE, .fact = fact, .other = -1 };
	const struct goal second = { &test, yes ? YES : NO, NULL }, first = { holds, YES, &second };
	struct search s = { .effort = effort };

	return search(&s, holds ? &first : &second);
}
