/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_away.h - a shared store, and one of this machine for while that is away: what the shared one cannot answer is answered by the local
 * one, and what can be added up of it is added to the shared one when that works again. contrib/design/0028 says what, and what is counted
 * twice or not at all.
 */
#ifndef SERVICES_STORE_AWAY_H
#define SERVICES_STORE_AWAY_H

#include "filter/base/err.h"
#include "filter/services/store.h"

#define STORE_AWAY_NOTED_MAX   100000 /* keys that are remembered for the merge; others are not merged */
#define STORE_AWAY_MERGING_MAX 64     /* of them at a time */

struct store_away_settings {
	/* The shared store has stopped working, with why and what that means; or works again, with what is merged now, or NULL. May be NULL. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

struct store_away;

/* NULL: no memory. */
struct store_away *store_away_new(const struct store_away_settings *settings);
/* For the `changed` of both: arg is the struct store_away. */
void store_away_shared_changed(void *arg, bool working, const char *why);
void store_away_local_changed(void *arg, bool working, const char *why);
/* The whole as one store, which owns both, and is freed as a store. */
struct store *store_away_join(struct store_away *a, struct store *shared, struct store *local);
void store_away_free(struct store_away *a); /* of one that was not joined; takes NULL */

#endif
