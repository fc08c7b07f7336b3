/* SPDX-License-Identifier: BSD-2-Clause */
/* history.h - the latest cases, as JSON, for `sluicectl explain` and the HTTP API: a ring in memory. Any threads. */
#ifndef OBSERVE_HISTORY_H
#define OBSERVE_HISTORY_H

#include <stddef.h>

#include "filter/base/text.h"
#include "filter/observe/case.h"

struct history;

/* Keeps `cases` cases at most; 0 keeps none. NULL: no memory. */
struct history *history_new(size_t cases);
void history_free(struct history *h); /* takes NULL */
/* Room for another number from now on; the oldest go where there are too many. False: no memory, nothing changed. */
bool history_resize(struct history *h, size_t cases);
/* json: the case in the form of case_json(), copied. */
void history_add(struct history *h, const struct case_ *c, const char *json, size_t len);
/* The newest case with this id, queue id or message id, added to out. False: there is none. */
bool history_find(struct history *h, const char *id, struct text *out);
/* Which cases; NULL and 0: whichever. */
struct history_filter {
	const char *address; /* sender, recipient, or author: the whole of it, without regard to case */
	const char *domain;  /* of one of these, or one below it */
	const char *user;    /* who was logged in, without regard to case */
	const char *rule;    /* one that matched */
	const char *action;  /* a word of case_action_words */
	int64_t since_ms;    /* wall clock */
	size_t limit;
};
/* The summaries (case_summary.h) of those, the newest first, as items of the JSON array that is open in out. How many. */
size_t history_list(struct history *h, const struct history_filter *f, struct text *out);
/* Take away each case about this person (case_person.h). How many. */
size_t history_forget(struct history *h, const char *person);

#endif
