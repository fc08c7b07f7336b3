/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * held.h - the mail that is held in the queue of the mail server, as the page shows it. The daemon may neither read that queue nor change it, and shall not: it reads
 * the mail of strangers. `sluicectl hold watch`, which runs as root, tells over the control socket what is held, asks what is wanted, and does that, to mail that
 * is held and to no other. Any threads.
 */
#ifndef FILTER_HELD_H
#define FILTER_HELD_H

#include "filter/base/text.h"

#define HELD_MAX       1000 /* messages that are kept; the others are not shown */
#define HELD_ID_MAX    64
#define HELD_WISHES    32 /* that wait at one time */
#define HELD_TEXT_MAX  256

struct held;

struct held *held_new(void);     /* NULL: no memory */
void held_free(struct held *h); /* takes NULL */
/*
 * A request of the control socket, behind its verb; an exit status, and text for who asked. Of the watcher:
 *   work              what is wanted: a line `list`, `release ID` or `drop ID` each
 *   begin, add JSON, end    a list of what is held, which takes the place of the one before
 *   done ID [ERROR]   a wish was fulfilled, or could not be
 * and of those who want something:
 *   release ID, drop ID     of a message in the list
 */
int held_answer(struct held *h, const char *request, struct text *out);
/* What is known as one JSON object, which somebody looks at: the list will be made anew soon. */
void held_show(struct held *h, struct text *out);

#endif
