/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/socket_address.h"
#include "filter/base/unix_socket.h"
#include "filter/observe/http_tls.h"
#include "filter/services/clock.h"
#include "filter/services/reactor.h"

#define BACKLOG   128
#define ADDRESS_MAX 128 /* octets of ADDRESS in `http`, with the NUL */
#define ACCEPT_REST_MS 100
#define LINGER_MS 2000 /* for the other side to take the last of an answer */

struct job { /* an answer that takes long */
	struct http *http;
	struct client *client; /* NULL: gone meanwhile */
	struct http_answer answer;
	bool body;
};

struct client {
	TAILQ_ENTRY(client) entry; /* in the order in which they came */
	struct http *http;
	struct bufferevent *bev;
	struct event *deadline;
	struct job *job; /* NULL: none */
	bool admitted;   /* its body may come */
	bool read; /* its request is whole, or refused: what still comes is thrown away */
	bool sent;
};

struct bucket { /* of HTTP_BURST that fills by HTTP_A_SECOND */
	int64_t milli, filled_ms;
};

struct http {
	struct reactor *reactor;
	struct http_host host;
	struct socket_address address;
	struct evconnlistener *listener;
	struct event *tick, *rested;
	TAILQ_HEAD(, client) clients;
	size_t client_count, job_count;
	bool busy; /* at its end there was a job */
	int inherited; /* the listening socket; -1: none */
	bool retired;  /* it is another process's now */
	struct bucket requests, handshakes;
	struct http_tls_gate gate;
	int error;
};

static const struct { unsigned status; const char *reason; } reasons[] = {
	{ 200, "OK" }, { 303, "See Other" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 411, "Length Required" }, { 413, "Content Too Large" }, { 414, "URI Too Long" },
	{ 421, "Misdirected Request" }, { 422, "Unprocessable Content" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" }, { 505, "HTTP Version Not Supported" },
};

static const char *reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Other";
}

/* ---- clients ---- */

/* Now: libevent closes what it frees when the loop goes on, and many may be accepted before that. */
static void close_now(struct bufferevent *bev)
{
	evutil_socket_t fd = bufferevent_getfd(bev);

	(void)bufferevent_setfd(bev, -1);
	bufferevent_free(bev);
	if (fd >= 0)
		(void)close(fd);
}

static void client_free(struct client *c)
{
	struct http *h = c->http;

	TAILQ_REMOVE(&h->clients, c, entry);
	h->client_count--;
	if (c->job)
		c->job->client = NULL;
	if (c->deadline)
		event_free(c->deadline);
	if (c->bev)
		close_now(c->bev);
	free(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_free(arg);
}

static void set_deadline(struct client *c, int64_t ms)
{
	const struct timeval t = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(c->deadline, &t);
}

/*
 * The same head for every answer. No origin but ours may use what is here, nothing from elsewhere is loaded by it, and nothing of it is
 * kept: it names people.
 */
static void send_answer(struct client *c, const struct http_answer *a, bool body)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char date[64];
	time_t now = time(NULL);
	struct tm tm;

	c->read = true;
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	(void)evbuffer_add_printf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n", a->status, reason(a->status),
		date, a->type, a->body.len);
	if (a->challenge)
		(void)evbuffer_add_printf(out, "WWW-Authenticate: %s\r\n", a->challenge);
	if (a->allow)
		(void)evbuffer_add_printf(out, "Allow: %s\r\n", a->allow);
	if (a->status == 429)
		(void)evbuffer_add_printf(out, "Retry-After: 1\r\n");
	(void)evbuffer_add_printf(out,
		"Cache-Control: no-store\r\n"
		"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
		"base-uri 'none'; frame-ancestors 'none'\r\n"
		"Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n"
		"X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\r\n");
	if (body && a->body.len)
		(void)evbuffer_add(out, a->body.bytes, a->body.len);
	set_deadline(c, HTTP_ANSWER_MS);
}

