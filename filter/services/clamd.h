/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clamd.h - clamd(8), asked about octets, as servers.h asks: by passing a file over a unix socket (FILDES), else in a stream (INSTREAM).
 * What it said of some octets is kept by their digest (SHA-256), until its signatures are others, for which it is asked once a minute,
 * and when it is back.
 */
#ifndef SERVICES_CLAMD_H
#define SERVICES_CLAMD_H

#include "filter/services/servers.h"
#include "plugins/plugin.h"

/* Nothing is asked yet. settings are copied; their addresses can be read. NULL: no memory. */
struct servers *clamd_new(const struct servers_host *host, const struct sluice_virus_servers *settings);
bool clamd_has(const struct servers *s, const struct sluice_virus_servers *settings); /* are these its settings? */

/* done(arg, answer) is called once, on the reactor's thread or before this returns; the answer is borrowed for the call. Any thread. */
void clamd_ask(struct servers *s, const struct sluice_virus_request *rq,
	void (*done)(void *arg, const struct sluice_virus_answer *answer), void *arg);

#endif
