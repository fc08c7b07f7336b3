/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * servers.h - questions to the first of several servers that works, on a connection for each: what clamd.c and exchange.c have in common.
 * A server that cannot be reached, breaks off, says nonsense, or is silent five times in a row is passed over for a while that doubles
 * from 1 s to 10 s, and whether it works is told to the health of "NAME ADDRESS". 32 connections are open at most; the rest waits its
 * turn. All of it is done on the reactor's thread.
 */
#ifndef SERVICES_SERVERS_H
#define SERVICES_SERVERS_H

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "filter/services/health.h"
#include "filter/services/reactor.h"
#include "plugins/plugin.h"

#define SERVERS_WHY_MAX 400

struct servers;
struct servers_host { /* of the daemon */
	struct reactor *reactor;
	struct health *health;
};

/* The head of what a protocol knows of a question. The protocol sets the first three, and may read the others. */
struct question {
	struct servers *servers;
	const char *bytes; /* what is asked about; they live as long as the question */
	size_t len;

	size_t server;            /* the index of the one at hand, or the first that is yet to be tried */
	struct bufferevent *link; /* to it; NULL: there is none yet */
	/* private: */
	struct question *next, **at; /* the list that it is in, in the order of asking */
	struct event *timer;         /* its deadline */
	struct evbuffer *heard;      /* of this link */
	char why[SERVERS_WHY_MAX];   /* what the last server did that could not answer */
};

enum servers_failure { SERVERS_FAILED, SERVERS_TIMEOUT };

/* What happens to a question; on the reactor's thread. A function that ends it or sends it on says so: it is then not touched again. */
struct servers_protocol {
	size_t reply_max; /* octets */
	bool to_the_end;  /* a reply ends where the connection does: heard() is called once */
	/* There is a server that works, and no link to it. False: the question has ended, and needs none. May be NULL. */
	bool (*begin)(struct question *q);
	/* The link has been opened: tell the server. False: it takes no question. */
	bool (*tell)(struct question *q);
	/* All that was written is on its way. May be NULL. */
	void (*written)(struct question *q);
	/* What has come so far; last: there will be no more. False: that is no whole reply. True: it has ended, or goes on. */
	bool (*heard)(struct question *q, const char *bytes, size_t len, bool last);
	/* There is no answer: tell who has asked, and free the question. */
	void (*failed)(struct question *q, enum servers_failure failure, const char *why);
	/* That server is passed over from now on. May be NULL. */
	void (*down)(void *owner, size_t server);
	/* Nobody refers to the servers any more. */
	void (*free)(void *owner);
};

/* Addresses are copied, and can be read. owner is the protocol's, and handed to it. NULL: no memory, and owner is still the caller's. */
struct servers *servers_new(const struct servers_host *host, const struct servers_protocol *protocol, void *owner, const char *name,
	const char *const *addresses, int64_t timeout_ms);
/* Are they of this protocol, and with these settings? */
bool servers_are(const struct servers *s, const struct servers_protocol *protocol, const char *const *addresses, int64_t timeout_ms);
void *servers_owner(const struct servers *s);
struct servers *servers_ref(struct servers *s);
/* All that is asked fails from now on. Not on the reactor's thread. Takes NULL. */
void servers_stop(struct servers *s);
/* The last one stops them. Not on the reactor's thread. Takes NULL. */
void servers_unref(struct servers *s);

/* The pieces of what is asked about, one behind the other: how many octets, and a copy with a NUL after it; NULL: no memory. */
size_t servers_length(const struct sluice_text *pieces, size_t count);
char *servers_copy(const struct sluice_text *pieces, size_t count);

/* Ask: it ends in failed(), or in servers_end(). False: no memory, and it is still the caller's. Any thread. */
bool servers_ask(struct question *q);

/* ---- for a protocol, about a question that is under way ---- */

bool servers_is_unix(const struct question *q); /* is the server at hand on this machine, behind a unix socket? */
/* It has its answer: from here on it is the protocol's alone. */
void servers_end(struct question *q);
/* Its server works. */
void servers_well(struct question *q);
/* What was said on this link is done: begin() again, with the same server. */
void servers_again(struct question *q);
/* This server has no answer to it: another one may. */
void servers_next(struct question *q, const char *why);
/* The same, and it is passed over for a while. */
void servers_lose(struct question *q, const char *why);

#endif
