/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"

#define PAGE_MAX_BYTES    (4u << 20)
#define REQUEST_MAX_BYTES 8192
#define REQUEST_TIMEOUT_S 10

struct http {
	struct reactor *reactor;
	struct evhttp *server;
	char address[128];
	uint16_t port;
	void (*print)(void *arg, struct text *out);
	void *arg;
	int error;
};

static void on_metrics(struct evhttp_request *request, void *arg)
{
	struct http *h = arg;
	SLUICE_CLEANUP(text_done) struct text page = TEXT_INIT(PAGE_MAX_BYTES);
	struct evbuffer *body = evbuffer_new();

	h->print(h->arg, &page);
	if (!body || page.failed || evbuffer_add(body, text_str(&page), page.len) < 0) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	} else {
		(void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
		evhttp_send_reply(request, HTTP_OK, "OK", body);
	}
	if (body)
		evbuffer_free(body);
}

static void on_other(struct evhttp_request *request, void *arg)
{
	(void)arg;
	evhttp_send_error(request, HTTP_NOTFOUND, NULL);
}

static void start(void *arg)
{
	struct http *h = arg;

	h->server = evhttp_new(reactor_base(h->reactor));
	if (!h->server) {
		h->error = ENOMEM;
		return;
	}
	evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(h->server, REQUEST_MAX_BYTES);
	evhttp_set_max_body_size(h->server, 0);
	evhttp_set_timeout(h->server, REQUEST_TIMEOUT_S);
	evhttp_set_gencb(h->server, on_other, NULL);
	(void)evhttp_set_cb(h->server, "/metrics", on_metrics, h);
	errno = 0;
	if (evhttp_bind_socket(h->server, h->address, h->port) < 0)
		h->error = errno ? errno : EADDRNOTAVAIL;
}

static void stop(void *arg)
{
	struct http *h = arg;

	if (h->server)
		evhttp_free(h->server);
}

/* ADDRESS:PORT with brackets around an IPv6 address. */
static bool parse_listen(struct http *h, const char *listen)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;
	uint64_t port;

	if (!colon || !len || len >= sizeof h->address || !ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return false;
	if (listen[0] == '[' && colon[-1] == ']') {
		listen++;
		len -= 2;
	}
	memcpy(h->address, listen, len);
	h->address[len] = '\0';
	h->port = (uint16_t)port;
	return true;
}

struct http *http_new(struct reactor *r, const char *listen, void (*print)(void *arg, struct text *out), void *arg, struct err *reterr)
{
	struct http *h = calloc(1, sizeof *h);

	if (!h) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	*h = (struct http){ .reactor = r, .print = print, .arg = arg };
	if (!parse_listen(h, listen)) {
		(void)err_set(reterr, -EINVAL, "http: '%s' is no place to listen: write 127.0.0.1:9580 or [::1]:9580", listen);
		free(h);
		return NULL;
	}
	reactor_call(r, start, h);
	if (h->error) {
		(void)err_set(reterr, -h->error, "http: cannot listen on %s: %s", listen, strerror(h->error));
		http_free(h);
		return NULL;
	}
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	reactor_call(h->reactor, stop, h);
	free(h);
}
