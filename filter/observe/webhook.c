/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/webhook.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_PORT      80
#define HTTPS_PORT     443
#define ANSWER_MAX     65536 /* octets; nothing in it is of interest */

/* ---- the URL ---- */

int webhook_init(struct webhook *w, const char *url, const char *secret, struct err *reterr)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL, *host = uri ? evhttp_uri_get_host(uri) : NULL, *path, *query;
	int r = 0;

	*w = (struct webhook){ .tls = scheme && !strcasecmp(scheme, "https") };
	if (!scheme || (!w->tls && strcasecmp(scheme, "http") != 0) || !host || !*host || evhttp_uri_get_userinfo(uri)) {
		if (uri)
			evhttp_uri_free(uri);
		return err_set(reterr, -EINVAL, "'%s' is no URL for events: write https://HOST/PATH, with no name or password in it", url);
	}
	path = evhttp_uri_get_path(uri);
	query = evhttp_uri_get_query(uri);
	w->port = evhttp_uri_get_port(uri) > 0 ? evhttp_uri_get_port(uri) : w->tls ? HTTPS_PORT : HTTP_PORT;
	w->host = strdup(host);
	w->secret = strdup(secret);
	if (asprintf(&w->path, "%s%s%s", path && *path ? path : "/", query ? "?" : "", query ? query : "") < 0)
		w->path = NULL;
	if (!w->host || !w->secret || !w->path)
		r = err_set(reterr, -ENOMEM, "out of memory");
	evhttp_uri_free(uri);
	return r;
}

void webhook_done(struct webhook *w)
{
	free(w->host);
	free(w->path);
	if (w->secret)
		OPENSSL_cleanse(w->secret, strlen(w->secret));
	free(w->secret);
	*w = (struct webhook){ .host = NULL };
}

/* ---- TLS ---- */

/* Of the connection, with the name that its certificate has to have. NULL: OpenSSL has failed. */
static SSL *make_tls(SSL_CTX *context, const char *host)
{
	SSL *ssl = SSL_new(context);

	if (ssl && SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static SSL_CTX *make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_default_verify_paths(context) == 1) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		return context;
	}
	SSL_CTX_free(context);
	return NULL;
}

/* ---- one request ---- */

struct post {
	struct event_base *base;
	SSL_CTX *context;
	struct bufferevent *link;
	struct evhttp_connection *connection;
	int status;
	char *why;
};

/* The status is all that is wanted: how the server ends its answer is no matter. */
static int on_header(struct evhttp_request *request, void *arg)
{
	struct post *p = arg;

	p->status = evhttp_request_get_response_code(request);
	(void)event_base_loopbreak(p->base);
	return 0;
}

/* It is over; without a status there was no answer. */
static void on_end(struct evhttp_request *request, void *arg)
{
	struct post *p = arg;
	unsigned long error = p->link ? bufferevent_get_openssl_error(p->link) : 0;

	(void)request;
	(void)event_base_loopbreak(p->base);
	if (p->status)
		return;
	if (error)
		(void)snprintf(p->why, 200, "TLS: %s", ERR_reason_error_string(error) ? ERR_reason_error_string(error) : "it failed");
	else
		(void)snprintf(p->why, 200, "it cannot be reached, or does not answer within %d s", WEBHOOK_TIMEOUT_S);
}

static bool sign(const struct webhook *w, struct evhttp_request *request, const char *body, size_t len)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	char text[7 + 2 * EVP_MAX_MD_SIZE + 1] = "sha256=";
	unsigned mac_len = 0;

	if (!*w->secret)
		return true;
	if (!HMAC(EVP_sha256(), w->secret, (int)strlen(w->secret), (const unsigned char *)body, len, mac, &mac_len))
		return false;
	for (unsigned i = 0; i < mac_len; i++)
		(void)snprintf(text + 7 + 2 * i, 3, "%02x", mac[i]);
	return evhttp_add_header(evhttp_request_get_output_headers(request), "X-Sluice-Signature", text) == 0;
}

static bool send_request(const struct webhook *w, struct post *p, const char *body, size_t len)
{
	struct evhttp_request *request = evhttp_request_new(on_end, p);
	struct evkeyvalq *headers = request ? evhttp_request_get_output_headers(request) : NULL;
	char host[300];

	if (!request)
		return false;
	evhttp_request_set_header_cb(request, on_header);
	(void)snprintf(host, sizeof host, w->port == (w->tls ? HTTPS_PORT : HTTP_PORT) ? "%s" : "%s:%d", w->host, w->port);
	if (evhttp_add_header(headers, "Host", host) < 0 || evhttp_add_header(headers, "Content-Type", "application/json") < 0 ||
		evhttp_add_header(headers, "User-Agent", "Sluice/" SLUICE_VERSION) < 0 || evhttp_add_header(headers, "Connection", "close") < 0 ||
		!sign(w, request, body, len) || evbuffer_add(evhttp_request_get_output_buffer(request), body, len) < 0) {
		evhttp_request_free(request);
		return false;
	}
	return evhttp_make_request(p->connection, request, EVHTTP_REQ_POST, w->path) == 0; /* it has the request now, whatever comes of it */
}

static bool open_link(const struct webhook *w, struct post *p)
{
	SSL *ssl;

	p->base = event_base_new();
	if (!p->base)
		return false;
	if (w->tls) {
		p->context = make_context();
		ssl = p->context ? make_tls(p->context, w->host) : NULL;
		p->link = ssl ? bufferevent_openssl_socket_new(p->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE) : NULL;
		if (!p->link)
			return false;
		bufferevent_openssl_set_allow_dirty_shutdown(p->link, 1);
	}
	p->connection = evhttp_connection_base_bufferevent_new(p->base, NULL, p->link, w->host, (uint16_t)w->port);
	if (!p->connection)
		return false;
	evhttp_connection_set_timeout(p->connection, WEBHOOK_TIMEOUT_S);
	evhttp_connection_set_max_body_size(p->connection, ANSWER_MAX);
	return true;
}

int webhook_post(const struct webhook *w, const char *body, size_t len, char why[200])
{
	struct post p = { .why = why };
	const struct timeval most = { .tv_sec = 2 * WEBHOOK_TIMEOUT_S }; /* for an answer that comes octet by octet */

	(void)snprintf(why, 200, "out of memory");
	if (open_link(w, &p) && send_request(w, &p, body, len)) {
		(void)snprintf(why, 200, "it does not answer");
		(void)event_base_loopexit(p.base, &most);
		(void)event_base_dispatch(p.base);
	}
	if (p.connection)
		evhttp_connection_free(p.connection); /* and the link */
	else if (p.link)
		bufferevent_free(p.link);
	if (p.base)
		event_base_free(p.base);
	SSL_CTX_free(p.context);
	return p.status;
}