static void refuse(struct client *c, unsigned status)
{
	struct http_answer a = { .status = status, .type = "text/plain; charset=utf-8", .body = TEXT_INIT(4096) };

	c->http->host.refuse(c->http->host.arg, &a);
	send_answer(c, &a, true);
	text_done(&a.body);
}

/* What is asked beyond it costs next to nothing. */
static bool take_one(struct bucket *b)
{
	int64_t now = clock_mono_ms();

	b->milli += (now - b->filled_ms) * HTTP_A_SECOND;
	if (b->milli > HTTP_BURST * 1000)
		b->milli = HTTP_BURST * 1000;
	b->filled_ms = now;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

static bool may_shake_hands(void *arg)
{
	struct http *h = arg;

	return take_one(&h->handshakes);
}

static struct http_answer empty_answer(void)
{
	return (struct http_answer){ .status = 200, .type = "text/plain; charset=utf-8", .body = TEXT_INIT(HTTP_ANSWER_MAX) };
}

static void give(struct client *c, struct http_answer *a, bool body)
{
	if (a->body.failed)
		refuse(c, 500);
	else
		send_answer(c, a, body);
}

static void finish_job(void *arg)
{
	struct job *j = arg;

	j->http->job_count--;
	if (j->client) {
		j->client->job = NULL;
		give(j->client, &j->answer, j->body);
	}
	text_done(&j->answer.body);
	free(j);
}

static void *run_job(void *arg)
{
	struct job *j = arg;

	j->answer.work(j->answer.work_arg, &j->answer);
	while (reactor_post(j->http->reactor, finish_job, j) < 0)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL); /* no memory for it just now */
	return NULL;
}

/* False: there is no thread for it. */
static bool start_job(struct client *c, const struct http_answer *a, bool body)
{
	struct job *j = c->http->job_count < HTTP_MAX_JOBS ? calloc(1, sizeof *j) : NULL;
	pthread_attr_t detached;
	pthread_t thread;
	int r;

	if (!j)
		return false;
	*j = (struct job){ .http = c->http, .client = c, .answer = *a, .body = body };
	(void)pthread_attr_init(&detached);
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &detached, run_job, j); /* with the signals of this thread: none */
	(void)pthread_attr_destroy(&detached);
	if (r) {
		free(j);
		return false;
	}
	c->job = j;
	c->read = true;
	c->http->job_count++;
	set_deadline(c, HTTP_JOB_MS);
	return true;
}

static void serve(struct client *c, const struct http_request *q, const char *body)
{
	struct http *h = c->http;
	struct http_answer a = empty_answer();

	if (h->job_count == HTTP_MAX_JOBS && q->method == HTTP_POST) {
		refuse(c, 503);
		return;
	}
	h->host.serve(h->host.arg, q, body, (size_t)q->length, &a);
	if (a.work && start_job(c, &a, q->method != HTTP_HEAD))
		return;
	if (a.work) /* there is no thread for it: then this one */
		a.work(a.work_arg, &a);
	give(c, &a, q->method != HTTP_HEAD);
	text_done(&a.body);
}

/* Who wants to send a body has to be let in before it comes. False: it was answered. */
static bool admit(struct client *c, const struct http_request *q)
{
	struct http_answer a = empty_answer();
	int64_t most;

	if (c->admitted)
		return true;
	most = c->http->host.admit(c->http->host.arg, q, &a);
	if (most < 0)
		give(c, &a, true);
	else if (q->length > (uint64_t)most)
		refuse(c, 413);
	else
		c->admitted = true;
	text_done(&a.body);
	return c->admitted;
}

