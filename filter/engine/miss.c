/* SPDX-License-Identifier: BSD-2-Clause */
/* miss.c - rules that were looked at and did not match: what the case says of them. */
#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"

#define MISSES_MAX 512 /* of one message; for recipients beyond it they are kept while that one is judged */

struct collected {
	struct dialogue *d;
	struct miss *miss;
};

static int add_fact(void *arg, unsigned fact, struct place at)
{
	struct collected *c = arg;
	struct miss *m = c->miss;

	(void)at;
	for (size_t i = 0; i < m->count; i++)
		if (m->facts[i] == fact)
			return 0;
	if (m->count < MISS_FACTS) {
		m->facts[m->count] = fact;
		m->values[m->count++] = c->d->session->facts[fact];
	}
	return 0;
}

/* In another role than that of its block nobody looks at it. */
static bool is_in_role(const struct dialogue *d, const struct rule *rule)
{
	return !rule->roles || expr_eval(rule->roles, d->session->facts) == TRUTH_YES;
}

void miss_note(struct dialogue *d, const struct rule *rule, enum case_miss why)
{
	struct miss m = { .rule = rule, .scope = stage_scope(rule->stage), .why = why, .recipient = stage_recipient(d, rule) };
	struct collected c = { d, &m };

	if (!d->engine->on_case || !is_in_role(d, rule))
		return;
	switch (why) {
	case CASE_MISS_CONDITION:
		(void)expr_each_fact(expr_failed(rule->when, d->session->facts), add_fact, &c);
		break;
	case CASE_MISS_CHECK:
		(void)add_fact(&c, (unsigned)d->plan->blocked[rule->action], rule->place);
		break;
	case CASE_MISS_LIMIT:
		if (d->session->facts[CORE_LIMIT_ERROR].known)
			(void)add_fact(&c, CORE_LIMIT_ERROR, rule->place);
		break;
	case CASE_MISS_SAMPLE:
		break;
	}
	if (!vec_push(&d->misses, m))
		d->fault = true;
}

void miss_recipient_begins(struct dialogue *d)
{
	d->misses_before = d->misses.len;
}

void miss_recipient_over(struct dialogue *d)
{
	if (d->misses.len > MISSES_MAX)
		d->misses.len = d->misses_before;
}
