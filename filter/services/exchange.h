/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange.h - octets there, octets back, as servers.h asks: all of the question is written on a connection of its own, and the reply
 * ends where the server closes it. Whether that is an answer is for the plugin to say that asks.
 */
#ifndef SERVICES_EXCHANGE_H
#define SERVICES_EXCHANGE_H

#include "filter/services/servers.h"
#include "plugins/plugin.h"

/* Nothing is asked yet. settings are copied; their addresses can be read. NULL: no memory. */
struct servers *exchange_new(const struct servers_host *host, const struct sluice_exchange_servers *settings);
bool exchange_has(const struct servers *s, const struct sluice_exchange_servers *settings); /* are these its settings? */

/* done(arg, answer) is called once, on the reactor's thread or before this returns; the answer is borrowed for the call. Any thread. */
void exchange_ask(struct servers *s, const struct sluice_exchange_request *rq,
	void (*done)(void *arg, const struct sluice_exchange_answer *answer), void *arg);

#endif
