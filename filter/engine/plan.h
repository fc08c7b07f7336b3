/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h - what a policy needs, computed when it is loaded: which checks run, when each is waited for, and which of the
 * MTA's events and of our replies can be done without. Masks have one bit for each check of the registry.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/engine/registry.h"
#include "filter/policy/policy.h"

struct plan {
	uint64_t start[SLUICE_STAGES + 1];    /* checks that begin at this stage; PROBE too */
	uint64_t awaited[SLUICE_STAGES];      /* checks whose facts the rules of this stage read */
	uint64_t costly;                      /* checks of MESSAGE that run when a rule is not decided without them */
	uint64_t fed;                         /* checks that see the message as it comes */
	bool keeps_body;                      /* there are checks that look at it when it has come */
	bool judges[SLUICE_STAGES];           /* has rules */
	bool refuses[SLUICE_STAGES];          /* has rules that can refuse */
	int demanded[RULE_ACTIONS];           /* the check that an action runs; -1: none */
	int blocked[RULE_ACTIONS];            /* its fact NAME.blocked; -1: none */
	bool holds;                           /* has rules that hold mail */
	bool changes;                         /* has rules that change the body */
	bool redirects, adds;                 /* has rules that take recipients away, that add some */
	bool each;                            /* has rules that are judged at the end for each recipient */
	uint64_t rejected;                    /* of those that begin at RCPT: run for recipients that the MTA refuses */
	bool authres;                         /* headers are looked at and ours is added */
	bool needs_body, needs_unknown;       /* events of which a fact is read, or that a check is fed */
};

/*
 * states: of the plugins, by index of the catalog; a check may want to run because of its settings.
 * all: every check runs, and is waited for (sluicectl check --all).
 */
void plan_build(struct plan *plan, const struct registry *r, const struct policy *p, void *const *states, bool all);
/* Do its settings want this check to run, whatever the policy reads? */
bool plan_wants(const struct registry_check *check, void *const *states);

#endif
