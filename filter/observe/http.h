/* SPDX-License-Identifier: BSD-2-Clause */
/* http.h - the HTTP listener, on the reactor: /metrics. For the operator's own network: no TLS, no users. */
#ifndef OBSERVE_HTTP_H
#define OBSERVE_HTTP_H

#include "filter/base/err.h"
#include "filter/base/text.h"
#include "filter/services/reactor.h"

struct http;

/* listen: ADDRESS:PORT, [IPV6]:PORT. print is called on the reactor's thread for each request. NULL with *reterr. */
struct http *http_new(struct reactor *r, const char *listen, void (*print)(void *arg, struct text *out), void *arg, struct err *reterr);
void http_free(struct http *h); /* takes NULL */

#endif
