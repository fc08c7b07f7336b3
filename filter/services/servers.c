/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/servers.h"

#include <errno.h>
#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/socket_address.h"
#include "filter/services/clock.h"

#define CONNECT_MS     3000 /* over TCP; a unix socket says at once */
#define RETRY_MIN_MS   1000
#define RETRY_MAX_MS   10000
#define MAX_SILENT     5    /* questions in a row without an answer */
#define MAX_LINKS      32   /* connections at once; who is asked has few threads, and a queue */
#define MAX_OPEN       2000 /* questions */
#define MAX_OPEN_BYTES (512u << 20)

struct server {
	char *address, *subject;
	struct socket_address to;
	int64_t retry_ms, down_until_ms; /* 0: all was well so far; it is passed over until then */
	unsigned silent;
};

struct servers {
	struct servers_host host;
	const struct servers_protocol *protocol;
	void *owner;
	int64_t timeout_ms;
	struct server *list;
	size_t count;
	unsigned references; /* atomic */

	/* of the reactor's thread: */
	bool closed;
	struct question *waiting, **last_waiting, *linked, **last_linked;
	unsigned open, links;
	size_t open_bytes;
};

static void go_on(struct question *q);

/* ---- lists of questions ---- */

static void list_add(struct question *q, struct question ***last)
{
	q->next = NULL;
	q->at = *last;
	**last = q;
	*last = &q->next;
}

static void list_take(struct question *q, struct question ***last)
{
	*q->at = q->next;
	if (q->next)
		q->next->at = q->at;
	else
		*last = q->at;
}

/* ---- the end of a question ---- */

static void unlink_it(struct question *q)
{
	struct servers *s = q->servers;

	if (!q->link)
		return;
	bufferevent_free(q->link);
	q->link = NULL;
	(void)evbuffer_drain(q->heard, evbuffer_get_length(q->heard));
	s->links--;
	list_take(q, &s->last_linked);
	list_add(q, &s->last_waiting);
}

/* It is in no list. */
static void release(struct question *q)
{
	if (q->timer)
		event_free(q->timer);
	if (q->heard)
		evbuffer_free(q->heard);
	q->timer = NULL;
	q->heard = NULL;
}

void servers_end(struct question *q)
{
	struct servers *s = q->servers;

	unlink_it(q);
	list_take(q, &s->last_waiting);
	s->open--;
	s->open_bytes -= q->len;
	release(q);
}

static void fail(struct question *q, enum servers_failure failure, const char *why)
{
	servers_end(q);
	q->servers->protocol->failed(q, failure, why);
}

/* ---- servers ---- */

static struct server *server_of(const struct question *q)
{
	return &q->servers->list[q->server];
}

bool servers_is_unix(const struct question *q)
{
	return server_of(q)->to.u.any.sa_family == AF_UNIX;
}

void servers_well(struct question *q)
{
	struct server *server = server_of(q);

	server->retry_ms = 0;
	server->down_until_ms = 0;
	server->silent = 0;
	health_report(q->servers->host.health, server->subject, true, "it answers");
}

static void is_down(struct question *q, const char *why)
{
	struct servers *s = q->servers;
	struct server *server = server_of(q);
	int64_t now = clock_mono_ms();
	char told[SERVERS_WHY_MAX + 60];

	if (server->down_until_ms > now) /* questions that were under way find out one after the other */
		return;
	server->retry_ms = !server->retry_ms ? RETRY_MIN_MS : server->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : server->retry_ms * 2;
	server->down_until_ms = now + server->retry_ms;
	if (s->protocol->down)
		s->protocol->down(s->owner, q->server);
	(void)snprintf(told, sizeof told, "%s; it is passed over for %lld s", why, (long long)server->retry_ms / 1000);
	health_report(s->host.health, server->subject, false, told);
}

void servers_again(struct question *q)
{
	unlink_it(q);
	go_on(q);
}

void servers_next(struct question *q, const char *why)
{
	(void)snprintf(q->why, sizeof q->why, "%s: %s", server_of(q)->subject, why);
	unlink_it(q);
	q->server++;
	go_on(q);
}

void servers_lose(struct question *q, const char *why)
{
	is_down(q, why);
	servers_next(q, why);
}

/* ---- a link ---- */

/* Links have become free. */
static void serve_waiting(struct servers *s)
{
	while (s->waiting && s->links < MAX_LINKS)
		go_on(s->waiting);
}

