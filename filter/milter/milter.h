/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter.h - the edge: the milter protocol on one side, dialogues on the other. The only folder that speaks it, and that speaks SMTP replies.
 *
 * Connections wait in one epoll set, and cost no thread while the MTA is silent. What comes from one is heard by one of a few workers, one at a
 * time for each connection. A worker that has to wait for answers says so, and another takes its place.
 */
#ifndef MILTER_MILTER_H
#define MILTER_MILTER_H

#include "filter/base/err.h"
#include "filter/engine/dialogue.h"
#include "filter/observe/log.h"
#include "filter/observe/metrics.h"

#define MILTER_IDLE_MS      7210000 /* that a connection may be silent: an SMTP session may be idle, and MTAs have 2 hours */
#define MILTER_NEGOTIATE_MS 30000   /* for the whole of the first packet */
#define MILTER_WORKERS_MAX  4096    /* threads; who comes then waits until one is free */

struct edge {
	struct engine *engine; /* its `pause` is the edge's */
	struct metrics *metrics;
	struct log *log;
	struct snapshot *(*snapshot)(void *arg); /* the one to begin with, a reference; any thread */
	void *arg;
};

struct milter;

/*
 * Open the socket: unix:PATH (mode in octal digits as written, group or ""), inet:PORT@ADDRESS, inet6:PORT@ADDRESS. inherited: the socket, where
 * it is open already; -1: it is not. edge must live until milter_free() has returned true. NULL with *reterr.
 */
struct milter *milter_open(struct edge *edge, const struct settings *settings, int inherited, struct err *reterr) SLUICE_MUST_USE;
/* Begin to serve, with threads that have the signal mask of the caller's. 0, -errno. */
int milter_start(struct milter *m) SLUICE_MUST_USE;
/* The listening socket, for another process to inherit. */
int milter_socket(const struct milter *m);
/* Another process listens in our place: take no more connections, and serve those that are there until the MTA ends them. */
void milter_retire(struct milter *m);
bool milter_is_idle(struct milter *m); /* are there none? */
/* Take no more connections, and close each as soon as no message is under way on it, and the answer to the last one was sent. */
void milter_close(struct milter *m);
/* Close what is left, and free all; takes NULL. False: a worker has not ended within limit_ms, so that nothing could be freed. */
bool milter_free(struct milter *m, int64_t limit_ms);

#endif
