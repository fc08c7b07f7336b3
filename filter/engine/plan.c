/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/plan.h"

#include <string.h>

#include "filter/engine/core_facts.h"

static uint64_t bit(size_t check)
{
	return UINT64_C(1) << check;
}

static void add_rule(struct plan *plan, const struct catalog *c, const struct rule *rule)
{
	plan->judges[rule->stage] = true;
	plan->refuses[rule->stage] |= rule->action == RULE_TEMPFAIL || rule->action == RULE_REJECT;
	for (size_t i = 0; i < rule->fact_count; i++) {
		unsigned check = c->facts.items[rule->facts[i]].check;

		if (check != CATALOG_NO_CHECK)
			plan->awaited[rule->stage] |= bit(check);
		plan->needs_body |= rule->facts[i] == CORE_MESSAGE_SIZE;
		plan->needs_unknown |= rule->facts[i] == CORE_UNKNOWN_COMMANDS;
	}
}

void plan_build(struct plan *plan, const struct registry *r, const struct policy *p, bool all)
{
	uint64_t needed = 0;

	*plan = (struct plan){ .authres = p->settings.authentication_results };
	for (size_t i = 0; i < p->rules.len; i++)
		add_rule(plan, &r->catalog, &p->rules.items[i]);
	for (size_t i = 0; i < r->checks.len; i++) {
		const struct sluice_check *check = r->checks.items[i].check;

		if (check->stage == SLUICE_STAGE_PROBE)
			plan->start[SLUICE_STAGE_PROBE] |= bit(i);
		else if (all)
			plan->awaited[check->stage == SLUICE_STAGE_RCPT ? SLUICE_STAGE_RCPT : SLUICE_STAGE_MESSAGE] |= bit(i);
		else if (check->authres && plan->authres)
			plan->awaited[SLUICE_STAGE_MESSAGE] |= bit(i);
	}
	for (size_t stage = 0; stage < SLUICE_STAGES; stage++)
		needed |= plan->awaited[stage];
	for (size_t i = 0; i < r->checks.len; i++)
		if (needed & bit(i))
			plan->start[r->checks.items[i].check->stage] |= bit(i);
}
