/* SPDX-License-Identifier: BSD-2-Clause */
/* change.h - what rules make of the body of a message: parts replaced by notes, a text at its end. */
#ifndef ENGINE_CHANGE_H
#define ENGINE_CHANGE_H

#include "filter/engine/state.h"

/*
 * What the rules that have matched so far make of it, into d->edits, in the place of what was there. What cannot be done is said there, too
 * (edits.unchanged). False: no memory.
 */
bool change_make(struct dialogue *d);
/* The message will not be what this check was fed: feed it what it will be. False: no memory. */
bool change_feed(struct dialogue *d, unsigned check);

#endif
