/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.h - a loaded configuration, whole: registry, policy, plan, the plugins' states and the resolver. Immutable and
 * counted; a connection keeps the one it began with. Any threads.
 */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include <openssl/types.h>

#include "filter/engine/plan.h"
#include "filter/engine/registry.h"
#include "filter/policy/policy.h"
#include "filter/services/programs.h"
#include "filter/services/scanner.h"
#include "filter/services/reactor.h"
#include "filter/services/resolver.h"
#include "filter/services/servers.h"

struct snapshot {
	struct registry *registry;
	struct policy *policy;
	struct plan plan;
	void **states; /* by index of the catalog's plugins */
	struct resolver *resolver;
	struct store *store; /* NULL: the configuration has no state { } */
	struct program **programs; /* by index of the catalog's plugins; NULL: none is asked */
	struct servers **servers;  /* of clamd, or of another kind; as programs */
	struct scanner *scanner;   /* NULL: no check that runs wants one, or there is none here */
	const char *authserv_id;
	SSL_CTX *tls; /* that HTTP is spoken with; NULL: without */
	/* private: */
	struct dns_home *dns;
	struct state_home *state;
	unsigned references;
	unsigned generation;
};

enum snapshot_machine { MACHINE_ANY, MACHINE_PERHAPS, MACHINE_THIS };

struct snapshot_options {
	struct reactor *reactor;        /* NULL: answers come from the zone only */
	const char *zone;               /* for sluicectl check: a zone file in the place of the network; NULL: none */
	bool all;                       /* plan_build() */
	bool no_services;               /* check the configuration only: no resolver, no store */
	enum snapshot_machine machine;  /* what it names is not looked for; what is not there is a warning, or an error (machine.h) */
	bool no_store;                  /* a trial, which must leave no trace: all that is asked of the store fails */
	void (*store_changed)(void *arg, bool working, const char *why); /* any thread; may be NULL */
	void (*dns_changed)(void *arg, bool working, const char *why);   /* the same */
	void *arg;
	struct programs *programs;      /* NULL: no program is asked, which is FAILED */
	const struct servers_host *servers; /* NULL: none is asked, which is FAILED */
	const struct scanner_host *scan; /* NULL: no file is read, which is FAILED */
	const struct snapshot *before;  /* keeps its resolver, with its cache, where the settings are the same */
};

/* 0; -errno with *reterr, ready to be shown. */
int snapshot_load(const char *path, const struct snapshot_options *options, struct snapshot **ret, struct err *reterr) SLUICE_MUST_USE;
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* takes NULL */
/* All that its servers are asked fails from now on. Not on the reactor's thread. Takes NULL. */
void snapshot_stop_servers(struct snapshot *s);
/* May a check that runs want files to be read? */
bool snapshot_wants_scanner(const struct snapshot *s);
/* Is there a check that runs and cannot do without this list, or with an empty one? */
bool snapshot_needs_list(const struct snapshot *s, const char *name);

#endif
