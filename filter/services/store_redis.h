/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_redis.h - the store of several machines: Redis (5.0 or later) as one server, behind Sentinel, or as a Cluster.
 *
 * Each operation is one command or one script on one key, run once or not at all (redis_servers.h says what happens when a server goes away);
 * time is the server's. A server that does not answer within timeout_ms is left, and connected to anew.
 */
#ifndef SERVICES_STORE_REDIS_H
#define SERVICES_STORE_REDIS_H

#include "filter/base/err.h"
#include "filter/services/reactor.h"
#include "filter/services/redis_servers.h"
#include "filter/services/redis_tls.h"
#include "filter/services/store.h"

struct store_redis_settings {
	struct reactor *reactor;
	enum redis_kind kind;
	/* HOST:PORT or [IPV6]:PORT: the sentinels, or some of the Cluster's; or the one server, which may be the absolute path of a unix socket. */
	const char *const *servers;
	size_t server_count;
	const char *master;   /* what the sentinels call it */
	const char *sentinel_user, *sentinel_password; /* as those below */
	const char *prefix;   /* of all keys, "sluice" */
	const char *user;     /* "" for none; with a password alone the server's default user is meant */
	const char *password; /* "" for none; shown to nobody */
	int64_t database;     /* SELECT; of a Cluster 0 */
	bool tls;             /* as redis_tls.h, with sentinels, too; not for a unix socket */
	struct redis_tls_settings tls_files; /* used in store_redis_open() only */
	int64_t timeout_ms;   /* for an answer, and for a connection */
	int64_t takeover_ms;  /* as redis_servers.h; 0: its default */
	/* The store has stopped working, with why; or works again. On the reactor's thread. May be NULL. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

/* Settings that cannot be: -EINVAL with *reterr. Of files and servers nothing is looked at. */
int store_redis_check(const struct store_redis_settings *settings, struct err *reterr);
/* Of settings that are checked. Servers that cannot be reached are no error here. NULL with *reterr: files of TLS that cannot be used, no memory. */
struct store *store_redis_open(const struct store_redis_settings *settings, struct err *reterr);

#endif
