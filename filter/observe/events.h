/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events.h - what an operator wants to hear of at once: a line of JSON for each, to a file that is rotated, to a unix socket where somebody listens, and to a
 * URL. Each has its own queue and thread (outlet.h), so that none holds up another, or mail.
 */
#ifndef OBSERVE_EVENTS_H
#define OBSERVE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/base/err.h"
#include "filter/observe/case.h"
#include "filter/observe/log.h"
#include "filter/policy/settings.h"

enum event_kind {
	EVENT_HOLD,   /* a rule has held a message */
	EVENT_WARN,   /* a rule says `warn`, for the first time in an hour for this account or client */
	EVENT_SURGE,  /* a rule matches unusually often: surge.h */
	EVENT_FAULT,  /* Sluice itself has failed in a message */
	EVENT_HEALTH, /* something that checks depend on is switched off, or works again */
	EVENT_STORE,  /* the same of the store */
	EVENT_KEY,    /* a DKIM key that signs is not in the DNS as it should be, or is again */
	EVENT_RELOAD, /* a configuration was taken, or refused */
};
extern const char *const event_words[]; /* in the order of enum event_kind, NULL-terminated */

struct events_settings { /* borrowed; "": not there */
	const char *file, *socket, *url, *secret;
	int64_t file_max_bytes, file_keep; /* of one file; how many older ones */
	uint64_t of;                       /* a bit for each enum event_kind */
	const char *host;                  /* our name, in each line */
};

/*
 * What these settings say, borrowed from them. -EINVAL with *reterr, and *ret_key is the setting that is wrong ("events.url"): no such event, no URL, a path that is too
 * long for a socket. -ENOMEM.
 */
int events_read(const struct settings *s, const char *host, struct events_settings *ret, const char **ret_key, struct err *reterr);

struct events;

/* Nothing is told to anybody yet. What goes wrong is logged. NULL: no memory. */
struct events *events_new(struct log *log);
/* From now on as these say; what waits for where it shall not go any more is lost. 0, -errno with *reterr: nothing has changed. Main thread. */
int events_set(struct events *e, const struct events_settings *settings, struct err *reterr);
/* Sends what waits, where that is quick. Takes NULL. */
void events_free(struct events *e);

/* Any threads, from here on; quick. */
bool events_want(struct events *e, enum event_kind event);
/* subject: what it is about; text: what is to be said of it; may be NULL. good: it is over, or went well. */
void events_tell(struct events *e, enum event_kind event, const char *subject, bool good, const char *text);
/* A case in which this rule says so; rule NULL: the case as a whole. text: may be NULL. */
void events_tell_case(struct events *e, enum event_kind event, const struct case_ *c, const char *rule, const char *text);

#endif