/* True: there was a whole reply, or too much of one, and the question is no longer to be touched. */
static bool take_reply(struct question *q, bool last)
{
	const struct servers_protocol *protocol = q->servers->protocol;
	size_t max = protocol->reply_max, len;
	const char *bytes;

	(void)bufferevent_read_buffer(q->link, q->heard);
	while (last && evbuffer_get_length(q->heard) < max && evbuffer_read(q->heard, bufferevent_getfd(q->link), -1) > 0)
		; /* what the link has not read yet */
	len = evbuffer_get_length(q->heard);
	if (protocol->to_the_end && !last && len <= max)
		return false;
	bytes = len ? (const char *)evbuffer_pullup(q->heard, -1) : "";
	if (!bytes)
		fail(q, SERVERS_FAILED, "out of memory");
	else if (protocol->to_the_end && len > max)
		servers_lose(q, "its answer has no end");
	else if (protocol->heard(q, bytes, len < max ? len : max, last))
		return true;
	else if (len < max)
		return false;
	else
		servers_lose(q, "its answer has no end");
	return true;
}

static void on_read(struct bufferevent *link, void *arg)
{
	struct question *q = arg;
	struct servers *s = q->servers;

	(void)link;
	(void)take_reply(q, false);
	serve_waiting(s);
}

static void on_write(struct bufferevent *link, void *arg)
{
	struct question *q = arg;
	struct servers *s = q->servers;

	(void)bufferevent_set_timeouts(link, NULL, NULL); /* it is connected: from here on there is the deadline */
	if (s->protocol->written)
		s->protocol->written(q);
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
	struct question *q = arg;
	struct servers *s = q->servers;
	const char *why = what & BEV_EVENT_TIMEOUT ? "it cannot be reached in time"
	                  : what & BEV_EVENT_EOF   ? "it has closed the connection"
	                                           : strerror(errno);

	(void)link;
	/* one that has heard enough may have said so before it closed, and what could not be sent to it any more is heard of first */
	if (!take_reply(q, true))
		servers_lose(q, why);
	serve_waiting(s);
}

