/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_tls.h - TLS (1.2 or later) to a Redis, where the hiredis that this was built with has it (1.0 or later, with hiredis_ssl).
 * The server's certificate has to be valid, and for the name that it was asked by.
 */
#ifndef SERVICES_REDIS_TLS_H
#define SERVICES_REDIS_TLS_H

#include <hiredis/async.h>
#include <stdbool.h>

#include "filter/base/err.h"

struct redis_tls_settings {
	const char *ca;         /* file of certificates to trust; "": those of the system */
	const char *cert, *key; /* files, for a server that wants to know its clients; "": none */
};

struct redis_tls;

/* NULL with *reterr: a file that cannot be used, or no TLS in this build. */
struct redis_tls *redis_tls_new(const struct redis_tls_settings *settings, struct err *reterr);
void redis_tls_free(struct redis_tls *t); /* takes NULL */
/* Begin on a connection that is being made. False: it cannot; the context says why. */
bool redis_tls_begin(struct redis_tls *t, redisAsyncContext *context, const char *host);

#endif
