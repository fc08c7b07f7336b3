/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resolver.h - DNS: local data first, then the cache, then libunbound on the reactor.
 */
#ifndef SERVICES_RESOLVER_H
#define SERVICES_RESOLVER_H

#include "filter/base/err.h"
#include "filter/base/ip.h"
#include "filter/services/dns.h"
#include "filter/services/dns_cache.h"
#include "filter/services/reactor.h"
#include "filter/services/zone.h"

#define RESOLVER_MAX_FORWARDERS 8
#define RESOLVER_SILENT_AFTER   20 /* questions: that the servers of a few domains are down says nothing of ours */

struct resolver_forwarder {
	struct sluice_ip ip;
	uint16_t port;
};

struct resolver_settings {
	struct resolver_forwarder forwarders[RESOLVER_MAX_FORWARDERS];
	size_t forwarder_count; /* 0: recursion from the root servers */
	bool dnssec;
	const char *trust_anchor; /* file of the root's key, with dnssec */
	size_t cache_max_bytes;
	int64_t timeout_ms;       /* a question that has no answer by then is FAILED */
	const struct zone *local; /* answers for the names in it; NULL: none */
	bool only_local;          /* a name not in `local` is NXDOMAIN: no network at all */
	/* Called when RESOLVER_SILENT_AFTER questions in a row had no answer, and when one has again. On the reactor's thread; may be NULL. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

struct resolver;
struct resolver_stats {
	uint64_t asked, answered, failed, in_flight;
	bool working;
	struct dns_cache_stats cache;
};

/*
 * reactor NULL is allowed with only_local: all answers then come at once. Takes the settings by copy; the zone must
 * outlive it. NULL with *reterr.
 */
struct resolver *resolver_new(struct reactor *reactor, const struct resolver_settings *settings, struct err *reterr);
void resolver_free(struct resolver *r); /* outstanding questions are dropped without a call. Takes NULL */

enum resolver_source { RESOLVER_LOCAL, RESOLVER_CACHE, RESOLVER_DNS };

/*
 * Answer at once from local data or the cache: a counted answer, with its source and age; else NULL. Any thread.
 * *ret_silent: the zone says TIMEOUT: asking would bring nothing, so the caller lets the question stay open.
 */
struct dns_answer *resolver_look(struct resolver *r, const struct dns_question *q, enum resolver_source *ret_source,
	uint32_t *ret_age_s, bool *ret_silent);
/*
 * Ask the network. done(arg, answer) is called once on the reactor's thread with a borrowed answer (never NULL:
 * FAILED when anything goes wrong), unless resolver_free() comes first; then drop(arg) is called. Questions that
 * are equal and on their way are joined. -ENOMEM: no call will come. Any thread.
 */
int resolver_ask(struct resolver *r, const struct dns_question *q, void (*done)(void *arg, struct dns_answer *answer),
	void (*drop)(void *arg), void *arg);
struct resolver_stats resolver_stats(struct resolver *r);

#endif
