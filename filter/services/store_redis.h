/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_redis.h - the store of several machines: one Redis (5.0 or later).
 *
 * Each operation is one command or one script, sent at once and answered in order; time is the server's. While there is no
 * connection every operation fails at once; connecting is tried again after 100 ms, then ever later, 10 s at most. A server
 * that does not answer within timeout_ms is left, and connected to anew.
 */
#ifndef SERVICES_STORE_REDIS_H
#define SERVICES_STORE_REDIS_H

#include "filter/base/err.h"
#include "filter/services/reactor.h"
#include "filter/services/redis_tls.h"
#include "filter/services/store.h"

struct store_redis_settings {
	struct reactor *reactor;
	const char *server;   /* HOST:PORT, [IPV6]:PORT, or the absolute path of a unix socket */
	const char *prefix;   /* of all keys, "sluice" */
	const char *user;     /* "" for none; with a password alone the server's default user is meant */
	const char *password; /* "" for none; shown to nobody */
	int64_t database;     /* SELECT; 0 needs none */
	bool tls;             /* as redis_tls.h; not for a unix socket */
	struct redis_tls_settings tls_files; /* used in store_redis_open() only */
	int64_t timeout_ms;   /* for an answer, and for a connection */
	/* The store has stopped working, with why; or works again. On the reactor's thread. May be NULL. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

/* A server that cannot be reached is no error here. NULL with *reterr: a bad `server`, files of TLS that cannot be used, no memory. */
struct store *store_redis_open(const struct store_redis_settings *settings, struct err *reterr);

#endif
