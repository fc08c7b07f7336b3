/* SPDX-License-Identifier: BSD-2-Clause */
/* replay_case.h - a case as it was recorded, a line of JSON, made ready to be replayed. */
#ifndef CTL_REPLAY_CASE_H
#define CTL_REPLAY_CASE_H

#include <jansson.h>

#include "filter/engine/replay.h"
#include "filter/engine/snapshot.h"

/* The facts and checks of a snapshot by their names. */
struct replay_names;
struct replay_names *replay_names_new(const struct snapshot *s); /* NULL: no memory */
void replay_names_free(struct replay_names *n);                  /* takes NULL */

/*
 * Fill *ret from a case; texts are borrowed from it, and from the arena. NULL, or why it cannot be replayed: a static text. To be
 * freed with replay_case_done() in either case.
 */
const char *replay_case_read(const json_t *c, const struct replay_names *n, struct arena *arena, struct replay *ret);
void replay_case_done(struct replay *r);

#endif
