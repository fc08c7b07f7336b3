/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_guard.h - hiredis ends the process when a server says something that it was not asked, and takes any size of an array
 * at its word. The guard makes of both an error of the connection.
 */
#ifndef SERVICES_REDIS_GUARD_H
#define SERVICES_REDIS_GUARD_H

#include <hiredis/async.h>

#define REDIS_GUARD_MAX_ELEMENTS 100000 /* of an array; none of ours comes near it */

struct redis_guard {
	redisReplyObjectFunctions functions;
	const redisReplyObjectFunctions *usual; /* hiredis' own */
	size_t expected;                        /* replies that are due: one more with each command that was sent */
};

/* Watch over the replies to a context that has just been made. g must outlive it. */
void redis_guard_install(struct redis_guard *g, redisAsyncContext *context);

#endif
