/* SPDX-License-Identifier: BSD-2-Clause */
/* builtin.h - the plugins that are linked in: a table that the build makes. */
#ifndef ENGINE_BUILTIN_H
#define ENGINE_BUILTIN_H

#include "plugins/plugin.h"

extern const struct sluice_plugin *const builtin_plugins[]; /* NULL-terminated */

#endif
