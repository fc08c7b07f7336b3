/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - the HTTP server, on a thread of its own, so that a request may wait for the store and takes no time from mail. One request a
 * connection, which may be one of TLS (http_tls.h). It bounds what strangers can do: connections, time, size, requests a second. What an answer is, is its host's business.
 */
#ifndef OBSERVE_HTTP_H
#define OBSERVE_HTTP_H

#include <openssl/types.h>

#include "filter/base/err.h"
#include "filter/base/text.h"
#include "filter/observe/http_request.h"

#define HTTP_MAX_CLIENTS   64         /* when one more comes, the one that has been sending its request for longest has to go */
#define HTTP_REQUEST_MS    10000      /* for a whole request, and the handshake before it, however slowly they come */
#define HTTP_ANSWER_MS     60000      /* for an answer to be taken */
#define HTTP_ANSWER_MAX    (16u << 20)
#define HTTP_A_SECOND      100        /* requests that are answered, and handshakes that are made, in the long run */
#define HTTP_BURST         300        /* and at once */
#define HTTP_MAX_JOBS      2          /* answers that take long; who asks for one more is told 503 */
#define HTTP_JOB_MS        120000     /* so long one may take */
#define HTTP_TICK_S        10

struct http;

struct http_answer {
	unsigned status;
	const char *type;      /* Content-Type */
	const char *challenge; /* WWW-Authenticate; NULL: none */
	const char *allow;     /* of 405; NULL: none */
	struct text body;
	/* Set: what the answer is takes long; it is found by this, on a thread of its own, which may be one of HTTP_MAX_JOBS. Called once if it is set. */
	void (*work)(void *arg, struct http_answer *ret);
	void *work_arg;
};

struct http_host {
	/* All on the server's thread. */
	/* Of a request with a body that is still to come: how large it may be; -1: none is wanted, *ret is the answer. */
	int64_t (*admit)(void *arg, const struct http_request *q, struct http_answer *ret);
	void (*serve)(void *arg, const struct http_request *q, const char *body, size_t len, struct http_answer *ret);
	/* For what is refused before it can be served; *ret has the status, and gets type and body. */
	void (*refuse)(void *arg, struct http_answer *ret);
	void (*tick)(void *arg); /* every HTTP_TICK_S seconds */
	/* What the next connection speaks: a context of http_tls_load(), which is given back with SSL_CTX_free(), or NULL: no TLS. */
	SSL_CTX *(*tls)(void *arg);
	void *arg;
};

/*
 * listen: ADDRESS:PORT, [IPV6]:PORT, or unix:PATH, whose file then has mode 0600. inherited: the listening socket, where it is open already, which
 * is http_new()'s from then on; -1: it is not. NULL with *reterr.
 */
struct http *http_new(const char *listen, int inherited, const struct http_host *host, struct err *reterr);
/* The listening socket, for another process to inherit. */
int http_socket(const struct http *h);
/* retired: another process has the socket. Else its file goes, too. False: an answer that takes long is being found, and not all was freed. Takes NULL. */
bool http_free(struct http *h, bool retired);
/* Is it a place as above? Names are not looked up. */
bool http_place_valid(const char *listen);
/* The path of listen, where it is one; else NULL. */
const char *http_socket_path(const char *listen);

#endif
