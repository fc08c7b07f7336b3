/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_state.h - the body of the daemon, for daemon.c and daemon_status.c alone. */
#ifndef FILTER_DAEMON_STATE_H
#define FILTER_DAEMON_STATE_H

#include <pthread.h>

#include "filter/control.h"
#include "filter/daemon.h"
#include "filter/engine/dialogue.h"
#include "filter/milter/milter.h"
#include "filter/observe/guard.h"
#include "filter/services/scanner.h"
#include "filter/services/servers.h"
#include "filter/upgrade.h"

struct http_question {
	char line[CONTROL_LINE_MAX];
	struct text *out;
	int status;
};

struct daemon {
	char *config;
	struct log *log;
	struct metrics *metrics;
	struct history *history;
	struct case_log *cases;
	struct once *warned;
	struct events *events;
	struct surge *surge;
	struct health *health;
	struct reactor *reactor;
	struct programs *programs;
	struct scanner_host scan;
	struct servers_host servers;
	struct http *http;
	struct api *api;
	struct list_watch *lists;
	struct key_watch *keys;
	struct held *held;
	struct upkeep *upkeep;
	struct tracer *tracer;
	struct engine engine;
	struct edge edge;
	struct milter *milter;
	char *binary; /* that runs, or has been put in its place */
	struct inheritance inherited;
	char *listen; /* where we do, whatever a reload has read since */
	char *places; /* where our sockets are: as in the inheritance */
	bool retired; /* they are another process's */
	int control, spare; /* spare: a descriptor that is given up for a client of control when none is left */
	char *control_path;
	int64_t began_ms;
	struct guard guard;           /* of the main thread alone, as is: */
	struct snapshot *guard_before; /* what a reload that is watched has replaced; NULL: none is */

	pthread_mutex_t lock;      /* guards: */
	struct snapshot *snapshot; /* changed by the main thread alone */
	struct http_question *question; /* of the HTTP server's thread, which waits; NULL: none */
	bool deaf;                 /* nobody will answer any more */
	pthread_cond_t answered;   /* question, deaf */
};

/* daemon.c: the configuration of now, a reference. arg: a struct daemon. Any thread. */
struct snapshot *daemon_current(void *arg);

#endif
