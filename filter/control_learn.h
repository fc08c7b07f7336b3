/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_learn.h - what the classifiers (plugins/bayes) learn: sluicectl takes a message apart (mail/tokens.h), the daemon adds its tokens
 * to the counts in the store. A message is known again by its tokens, so that learning it twice counts it once, and learning it as the
 * other kind takes it out of the first.
 */
#ifndef FILTER_CONTROL_LEARN_H
#define FILTER_CONTROL_LEARN_H

#include "filter/base/text.h"
#include "filter/engine/snapshot.h"

/*
 * spam | ham | forget NAME VERSION IDS   a message; NAME "-" is the only classifier that there is, VERSION that of the tokens, IDS theirs, sorted,
 *                                        8 octets each, big-endian, in base64. Answers "learned", "moved" (it was of the other kind),
 *                                        "forgotten"; "known": there was nothing to do
 * status                                 for each classifier "NAME SPAM HAM NEEDED": the messages it has learned, and of how many of each it wants
 *                                        to know before it says anything
 * Exit statuses of sysexits(3). The main thread's, as control_state.h.
 */
int control_learn(const struct snapshot *s, const char *request, struct text *out);

#endif
