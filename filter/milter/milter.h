/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter.h - the edge: libmilter's callbacks on one side, dialogues on the other. The only folder that knows libmilter,
 * and that speaks SMTP replies.
 */
#ifndef MILTER_MILTER_H
#define MILTER_MILTER_H

#include "filter/base/err.h"
#include "filter/engine/dialogue.h"
#include "filter/observe/log.h"
#include "filter/observe/metrics.h"

struct edge {
	struct engine *engine;
	struct metrics *metrics;
	struct log *log;
	struct snapshot *(*snapshot)(void *arg); /* the one to begin with, a reference; any thread */
	void *arg;
};

/*
 * Open the socket: unix:PATH (mode in octal digits as written, group or ""), inet:PORT@ADDRESS, inet6:PORT@ADDRESS.
 * edge must live until milter_run() has returned and no connection is open. Once in a process. -errno with *reterr.
 */
int milter_open(struct edge *edge, const struct settings *settings, struct err *reterr) SLUICE_MUST_USE;
/*
 * Serve until milter_stop(), or until libmilter itself takes a SIGTERM, SIGINT or SIGHUP (it waits for them, too). Blocks; on a
 * thread of its own, with all signals blocked but SIGUSR2. False: it failed.
 */
bool milter_run(void);
/*
 * Ask milter_run() to end; it looks every 5 s, or when its thread gets SIGUSR2. Open connections are closed.
 */
void milter_stop(void);

#endif
