/* SPDX-License-Identifier: BSD-2-Clause */
/* hold.h - what the parts of sluicectl hold share. */
#ifndef CTL_HOLD_H
#define CTL_HOLD_H

#include <jansson.h>
#include <stdbool.h>

#include "filter/ctl/ctl.h"
#include "filter/ctl/hold_queue.h"

/* A queue id, and not a word that means all of them? */
bool hold_is_id(const char *s);
/* The case in which it was held, for json_decref(). NULL: the daemon does not know it any more, or, with EX_UNAVAILABLE, does not answer. */
json_t *hold_case(const struct ctl_target *daemon, const char *id, int *ret_status);
/* The message as an object, and what its case (may be NULL) says of why it is held; no more recipients than that. Added to out. */
void hold_json(struct text *out, const struct hold_message *m, const json_t *c, size_t recipients);
/* Tell the daemon what is held, and do what its users want of it (filter/held.h), until a signal comes. An exit status. */
int hold_watch(const struct hold_queue *queue, const char *config, const struct ctl_target *daemon);

#endif
