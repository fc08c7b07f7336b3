/* SPDX-License-Identifier: BSD-2-Clause */
/* http_tls.h - TLS of the HTTP server: what its certificate and key have to be, and its side of a connection. */
#ifndef OBSERVE_HTTP_TLS_H
#define OBSERVE_HTTP_TLS_H

#include <openssl/types.h>
#include <stdbool.h>

#include "filter/base/err.h"

struct bufferevent;
struct event_base;

/*
 * Read a certificate, with those between it and its root behind it, and its key (base/key_file.h), anew. 0, *ret for SSL_CTX_free(); -EINVAL or
 * -ENOMEM with *reterr, which names file and remedy; *ret_key is the setting that is meant.
 */
int http_tls_load(const char *certificate, const char *key, const char *user, SSL_CTX **ret, const char **ret_key, struct err *reterr) SLUICE_MUST_USE;

/* Asked before a handshake costs something: may there be one now? */
struct http_tls_gate {
	bool (*admit)(void *arg);
	void *arg;
};

/* An accepted connection; gate has to live as long. NULL: no memory, and fd is still open. */
struct bufferevent *http_tls_link(struct event_base *base, SSL_CTX *context, const struct http_tls_gate *gate, int fd) SLUICE_MUST_USE;
/* Tell the other side that nothing more will be said; nothing where the link is none of TLS. */
void http_tls_end(struct bufferevent *link);

#endif
