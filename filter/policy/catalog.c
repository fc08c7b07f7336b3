/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/catalog.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "filter/base/suggest.h"

#define FIRST_PLACES 64 /* a power of two; at most half of them are taken */

/* Names are of plugins and of the configuration, which nobody gives to do harm: FNV-1a. */
static size_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return (size_t)(hash ^ hash >> 32);
}

/* The place of this name, or the free one where it belongs. */
static size_t place_of_name(const struct catalog *c, const char *name)
{
	size_t at = hash_of(name);

	for (;; at++) {
		at &= c->place_count - 1;
		if (!c->places[at] || !strcmp(c->facts.items[c->places[at] - 1].name, name))
			return at;
	}
}

static bool make_places(struct catalog *c)
{
	size_t count = c->place_count ? 2 * c->place_count : FIRST_PLACES;
	unsigned *places = calloc(count, sizeof *places);

	if (!places)
		return false;
	free(c->places);
	c->places = places;
	c->place_count = count;
	for (size_t i = 0; i < c->facts.len; i++)
		c->places[place_of_name(c, c->facts.items[i].name)] = (unsigned)i + 1;
	return true;
}

bool catalog_add(struct catalog *c, const struct catalog_fact *fact)
{
	if (2 * (c->facts.len + 1) > c->place_count && !make_places(c))
		return false;
	if (!vec_push(&c->facts, *fact))
		return false;
	c->places[place_of_name(c, fact->name)] = (unsigned)c->facts.len;
	return true;
}

void catalog_done(struct catalog *c)
{
	vec_done(&c->facts);
	vec_done(&c->plugins);
	free(c->places);
	c->places = NULL;
	c->place_count = 0;
}

int catalog_find(const struct catalog *c, const char *name)
{
	return c->place_count ? (int)c->places[place_of_name(c, name)] - 1 : -1;
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
