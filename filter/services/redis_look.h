/* SPDX-License-Identifier: BSD-2-Clause */
/* redis_look.h - looks through the keys of a Redis, or through a set there, page by page: store_each() and store_members(). */
#ifndef SERVICES_REDIS_LOOK_H
#define SERVICES_REDIS_LOOK_H

#include "filter/services/redis_servers.h"
#include "filter/services/store.h"

int redis_look_each(struct redis_servers *servers, struct reactor *reactor, const char *prefix, enum sluice_store_verb verb, const char *key_prefix,
	size_t limit, int64_t timeout_ms, void (*row)(void *arg, const struct store_row *row), void *arg);
int redis_look_members(struct redis_servers *servers, struct reactor *reactor, const char *key, size_t limit, int64_t timeout_ms,
	void (*member)(void *arg, const char *bytes, size_t len), void *arg);

#endif