/* Called for each 16 KB or less, so that this bounds what is held: a watermark would leave the rest of a record of TLS where no event tells of it. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in), head_len, looked = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
	const char *bytes;
	struct http_request q;
	int r;

	if (c->read) {
		(void)evbuffer_drain(in, len);
		return;
	}
	bytes = (const char *)evbuffer_pullup(in, (ev_ssize_t)looked);
	r = bytes ? http_request_read(bytes, looked, &q, &head_len) : -EAGAIN;
	if (r == -EAGAIN)
		return;
	if (r == 0 && q.method == HTTP_POST && !q.has_length)
		r = 411;
	if (r == 0 && q.length > 0 && q.method != HTTP_POST)
		r = 413;
	if (r == 0 && q.length > 0 && !admit(c, &q)) {
		(void)evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (r == 0 && len < head_len + q.length)
		return;
	if (r == 0 && !take_one(&c->http->requests))
		r = 429;
	if (r)
		refuse(c, (unsigned)r);
	else
		serve(c, &q, (const char *)evbuffer_pullup(in, (ev_ssize_t)(head_len + q.length)) + head_len);
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

/* A socket that is closed with octets in it that nobody has read takes what was sent with it: so it is half closed, and read to its end. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (!c->read || c->sent || c->job)
		return;
	c->sent = true;
	http_tls_end(bev);
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
	set_deadline(c, LINGER_MS);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	if (what & BEV_EVENT_CONNECTED)
		return;
	if ((what & BEV_EVENT_EOF) && c->read && !c->sent) { /* it has said all, and still listens */
		(void)bufferevent_enable(bev, EV_WRITE);     /* which one of TLS stops with the end of reading */
		return;
	}
	client_free(c);
}

/* The one that has been sending its request for longest; else the oldest. */
static struct client *least_wanted(struct http *h)
{
	struct client *c;

	TAILQ_FOREACH(c, &h->clients, entry)
		if (!c->read)
			return c;
	return TAILQ_FIRST(&h->clients);
}

static struct bufferevent *new_link(struct http *h, evutil_socket_t fd)
{
	SSL_CTX *context = h->host.tls(h->host.arg);
	struct bufferevent *link = context ? http_tls_link(reactor_base(h->reactor), context, &h->gate, fd)
					   : bufferevent_socket_new(reactor_base(h->reactor), fd, BEV_OPT_CLOSE_ON_FREE);

