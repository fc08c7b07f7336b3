/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outlet.h - lines that go somewhere which may be slow, away or full: a bounded queue with a thread of its own. What cannot be sent is kept and
 * tried again, with a wait that doubles from 1 s to 5 min; when the queue is full the oldest goes.
 */
#ifndef OBSERVE_OUTLET_H
#define OBSERVE_OUTLET_H

#include <stddef.h>

#define OUTLET_LINES_MAX 1000

enum outlet_result { OUTLET_SENT, OUTLET_LATER, OUTLET_NEVER /* it will not be taken, whenever */ };

struct outlet;

/*
 * send() is called on the outlet's thread, with a line without its end, and may take some seconds; why: what is wrong, unless SENT. trouble() is called when
 * lines begin to wait, when one was lost, and with why NULL when all is well again; it is quick. NULL: no memory, or no thread.
 */
struct outlet *outlet_new(enum outlet_result (*send)(void *arg, const char *line, size_t len, char why[200]), void (*trouble)(void *arg, const char *why), void *arg);
void outlet_add(struct outlet *o, const char *line, size_t len); /* any thread; copied */
/* What waits is sent, up to the first line that cannot be. Then send() is not called again. Takes NULL. */
void outlet_free(struct outlet *o);

#endif
