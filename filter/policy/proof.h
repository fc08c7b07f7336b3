/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof.h - what can be said of conditions without facts: can one ever hold, and does one hold whenever another does? What cannot be
 * shown, or not within a bounded effort, counts as possible: a claim of these functions is never wrong. Pure.
 */
#ifndef POLICY_PROOF_H
#define POLICY_PROOF_H

#include "filter/policy/expr.h"

/*
 * A condition that is NULL always holds. effort: steps that are left for this and for later questions; when they are used up
 * everything is possible.
 */
bool proof_can_hold(const struct expr *e, unsigned *effort);
/* Can the one hold while the other does not (is false, or unknown)? */
bool proof_possible(const struct expr *holds, const struct expr *does_not, unsigned *effort);
/* Can it hold when a fact of type bool has this value? */
bool proof_possible_with(const struct expr *holds, unsigned fact, bool yes, unsigned *effort);

#endif
