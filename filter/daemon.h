/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.h - struct daemon owns all that lives long. The main thread has it: it hears the signals and the control socket;
 * the workers of the milter, the reactor, the probes and the watch over lists have threads of their own.
 */
#ifndef FILTER_DAEMON_H
#define FILTER_DAEMON_H

#include <stdint.h>
#include <sys/types.h>

#include "filter/base/err.h"
#include "filter/base/text.h"

struct daemon;
struct snapshot;
struct held;
struct tracer;

/* Read the configuration, open the sockets, drop root, start the threads. NULL with *reterr and *ret_exit (sysexits(3)). */
struct daemon *daemon_start(const char *config, int *ret_exit, struct err *reterr);
/* Serve until SIGTERM or SIGINT, then let the messages under way end. The exit status. */
int daemon_run(struct daemon *d);
/* Free everything; takes NULL. Does not return when a thread could not be ended: then it exits with the status. */
void daemon_stop(struct daemon *d, int status);

/* ---- for control.c, on the main thread ---- */

/*
 * Read the configuration again and take it; when it is bad nothing changes. guard_ms: for so long the old one is taken back if
 * refusals or faults leave the band seen before; 0: it is not. 0, -errno with *reterr.
 */
int daemon_reload(struct daemon *d, int64_t guard_ms, struct err *reterr);
/*
 * Start the binary that is in the place of ours now, and once it listens, end: with the connections that there are. 0 with its process; -errno
 * with *reterr, and all is as it was.
 */
int daemon_upgrade(struct daemon *d, pid_t *ret_pid, struct err *reterr);
const struct snapshot *daemon_snapshot(const struct daemon *d); /* borrowed until the next reload */
struct tracer *daemon_tracer(const struct daemon *d); /* lives as long as d */
struct held *daemon_held(const struct daemon *d);
void daemon_status(struct daemon *d, struct text *out);
/* The case with this id, added to out. False: it is not in memory; the folder where others are, if there is one, is added. */
bool daemon_explain(struct daemon *d, const char *id, struct text *out);
/*
 * Forget the cases in memory about a person; those on the disk may be changed from then on, for new ones go into another file. Adds
 * "memory COUNT" and "folder PATH", a line each, to out. 0, -errno with *reterr.
 */
int daemon_forget(struct daemon *d, const char *person, struct text *out, struct err *reterr);
void daemon_metrics(struct daemon *d, struct text *out);

#endif
