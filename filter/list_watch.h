/* SPDX-License-Identifier: BSD-2-Clause */
/* list_watch.h - the thread that takes the new contents of lists whose files have changed (contrib/design/0011-lists-are-polled.md). */
#ifndef FILTER_LIST_WATCH_H
#define FILTER_LIST_WATCH_H

#include "filter/observe/log.h"

struct list_watch;
struct snapshot;

/* current: a snapshot that the watch gives back. The thread has the signal mask of the caller. NULL: no memory or no thread. */
struct list_watch *list_watch_new(struct snapshot *(*current)(void *arg), void *arg, struct log *log);
void list_watch_free(struct list_watch *w); /* waits for a list that is being read; takes NULL */

#endif
