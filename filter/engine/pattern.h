/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern.h - the check that looks for the patterns of the policy: of the core, as the facts are made by the policy. */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "filter/engine/dialogue.h"

extern const struct sluice_plugin pattern_plugin;

/*
 * What the check finds has been given: the facts of the patterns, which are in no plugin's table, from `given`, by index of the catalog.
 * False: one of them is not known, as for a pattern that is new.
 */
bool pattern_take(struct dialogue *d, const struct value *given);

#endif
