/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * catalog.h - what a policy may speak of: the facts and the plugins there are. Filled by engine/registry, read here.
 */
#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H

#include "filter/base/vec.h"
#include "filter/observe/case.h"
#include "filter/policy/source.h"
#include "filter/tx/session.h"
#include "plugins/plugin.h"

#define CATALOG_NO_CHECK UINT32_MAX

struct catalog_fact {
	const char *name;
	enum sluice_type type;
	const char *const *words;
	const char *help;
	enum sluice_stage stage; /* the first one at which it can be known */
	enum scope scope;
	unsigned check; /* index of the check that finds it, or CATALOG_NO_CHECK: known by itself */
};

struct catalog {
	VEC(struct catalog_fact) facts; /* added by catalog_add() alone */
	VEC(const struct sluice_plugin *) plugins;
	unsigned *places; /* where a fact is, by the hash of its name: its index and 1; 0: nowhere */
	size_t place_count;
};

/* Add a fact; its name is borrowed. False: no memory. */
bool catalog_add(struct catalog *c, const struct catalog_fact *fact);
void catalog_done(struct catalog *c);
/* Index of a fact, or -1. */
int catalog_find(const struct catalog *c, const char *name);
/* The nearest name, or NULL. */
const char *catalog_suggest(const struct catalog *c, const char *name);
/* Index of a plugin, or -1. */
int catalog_plugin(const struct catalog *c, const char *name, size_t len);
/* Is this one of our own plugins that the build has made a shared object, so that `plugin NAME` has to load it? */
bool catalog_is_shared(const char *name, size_t len);
/* And it was not loaded? */
bool catalog_lacks(const struct catalog *c, const char *name, size_t len);

#endif
