/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_link.h - one connection to one Redis server, or to a sentinel: made, let in (AUTH, SELECT), used, and gone. A server that leaves a
 * command without an answer for timeout_ms is left. Nothing is sent twice. On the reactor's thread only.
 */
#ifndef SERVICES_REDIS_LINK_H
#define SERVICES_REDIS_LINK_H

#include <hiredis/async.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/services/reactor.h"
#include "filter/services/redis_tls.h"

#define REDIS_ARGUMENTS_MAX 10
#define REDIS_SHA_TEXT      41
#define REDIS_SERVER_MAX    300 /* octets of HOST:PORT, with a NUL */
#define REDIS_WHY_MAX       200

struct redis_link;

/* A script, and what a server that has it calls it: "" until one has said so. */
struct redis_script {
	const char *text; /* NULL: none */
	char sha[REDIS_SHA_TEXT];
};

enum redis_role {
	REDIS_ANY,
	REDIS_PRIMARY, /* it has to say that it is one (ROLE) */
	REDIS_SENTINEL,
};

struct redis_link_settings { /* all of it outlives the link */
	struct reactor *reactor;
	enum redis_role role;
	const char *user, *password; /* "" for none */
	int64_t database;
	struct redis_tls *tls; /* NULL: none; not for a unix socket */
	int64_t timeout_ms;    /* for an answer, and until it is ready */
	struct redis_script *scripts; /* loaded once it is ready */
	size_t script_count;
	struct redis_link *links; /* private: all of them, those that were left as well; NULL at first */
};

struct redis_link_owner {
	void (*ready)(void *arg);
	/* It is no more. All that was sent has been answered with NULL before. */
	void (*gone)(void *arg, const char *why);
	void *arg;
};

struct redis_command {
	int argc;
	const char *argv[REDIS_ARGUMENTS_MAX]; /* read by redis_link_send() only */
	size_t lengths[REDIS_ARGUMENTS_MAX];
	/* Once. NULL: the connection is gone, and nobody knows whether the command was run. */
	void (*replied)(struct redis_command *c, const redisReply *reply);
	struct redis_sent *sent; /* the link's; NULL: it is not under way */
};

/* Is it HOST:PORT, [IPV6]:PORT, IPV6:PORT as Redis writes it, or the absolute path of a unix socket? *ret_port 0 and *ret_host the path for that. */
bool redis_server_read(const char *server, char ret_host[REDIS_SERVER_MAX], int *ret_port);

/* server can be read. What comes of it is told to the owner later, never before this returns. NULL: no memory. */
struct redis_link *redis_link_open(struct redis_link_settings *settings, const char *server, const struct redis_link_owner *owner);
/* False: no memory, or it is not ready. asking: with ASKING before it. */
bool redis_link_send(struct redis_link *l, struct redis_command *c, bool asking);
/* What was sent is waited for no longer: replied() is not called. */
void redis_command_forget(struct redis_command *c);
/* The owner hears no more of it. It ends when all that was sent is answered; at_once: that is answered with NULL now. Takes NULL. */
void redis_link_leave(struct redis_link *l, bool at_once);
/* All with these settings, at once. Not from within a reply. */
void redis_link_leave_all(struct redis_link_settings *settings);

#endif
