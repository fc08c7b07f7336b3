/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/catalog.h"

#include <string.h>

#include "config.h"
#include "filter/base/suggest.h"

int catalog_find(const struct catalog *c, const char *name)
{
	for (size_t i = 0; i < c->facts.len; i++)
		if (!strcmp(c->facts.items[i].name, name))
			return (int)i;
	return -1;
}

const char *catalog_suggest(const struct catalog *c, const char *name)
{
	struct suggest s = suggest_for(name, strlen(name));

	for (size_t i = 0; i < c->facts.len; i++)
		suggest_try(&s, c->facts.items[i].name);
	return s.best;
}

int catalog_plugin(const struct catalog *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->plugins.len; i++)
		if (strlen(c->plugins.items[i]->name) == len && !memcmp(c->plugins.items[i]->name, name, len))
			return (int)i;
	return -1;
}

bool catalog_is_shared(const char *name, size_t len)
{
	static const char *const shared[] = { SHARED_PLUGINS NULL };

	for (size_t i = 0; shared[i]; i++)
		if (strlen(shared[i]) == len && !memcmp(shared[i], name, len))
			return true;
	return false;
}

bool catalog_lacks(const struct catalog *c, const char *name, size_t len)
{
	return catalog_is_shared(name, len) && catalog_plugin(c, name, len) < 0;
}
