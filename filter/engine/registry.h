/* SPDX-License-Identifier: BSD-2-Clause */
/* registry.h - which checks and facts there are: those of the core, those linked in, and plugins that were loaded. */
#ifndef ENGINE_REGISTRY_H
#define ENGINE_REGISTRY_H

#include "filter/base/err.h"
#include "filter/base/vec.h"
#include "filter/policy/catalog.h"
#include "plugins/plugin.h"

#define REGISTRY_MAX_CHECKS (SLOTS_MAX_WAITERS - 1)
#define REGISTRY_JUDGE      REGISTRY_MAX_CHECKS /* the last waiter is whoever judges */

struct registry_check {
	const struct sluice_check *check;
	const struct sluice_plugin *plugin;
	unsigned plugin_index; /* of the catalog */
	unsigned fact_base;    /* catalog index of the plugin's first fact */
	unsigned outcome_fact; /* NAME.outcome, and NAME.error behind it; a check of PROBE has none */
	enum scope scope;
	uint64_t after; /* the checks whose facts it reads, and those whose facts these read; none that only an action runs */
};

struct registry_made { /* a plugin that another one made of a block */
	const struct sluice_plugin *plugin;
	unsigned plugin_index;
	void *state;
};

struct registry {
	struct catalog catalog; /* the core's facts first, in the order of enum core_fact */
	VEC(struct registry_check) checks;
	VEC(char *) names; /* of the outcome and error facts */
	VEC(struct registry_made) made; /* live as long as the registry */
};

/* The core and what is linked in. NULL: no memory, or a plugin that breaks the rules of plugin.h (*reterr). */
struct registry *registry_new(struct err *reterr);
/*
 * Add a shared plugin: a name, of one in the folder of the build's, where one that is there already is no error; or an absolute path. It is a file of root's or our own that nobody else may write. It stays loaded while
 * the process lives. arg: a struct registry. As policy_host.load_plugin.
 */
int registry_load(void *arg, const char *path, struct err *reterr);
/* Add what a plugin makes of one of its blocks. arg: a struct registry. As policy_host.make_plugin. */
int registry_make(void *arg, const struct sluice_plugin *plugin, const struct sluice_block *block, struct sluice_config_error *reterr);
void registry_free(struct registry *r); /* takes NULL */

#endif
