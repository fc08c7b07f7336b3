/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * key_watch.h - are the keys that sign here still in the DNS? A record that somebody took out of a zone, or changed, breaks all signatures from then on, and nobody here
 * would see it. Any threads.
 */
#ifndef FILTER_KEY_WATCH_H
#define FILTER_KEY_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/engine/dkim_published.h"

struct key_watch;
struct key_watch_row { /* borrowed for the call */
	const char *name; /* "SELECTOR._domainkey.DOMAIN" */
	enum dkim_found found; /* UNANSWERED: it never was answered; while the DNS is silent, what it said last stays */
	int64_t since_ms, asked_ms; /* wall clock: that it is so, and of the last answer */
};

/* changed is told of a key that has become bad, and of one that was and is no more; on the thread of key_watch_look(). NULL: no memory. */
struct key_watch *key_watch_new(void (*changed)(void *arg, const struct key_watch_row *row), void *arg);
void key_watch_free(struct key_watch *w); /* takes NULL */
/* Ask for all keys of the configuration, and wait for the answers. One thread at a time. */
void key_watch_look(struct key_watch *w, const struct snapshot *s);
/* Each key, in the order of the configuration. */
void key_watch_each(struct key_watch *w, void (*row)(void *arg, const struct key_watch_row *row), void *arg);

#endif