/* A unix socket is connected at once, or not; over TCP it goes on. -1 with errno. */
static int connect_to(const struct socket_address *to)
{
	int fd = socket(to->u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, error;

	if (fd >= 0 && to->u.any.sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (fd < 0 || connect(fd, &to->u.any, to->len) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

static void open_link(struct question *q)
{
	struct servers *s = q->servers;
	int64_t ms = s->timeout_ms / 2 < CONNECT_MS ? s->timeout_ms / 2 : CONNECT_MS; /* another one has a chance yet */
	const struct timeval patience = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	int fd = connect_to(&server_of(q)->to);

	if (fd < 0) {
		servers_lose(q, strerror(errno));
		return;
	}
	q->link = bufferevent_socket_new(reactor_base(s->host.reactor), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!q->link) {
		(void)close(fd);
		fail(q, SERVERS_FAILED, "out of memory");
		return;
	}
	s->links++;
	list_take(q, &s->last_waiting);
	list_add(q, &s->last_linked);
	bufferevent_setcb(q->link, on_read, on_write, on_event, q);
	(void)bufferevent_set_timeouts(q->link, NULL, &patience);
	if (bufferevent_enable(q->link, EV_READ | EV_WRITE) < 0 || !s->protocol->tell(q))
		servers_lose(q, "it took no question");
}

/* ---- the way of a question ---- */

static bool find_server(struct question *q)
{
	struct servers *s = q->servers;
	int64_t now = clock_mono_ms();

	for (; q->server < s->count; q->server++) {
		if (server_of(q)->down_until_ms <= now)
			return true;
		if (!*q->why)
			(void)snprintf(q->why, sizeof q->why, "%s: it does not work, and is passed over for now", server_of(q)->subject);
	}
	return false;
}

/* It has no link: what is to be done next? */
static void go_on(struct question *q)
{
	struct servers *s = q->servers;

	if (!find_server(q)) {
		fail(q, SERVERS_FAILED, q->why);
		return;
	}
	if (s->protocol->begin && !s->protocol->begin(q))
		return;
	if (s->links < MAX_LINKS)
		open_link(q);
}

static void on_timer(int fd, short what, void *arg)
{
	struct question *q = arg;
	struct servers *s = q->servers;
	char why[SERVERS_WHY_MAX];

	(void)fd;
	(void)what;
	if (!q->link) {
		fail(q, SERVERS_TIMEOUT, "too many questions were before it");
		return;
	}
	if (++server_of(q)->silent >= MAX_SILENT) {
		(void)snprintf(why, sizeof why, "%u questions in a row had no answer in %lld ms", server_of(q)->silent, (long long)s->timeout_ms);
		is_down(q, why);
	}
	(void)snprintf(why, sizeof why, "%s: no answer in its time", server_of(q)->subject);
	fail(q, SERVERS_TIMEOUT, why);
	serve_waiting(s);
}

/* ---- asking ---- */

/* It is in no list yet. */
static void refuse(struct question *q, const char *why)
{
	release(q);
	q->servers->protocol->failed(q, SERVERS_FAILED, why);
}

static void on_ask(void *arg)
{
	struct question *q = arg;
	struct servers *s = q->servers;
	const struct timeval t = { .tv_sec = (time_t)(s->timeout_ms / 1000), .tv_usec = (suseconds_t)(s->timeout_ms % 1000) * 1000 };

	if (s->closed) {
		refuse(q, "the configuration has changed, or sluiced ends");
	} else if (s->open >= MAX_OPEN || s->open_bytes + q->len > MAX_OPEN_BYTES) {
		refuse(q, "too many questions are open");
	} else if (!(q->heard = evbuffer_new()) || !(q->timer = evtimer_new(reactor_base(s->host.reactor), on_timer, q)) ||
		   evtimer_add(q->timer, &t) < 0) {
		refuse(q, "out of memory");
	} else {
		list_add(q, &s->last_waiting);
		s->open++;
		s->open_bytes += q->len;
		go_on(q);
		serve_waiting(s);
	}
}

size_t servers_length(const struct sluice_text *pieces, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	return len;
}

char *servers_copy(const struct sluice_text *pieces, size_t count)
{
	char *bytes = malloc(servers_length(pieces, count) + 1), *end = bytes;

	for (size_t i = 0; bytes && i < count; i++) {
		if (pieces[i].len) /* bytes may be NULL */
			memcpy(end, pieces[i].bytes, pieces[i].len);
		end += pieces[i].len;
	}
	if (bytes)
		*end = '\0';
	return bytes;
}

bool servers_ask(struct question *q)
{
	return reactor_post(q->servers->host.reactor, on_ask, q) == 0;
}

/* ---- all of them ---- */

static void servers_free(struct servers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i].address);
		free(s->list[i].subject);
	}
	free(s->list);
	free(s);
}

static bool server_init(struct server *server, const char *name, const char *address)
{
	server->address = strdup(address);
	if (asprintf(&server->subject, "%s %s", name, address) < 0)
		server->subject = NULL;
	return server->address && server->subject && socket_address_read(address, &server->to);
}

struct servers *servers_new(const struct servers_host *host, const struct servers_protocol *protocol, void *owner, const char *name,
	const char *const *addresses, int64_t timeout_ms)
{
	struct servers *s = calloc(1, sizeof *s);
	size_t count = 0;
	bool good;

	if (!s)
		return NULL;
	*s = (struct servers){ .host = *host, .protocol = protocol, .owner = owner, .timeout_ms = timeout_ms, .references = 1 };
	s->last_waiting = &s->waiting;
	s->last_linked = &s->linked;
	while (addresses[count])
		count++;
	/* NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): there is no block without a server */
	s->list = calloc(count, sizeof *s->list);
	good = s->list != NULL;
	for (; good && s->count < count; s->count++)
		good = server_init(&s->list[s->count], name, addresses[s->count]);
	if (good)
		return s;
	servers_free(s);
	return NULL;
}

bool servers_are(const struct servers *s, const struct servers_protocol *protocol, const char *const *addresses, int64_t timeout_ms)
{
	size_t i = 0;

	for (; i < s->count; i++)
		if (!addresses[i] || strcmp(addresses[i], s->list[i].address) != 0)
			return false;
	return !addresses[i] && s->protocol == protocol && s->timeout_ms == timeout_ms;
}

void *servers_owner(const struct servers *s)
{
	return s->owner;
}

struct servers *servers_ref(struct servers *s)
{
	(void)__atomic_add_fetch(&s->references, 1, __ATOMIC_ACQ_REL);
	return s;
}

static void close_all(void *arg)
{
	struct servers *s = arg;

	s->closed = true;
	while (s->linked)
		fail(s->linked, SERVERS_FAILED, "the configuration has changed, or sluiced ends");
	while (s->waiting)
		fail(s->waiting, SERVERS_FAILED, "the configuration has changed, or sluiced ends");
}

void servers_stop(struct servers *s)
{
	if (s)
		reactor_call(s->host.reactor, close_all, s);
}

void servers_unref(struct servers *s)
{
	if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL))
		return;
	servers_stop(s);
	for (size_t i = 0; i < s->count; i++)
		health_forget(s->host.health, s->list[i].subject);
	s->protocol->free(s->owner);
	servers_free(s);
}
