/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * upkeep.h - the thread for what has to be done now and then: the health of what checks ask and the keys that sign are looked after each hour and
 * after a load; each minute the cases that are kept, and memory that nobody needs is given back.
 */
#ifndef FILTER_UPKEEP_H
#define FILTER_UPKEEP_H

#include <stdbool.h>

#include "filter/key_watch.h"
#include "filter/observe/case_log.h"
#include "filter/observe/log.h"

struct engine;
struct snapshot;
struct upkeep;

struct upkeep_of {
	struct engine *engine;
	struct snapshot *(*current)(void *arg); /* that the thread gives back */
	void *arg;
	struct case_log *cases;
	struct key_watch *keys;
	struct log *log;
};

/* The thread has the signal mask of the caller. NULL: no memory or no thread. */
struct upkeep *upkeep_new(const struct upkeep_of *of);
/* A configuration was loaded. */
void upkeep_wake(struct upkeep *u);
/* False: it is at work, which may take long, and nothing was freed. Takes NULL. */
bool upkeep_free(struct upkeep *u);

#endif
