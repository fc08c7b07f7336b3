/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern.h - the check that looks for the patterns of the policy: of the core, as the facts are made by the policy. */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "plugins/plugin.h"

extern const struct sluice_plugin pattern_plugin;

#endif
