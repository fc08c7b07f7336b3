/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_sentinels.h - asks sentinels which server is the primary: one of them at a time, the next one when it does not answer; every second,
 * and more often while a primary is looked for. On the reactor's thread only.
 */
#ifndef SERVICES_REDIS_SENTINELS_H
#define SERVICES_REDIS_SENTINELS_H

#include "filter/services/redis_link.h"

struct redis_sentinels;
struct redis_sentinels_settings {
	struct redis_link_settings link; /* its role, scripts, database and timeout are not looked at */
	const char *const *servers;      /* as of redis_server_read(); borrowed, as all texts are */
	size_t server_count;             /* 1 or more */
	const char *master;              /* the name that the sentinels know the primary and its replicas by */
	void (*found)(void *arg, const char *server); /* with each answer: the same as before, or another one */
	void (*failed)(void *arg, const char *why);   /* none of them has an answer */
	void *arg;
};

/* Nothing is asked before redis_sentinels_hurry() is told. NULL: no memory. */
struct redis_sentinels *redis_sentinels_new(const struct redis_sentinels_settings *settings);
/* The primary is gone, or has been found and works. Before found() and failed() return, too. */
void redis_sentinels_hurry(struct redis_sentinels *s, bool hurry);
void redis_sentinels_free(struct redis_sentinels *s); /* takes NULL */

#endif
