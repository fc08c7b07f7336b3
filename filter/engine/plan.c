/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/plan.h"

#include <stdio.h>
#include <string.h>

#include "filter/engine/core_facts.h"

static uint64_t bit(size_t check)
{
	return UINT64_C(1) << check;
}

static int find_check(const struct registry *r, const char *name)
{
	for (size_t i = 0; i < r->checks.len; i++)
		if (!strcmp(r->checks.items[i].check->name, name))
			return (int)i;
	return -1;
}

static void find_demanded(struct plan *plan, const struct registry *r)
{
	for (enum rule_action a = RULE_ACCEPT; a < RULE_ACTIONS; a++) {
		char fact[64];

		plan->demanded[a] = plan->blocked[a] = -1;
		if (!rule_action_checks[a])
			continue;
		(void)snprintf(fact, sizeof fact, "%s.blocked", rule_action_checks[a]);
		plan->demanded[a] = find_check(r, rule_action_checks[a]);
		plan->blocked[a] = catalog_find(&r->catalog, fact);
	}
}

/* What the action runs looks at facts, and these are waited for as if the rule read them. */
static void add_demand(struct plan *plan, const struct registry *r, int demanded, enum sluice_stage stage)
{
	if (demanded < 0)
		return;
	plan->keeps_body |= r->checks.items[demanded].check->body;
	if (r->checks.items[demanded].check->feed)
		plan->fed |= bit((size_t)demanded); /* its rule may match, at the end of the message */
	plan->awaited[stage] |= r->checks.items[demanded].after;
}

/* Whoever waits for a check waits for those whose facts it reads. */
static void add_read(struct plan *plan, const struct registry *r, size_t stage)
{
	uint64_t checks = plan->awaited[stage];

	for (size_t i = 0; i < r->checks.len; i++)
		if (checks & bit(i))
			plan->awaited[stage] |= r->checks.items[i].after;
}

/* The costly ones that no other check reads; whose facts these look at is waited for before any is asked for. */
static void add_costly(struct plan *plan, const struct registry *r)
{
	for (size_t stage = 0; stage < SLUICE_STAGES; stage++) {
		add_read(plan, r, stage);
		plan->costly &= ~plan->awaited[stage];
	}
	for (size_t i = 0; i < r->checks.len; i++)
		if (plan->costly & bit(i))
			plan->awaited[SLUICE_STAGE_MESSAGE] |= r->checks.items[i].after;
	plan->costly &= ~plan->awaited[SLUICE_STAGE_MESSAGE];
}

/* May it take a recipient off a message that others get? See recipients.c. */
static bool takes_away(const struct rule *rule, int64_t disagree)
{
	if (rule->action == RULE_REDIRECT)
		return true;
	return rule->each && (rule->action == RULE_DISCARD || (rule->action == RULE_REJECT && disagree == DISAGREE_REMOVE));
}

static void add_action(struct plan *plan, const struct registry *r, const struct rule *rule, const struct settings *s)
{
	plan->refuses[rule->stage] |= rule->action == RULE_TEMPFAIL || rule->action == RULE_REJECT || rule_action_checks[rule->action];
	plan->changes |= rule->action == RULE_REPLACE || rule->action == RULE_APPEND;
	plan->keeps_body |= plan->changes;
	plan->holds |= rule->action == RULE_HOLD || rule->action == RULE_REPLACE; /* what cannot be taken out is held */
	plan->redirects |= takes_away(rule, s->recipients_disagree);
	plan->adds |= rule->action == RULE_REDIRECT || rule->action == RULE_ADD;
	add_demand(plan, r, plan->demanded[rule->action], rule->stage);
	if (rule->action == RULE_GREYLIST) { /* the null reverse-path waits until DATA: callbacks end before it */
		add_demand(plan, r, plan->demanded[RULE_GREYLIST], SLUICE_STAGE_DATA);
		plan->judges[SLUICE_STAGE_DATA] = plan->refuses[SLUICE_STAGE_DATA] = true;
	}
}

static void add_rule(struct plan *plan, const struct registry *r, const struct rule *rule, const struct settings *s)
{
	const struct catalog *c = &r->catalog;

	plan->judges[rule->stage] = true;
	plan->each |= rule->each;
	plan->needs_body |= rule->limit && rule->limit->unit == LIMIT_KILOBYTES;
	if (!rule->shadow)
		add_action(plan, r, rule, s);
	for (size_t i = 0; i < rule->fact_count; i++) {
		unsigned check = c->facts.items[rule->facts[i]].check;

		if (check != CATALOG_NO_CHECK && r->checks.items[check].check->costly)
			plan->costly |= bit(check);
		else if (check != CATALOG_NO_CHECK && !r->checks.items[check].check->on_demand)
			plan->awaited[c->facts.items[rule->facts[i]].scope == SCOPE_RCPT ? SLUICE_STAGE_RCPT : rule->stage] |= bit(check);
		plan->needs_body |= rule->facts[i] == CORE_MESSAGE_SIZE;
		plan->needs_unknown |= rule->facts[i] == CORE_UNKNOWN_COMMANDS;
	}
}

bool plan_wants(const struct registry_check *check, void *const *states)
{
	return check->check->wanted && check->check->wanted(states[check->plugin_index]);
}

void plan_build(struct plan *plan, const struct registry *r, const struct policy *p, void *const *states, bool all)
{
	uint64_t needed = 0;

	*plan = (struct plan){ .authres = p->settings.authentication_results };
	find_demanded(plan, r);
	for (size_t i = 0; i < p->rules.len; i++)
		add_rule(plan, r, &p->rules.items[i], &p->settings);
	for (size_t i = 0; i < r->checks.len; i++) {
		const struct sluice_check *check = r->checks.items[i].check;

		if (check->on_demand)
			continue;
		if (check->stage == SLUICE_STAGE_PROBE)
			plan->start[SLUICE_STAGE_PROBE] |= bit(i);
		else if (all)
			plan->awaited[check->stage == SLUICE_STAGE_RCPT ? SLUICE_STAGE_RCPT : SLUICE_STAGE_MESSAGE] |= bit(i);
		else if ((check->authres && plan->authres) || plan_wants(&r->checks.items[i], states))
			plan->awaited[SLUICE_STAGE_MESSAGE] |= bit(i);
	}
	add_costly(plan, r);
	for (size_t stage = 0; stage < SLUICE_STAGES; stage++)
		needed |= plan->awaited[stage];
	for (size_t i = 0; i < r->checks.len; i++) {
		if (!((needed | plan->costly) & bit(i)))
			continue;
		if (needed & bit(i))
			plan->start[r->checks.items[i].check->stage] |= bit(i);
		if (r->checks.items[i].check->rejected)
			plan->rejected |= bit(i);
		if (r->checks.items[i].check->feed)
			plan->fed |= bit(i);
		plan->keeps_body |= r->checks.items[i].check->body;
	}
	plan->needs_body |= plan->fed || plan->keeps_body;
}
