/* SPDX-License-Identifier: BSD-2-Clause */
/* control_forget.h - what the store knows of a person. The main thread's; it waits for the store as control_state.h does. */
#ifndef FILTER_CONTROL_FORGET_H
#define FILTER_CONTROL_FORGET_H

#include "filter/base/text.h"
#include "filter/engine/snapshot.h"

/*
 * Delete each entry whose key has this address, or user, for one of its parts, and each value that names it. How many, or -1 with
 * why added to out.
 */
long control_forget(const struct snapshot *s, const char *person, struct text *out);

#endif
