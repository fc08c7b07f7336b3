/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_state.h - what sluicectl asks of the store: limits, the greylist, and the life of keys. A request is VERB [KEY], the parts of a key
 * with '|' between. Each adds text for people to out, and returns an exit status (sysexits(3)). The main thread's; they wait for
 * the store, no longer than CONTROL_TIMEOUT_MS for one operation.
 */
#ifndef FILTER_CONTROL_STATE_H
#define FILTER_CONTROL_STATE_H

#include "filter/base/text.h"
#include "filter/engine/snapshot.h"

/* list | list-json | show RULE|VALUE... | reset RULE|VALUE... */
int control_limits(const struct snapshot *s, const char *request, struct text *out);
/*
 * list | list-json | show KEY | pass KEY | forget CLIENT or KEY, where KEY is CLIENT|SENDER|RECIPIENT: as they are listed, or the client's address and
 * the two addresses as the mail had them
 */
int control_greylist(const struct snapshot *s, const char *request, struct text *out);
/* get KEY | put KEY TEXT, where KEY is DOMAIN|TYPE; get of what was never put says nothing */
int control_rotation(const struct snapshot *s, const char *request, struct text *out);

/*
 * The same lists, for programs: {"entries": [...], "more": there are more}. No entries without a store. EX_OK, or EX_UNAVAILABLE with why behind what was
 * written. Any thread that may wait.
 */
int control_limits_json(const struct snapshot *s, struct text *out);
int control_greylist_json(const struct snapshot *s, struct text *out);

#endif
