/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_request.h - the head of an HTTP/1.1 request (RFC 9112), as strictly as it can be read: what two readers could understand in two
 * ways is refused. Pure.
 */
#ifndef OBSERVE_HTTP_REQUEST_H
#define OBSERVE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX    8192
#define HTTP_MAX_FIELDS  64
#define HTTP_PATH_MAX    512
#define HTTP_QUERY_MAX   2048
#define HTTP_VALUE_MAX   1024 /* of a parameter of a query */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_request {
	enum http_method method;
	char path[HTTP_PATH_MAX];   /* decoded: printable, begins with '/', no part of it is empty, "." or ".." */
	char query[HTTP_QUERY_MAX]; /* as it came, without the '?' */
	char host[256];             /* without the port; "" where there is none */
	char authorization[512];
	bool has_length;
	uint64_t length; /* of the body */
};

/* -EAGAIN: the head is not whole; 0: it is, *ret_len octets of it; else an HTTP status to refuse it with, of which nothing more can be said. */
int http_request_read(const char *bytes, size_t len, struct http_request *ret, size_t *ret_len);

struct http_pair {
	char key[64], value[HTTP_VALUE_MAX]; /* decoded; UTF-8 without controls */
};
/* The next parameter of a query. 1; 0 at its end; -EINVAL: it cannot be read. */
int http_query_next(const char **query, struct http_pair *ret);

#endif
