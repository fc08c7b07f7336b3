/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_servers.h - sends a request to the server that has its key: one server, the primary that sentinels name, or one of a Cluster's.
 *
 * A request is answered within timeout_ms of redis_servers_run(), once. One that was under way when its connection was lost fails: nobody
 * knows whether it was run, and nothing is run twice. One that no server has run (MOVED, ASK, TRYAGAIN, CLUSTERDOWN; of Sentinel and Cluster
 * also READONLY and LOADING) is sent again until its time is up. While there is no connection a request to one server fails at once, but for the first one that is being made; behind
 * Sentinel and of a Cluster another server is about to take over: it waits, but only so long after the loss as another one may be expected.
 *
 * A connection that failed is made anew after 100 ms, then ever later: 10 s at most with one server, 1 s otherwise. On the reactor's
 * thread only, but for redis_servers_new(), _free() and _counts().
 */
#ifndef SERVICES_REDIS_SERVERS_H
#define SERVICES_REDIS_SERVERS_H

#include "filter/base/err.h"
#include "filter/services/redis_link.h"

#define REDIS_SERVERS_MAX 1000 /* of a Cluster that are known at once */

enum redis_kind { REDIS_ONE, REDIS_SENTINELS, REDIS_CLUSTER };

struct redis_servers;
struct redis_servers_settings { /* texts are borrowed */
	struct redis_link_settings link; /* its role is not looked at */
	enum redis_kind kind;
	const char *const *servers; /* the one; the sentinels; some of the Cluster's */
	size_t server_count;
	int64_t takeover_ms; /* so long after a loss do requests wait for another server; 0: 15 s */
	const char *master, *sentinel_user, *sentinel_password;
	/* Not all works any more, with why; or all works again. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

struct redis_request {
	struct redis_command command; /* first; its replied() and sent are not the caller's */
	int slot;                     /* of redis_slot(), or -1: any server */
	struct redis_script *script;  /* NULL: a plain command; else argv[0] and [1] are filled in here: EVALSHA where the server knows it */
	/* Once. reply NULL: there is no answer, with why (static). The request may be freed in it. */
	void (*answered)(struct redis_request *q, const redisReply *reply, const char *why);
	/* private: */
	struct redis_servers *servers;
	struct redis_request *next, *before;                   /* of those not answered, in the order of their time */
	struct redis_request *next_waiting, *before_waiting; /* of those that are to be sent (again) */
	bool waiting, whole, fixed;                            /* whole: sent as EVAL; fixed: to this node only */
	unsigned redirects;
	int64_t deadline_ms;
	struct redis_node *node; /* where it was sent last */
	unsigned connection;     /* and on which of its connections */
};

struct redis_servers_counts {
	uint64_t moved, ask, later, lost; /* answers MOVED, ASK, and those to try again later; requests under way when a connection was lost */
};

/* Servers are connected to at once. NULL with *reterr: no memory. */
struct redis_servers *redis_servers_new(const struct redis_servers_settings *settings, struct err *reterr);
/* What is not answered yet is answered with NULL before. Takes NULL. */
void redis_servers_free(struct redis_servers *s);
void redis_servers_run(struct redis_servers *s, struct redis_request *q);
/* How many servers have keys now; and ask one of these, by its index. */
size_t redis_servers_count(const struct redis_servers *s);
void redis_servers_run_on(struct redis_servers *s, size_t index, struct redis_request *q);
struct redis_servers_counts redis_servers_counts(struct redis_servers *s); /* any thread */

#endif
