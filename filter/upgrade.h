/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * upgrade.h - a new process in the place of the one that runs, with no moment in which nobody listens: the old one starts the binary that is
 * there now, which gets the listening sockets and says when it is ready. Only then does the old one take no more connections; those it has
 * it serves until they end.
 */
#ifndef FILTER_UPGRADE_H
#define FILTER_UPGRADE_H

#include <sys/types.h>

#include "filter/base/err.h"

#define UPGRADE_LIMIT_MS 50000 /* for the new process to be ready */

/* What the new process is given; -1: nothing. */
struct inheritance {
	int milter, control, http; /* listening sockets */
	int ready;                 /* where it says that it is ready, or why it will never be; closed then, and -1 */
	char *places;              /* where the sockets are, in words to compare; NULL: unknown */
	pid_t from;                /* who gives it: the parent, as long as it lives; 0: nobody has */
};

/* What this process was given by an old one, descriptors with FD_CLOEXEC; at start, once. `places` is for free(). */
struct inheritance inheritance_take(void);
/* Say that we are ready, or with a text why we are not; once. Does nothing when nobody waits. */
void inheritance_tell(struct inheritance *i, const char *why_not);

/* The binary that runs, or what has been put in its place: for free(). NULL: it cannot be said. */
char *upgrade_binary(void);
/*
 * Start the binary with this configuration, and wait until it is ready. `ready` and `from` of `give` are not looked at. 0 with the new process; -errno with
 * *reterr, and then there is none.
 */
int upgrade_start(const char *binary, const char *config, const struct inheritance *give, pid_t *ret_pid, struct err *reterr) SLUICE_MUST_USE;

#endif
