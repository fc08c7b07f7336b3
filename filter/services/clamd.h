/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clamd.h - clamd(8), asked about octets: one connection for each question, by passing a file over a unix socket (FILDES), else in a
 * stream (INSTREAM). Of several servers the first that works is asked; one that cannot be reached, breaks off, says nonsense, or is
 * silent five times in a row is passed over for a while that doubles from 1 s to 10 s. All of it is done on the reactor's thread.
 *
 * Whether one works is told to the health of "clamd ADDRESS". What it said of some octets is kept by their digest (SHA-256), until its
 * signatures are others, for which it is asked once a minute, and when it is back.
 */
#ifndef SERVICES_CLAMD_H
#define SERVICES_CLAMD_H

#include "filter/services/health.h"
#include "filter/services/reactor.h"
#include "plugins/plugin.h"

struct clamd;
struct clamd_host { /* of the daemon */
	struct reactor *reactor;
	struct health *health;
};

/* Nothing is asked yet. settings are copied; their addresses can be read. NULL: no memory. */
struct clamd *clamd_new(const struct clamd_host *host, const struct sluice_virus_servers *settings);
bool clamd_has(const struct clamd *c, const struct sluice_virus_servers *settings); /* are these its settings? */
struct clamd *clamd_ref(struct clamd *c);
/* All that is asked fails from now on. Not on the reactor's thread. Takes NULL. */
void clamd_stop(struct clamd *c);
/* The last one stops it. Not on the reactor's thread. Takes NULL. */
void clamd_unref(struct clamd *c);

/* done(arg, answer) is called once, on the reactor's thread or before this returns; the answer is borrowed for the call. Any thread. */
void clamd_ask(struct clamd *c, const struct sluice_virus_request *rq,
	void (*done)(void *arg, const struct sluice_virus_answer *answer), void *arg);

#endif