	SSL_CTX_free(context); /* the link has its own reference */
	return link;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int sa_len, void *arg)
{
	struct http *h = arg;
	struct client *c = calloc(1, sizeof *c);

	(void)listener;
	(void)sa;
	(void)sa_len;
	if (!c) {
		(void)close(fd);
		return;
	}
	if (h->client_count == HTTP_MAX_CLIENTS)
		client_free(least_wanted(h));
	c->http = h;
	TAILQ_INSERT_TAIL(&h->clients, c, entry);
	h->client_count++;
	c->bev = new_link(h, fd);
	c->deadline = evtimer_new(reactor_base(h->reactor), on_deadline, c);
	if (!c->bev || !c->deadline) {
		if (!c->bev)
			(void)close(fd);
		client_free(c);
		return;
	}
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	set_deadline(c, HTTP_REQUEST_MS);
	(void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* No descriptor is left: the client waits, instead of being asked for again and again. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval rest = { .tv_usec = ACCEPT_REST_MS * 1000 };
	struct http *h = arg;

	if (event_add(h->rested, &rest) == 0)
		(void)evconnlistener_disable(listener);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	(void)evconnlistener_enable(h->listener);
}

/* ---- start and stop ---- */

const char *http_socket_path(const char *listen)
{
	return !strncmp(listen, "unix:", 5) ? listen + 5 : NULL;
}

/* ADDRESS:PORT with brackets around an IPv6 address. NULL: it is none; else the port. */
static const char *split_tcp(const char *listen, char ret_address[ADDRESS_MAX])
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;
	uint64_t port;

	if (len > 2 && listen[0] == '[' && colon[-1] == ']') {
		listen++;
		len -= 2;
	}
	if (!len || len >= ADDRESS_MAX || !ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return NULL;
	memcpy(ret_address, listen, len);
	ret_address[len] = '\0';
	return colon + 1;
}

/* A name is looked up. */
static bool read_tcp(const char *listen, struct socket_address *ret)
{
	const struct addrinfo wanted = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	char address[ADDRESS_MAX];
	const char *port = split_tcp(listen, address);
	struct addrinfo *found;

	if (!port || getaddrinfo(address, port, &wanted, &found) != 0)
		return false;
	memcpy(&ret->u, found->ai_addr, found->ai_addrlen);
	ret->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool http_place_valid(const char *listen)
{
	struct socket_address path;
	char address[ADDRESS_MAX];

	return http_socket_path(listen) ? socket_address_read(listen, &path) : split_tcp(listen, address) != NULL;
}

static int open_socket(const struct socket_address *a, int *ret)
{
	int fd = socket(a->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error = fd < 0 ? errno : 0;

	if (!error) {
		mode_t old = umask(0177);

		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		error = bind(fd, &a->u.any, a->len) < 0 || listen(fd, BACKLOG) < 0 ? errno : 0;
		(void)umask(old);
	}
	if (error && fd >= 0)
		(void)close(fd);
	*ret = fd;
	return error;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	h->host.tick(h->host.arg);
}

static void start(void *arg)
{
	static const struct timeval every = { .tv_sec = HTTP_TICK_S };
	struct http *h = arg;
	int fd = h->inherited;

	h->error = fd >= 0 ? 0 : open_socket(&h->address, &fd);
	if (h->error)
		return;
	h->listener = evconnlistener_new(reactor_base(h->reactor), on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	h->tick = event_new(reactor_base(h->reactor), -1, EV_PERSIST, on_tick, h);
	h->rested = evtimer_new(reactor_base(h->reactor), on_rested, h);
	if (!h->listener)
		(void)close(fd);
	if (!h->listener || !h->tick || !h->rested || event_add(h->tick, &every) < 0) {
		h->error = ENOMEM;
		return;
	}
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	h->host.tick(h->host.arg);
}

static void stop(void *arg)
{
	struct http *h = arg;

	h->busy = h->job_count > 0;
	if (h->tick)
		event_free(h->tick);
	h->tick = NULL;
	if (h->rested)
		event_free(h->rested);
	h->rested = NULL;
	while (!TAILQ_EMPTY(&h->clients))
		client_free(TAILQ_FIRST(&h->clients));
	if (!h->listener)
		return;
	evconnlistener_free(h->listener);
	h->listener = NULL;
	if (h->address.u.any.sa_family == AF_UNIX && !h->retired)
		(void)unlink(h->address.u.un.sun_path);
}

struct http *http_new(const char *listen, int inherited, const struct http_host *host, struct err *reterr)
{
	struct http *h = calloc(1, sizeof *h);

	if (!h) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	*h = (struct http){ .host = *host, .inherited = inherited, .gate = { may_shake_hands, h } };
	h->requests = h->handshakes = (struct bucket){ HTTP_BURST * 1000, clock_mono_ms() };
	TAILQ_INIT(&h->clients);
	if (!(http_socket_path(listen) ? socket_address_read(listen, &h->address) : read_tcp(listen, &h->address))) {
		(void)err_set(reterr, -EINVAL, "http: '%s' is no place to listen: there is no such address", listen);
		free(h);
		return NULL;
	}
	if (inherited < 0 && h->address.u.any.sa_family == AF_UNIX && unix_socket_clear("http", &h->address.u.un, reterr) < 0) {
		free(h);
		return NULL;
	}
	h->reactor = reactor_new();
	if (!h->reactor) {
		(void)err_set(reterr, -ENOMEM, "http: no thread for it");
		free(h);
		return NULL;
	}
	reactor_call(h->reactor, start, h);
	if (h->error) {
		(void)err_set(reterr, -h->error, "http: cannot listen on %s: %s", listen, strerror(h->error));
		(void)http_free(h, inherited >= 0);
		return NULL;
	}
	return h;
}

int http_socket(const struct http *h)
{
	return evconnlistener_get_fd(h->listener);
}

bool http_free(struct http *h, bool retired)
{
	if (!h)
		return true;
	h->retired = retired;
	reactor_call(h->reactor, stop, h);
	if (h->busy)
		return false;
	reactor_free(h->reactor);
	free(h);
	return true;
}
