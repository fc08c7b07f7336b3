/* SPDX-License-Identifier: BSD-2-Clause */
/* assertion.h - playing what a configuration asserts. */
#ifndef ENGINE_ASSERTION_H
#define ENGINE_ASSERTION_H

#include "filter/engine/snapshot.h"

/*
 * Play all assertions of the snapshot's policy, without network and store: a question of the DNS or of the store has no answer,
 * but for the facts that an assertion gives. 0; -EINVAL with *reterr for the first that does not hold, -ENOMEM.
 */
int assertion_play(struct snapshot *s, struct err *reterr) SLUICE_MUST_USE;

#endif
