/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/base/socket_address.h"
#include "filter/services/clamd_wire.h"
#include "filter/services/clock.h"

#define CONNECT_MS     3000 /* over TCP; a unix socket says at once */
#define RETRY_MIN_MS   1000
#define RETRY_MAX_MS   10000
#define VERSION_MS     60000 /* a version is believed for so long */
#define MAX_SILENT     5     /* questions in a row without an answer */
#define MAX_LINKS      32    /* connections at once; clamd itself has 10 threads, and a queue */
#define MAX_OPEN       2000  /* questions */
#define MAX_OPEN_BYTES (512u << 20)
#define CHUNK          (64u << 10) /* octets of a stream at once */
#define DIGEST         32
#define KEPT           4096 /* answers; each has one place, and takes it from the one before */
#define WHY_MAX        400

enum step {
	STEP_VERSION, /* what signatures does it have? */
	STEP_FILE,    /* FILDES */
	STEP_STREAM,  /* INSTREAM */
};

struct server {
	char *address, *subject;
	struct socket_address to;
	int64_t retry_ms, down_until_ms; /* 0: all was well so far; it is passed over until then */
	int64_t version_ms;              /* it was asked then */
	struct clamd_version version;
	unsigned silent;
	bool streams; /* it does not take files */
};

struct question {
	struct question *next, **at; /* the list that it is in, in the order of asking */
	struct clamd *clamd;
	char *bytes; /* what is looked at */
	size_t len;
	unsigned char digest[DIGEST];
	void (*done)(void *arg, const struct sluice_virus_answer *answer);
	void *arg;

	struct event *timer;      /* its deadline */
	struct bufferevent *link; /* NULL: it waits for its turn */
	struct server *server;    /* of the link; without one the first that is yet to be tried */
	enum step step;
	size_t sent;       /* of a stream */
	bool ended;        /* the end of the stream has been sent */
	bool refused;      /* the server at hand did not take the file */
	char why[WHY_MAX]; /* what the last server did that could not answer */
};

struct kept { /* all zeros: none */
	unsigned char digest[DIGEST];
	int64_t until_ms;
	char *found; /* NULL: nothing was */
};

struct clamd {
	struct clamd_host host;
	int64_t timeout_ms, max_bytes, keep_ms;
	struct server *servers;
	size_t server_count;
	unsigned references; /* atomic */

	/* of the reactor's thread: */
	bool closed;
	struct question *waiting, **last_waiting, *linked, **last_linked;
	unsigned open, links;
	size_t open_bytes;
	struct kept *kept;
};

static void go_on(struct question *q);
static void serve_waiting(struct clamd *c);

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
	struct clamd *c = q->clamd;

	if (!q->link)
		return;
	bufferevent_free(q->link);
	q->link = NULL;
	c->links--;
	list_take(q, &c->last_linked);
	list_add(q, &c->last_waiting);
}

static void question_free(struct question *q)
{
	if (q->timer)
		event_free(q->timer);
	free(q->bytes);
	free(q);
}

static void finish(struct question *q, const struct sluice_virus_answer *answer)
{
	struct clamd *c = q->clamd;

	unlink_it(q);
	list_take(q, &c->last_waiting);
	c->open--;
	c->open_bytes -= q->len;
	q->done(q->arg, answer);
	question_free(q);
}

static void fail(struct question *q, enum sluice_virus_status status, const char *why)
{
	struct sluice_virus_answer answer = { .status = status, .why = why, .found = "", .engine = "" };

	finish(q, &answer);
}

static void succeed(struct question *q, const struct server *s, const char *found)
{
	struct sluice_virus_answer answer = { .status = SLUICE_VIRUS_OK,
		.found = found,
		.engine = s->version.engine,
		.signatures_s = s->version.signatures_s };

	finish(q, &answer);
}

/* ---- answers that are kept ---- */

static struct kept *place_of(const struct question *q)
{
	uint32_t n;

	memcpy(&n, q->digest, sizeof n);
	return &q->clamd->kept[n % KEPT];
}

static const struct kept *look_up(const struct question *q)
{
	const struct kept *k = q->clamd->kept ? place_of(q) : NULL;

	return k && k->until_ms > clock_mono_ms() && !memcmp(k->digest, q->digest, DIGEST) ? k : NULL;
}

static void forget(struct kept *k)
{
	free(k->found);
	*k = (struct kept){ .until_ms = 0 };
}

static void forget_all(struct clamd *c)
{
	for (size_t i = 0; c->kept && i < KEPT; i++)
		forget(&c->kept[i]);
}

static void keep(const struct question *q, const char *found)
{
	struct kept *k = q->clamd->kept ? place_of(q) : NULL;
	char *copy = k && *found ? strdup(found) : NULL;

	if (!k || (*found && !copy))
		return;
	forget(k);
	memcpy(k->digest, q->digest, DIGEST);
	k->until_ms = clock_mono_ms() + q->clamd->keep_ms;
	k->found = copy;
}

/* ---- servers ---- */

static void is_well(struct clamd *c, struct server *s)
{
	s->retry_ms = 0;
	s->down_until_ms = 0;
	s->silent = 0;
	health_report(c->host.health, s->subject, true, "it answers");
}

static void is_down(struct clamd *c, struct server *s, const char *why)
{
	int64_t now = clock_mono_ms();
	char told[WHY_MAX + 60];

	if (s->down_until_ms > now) /* questions that were under way find out one after the other */
		return;
	s->retry_ms = !s->retry_ms ? RETRY_MIN_MS : s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
	s->down_until_ms = now + s->retry_ms;
	s->version_ms = -VERSION_MS; /* when it is back, with what? */
	(void)snprintf(told, sizeof told, "%s; it is passed over for %lld s", why, (long long)s->retry_ms / 1000);
	health_report(c->host.health, s->subject, false, told);
}

/* This server has no answer: another one may. */
static void next_server(struct question *q, const char *why)
{
	(void)snprintf(q->why, sizeof q->why, "%s: %s", q->server->subject, why);
	unlink_it(q);
	q->server++;
	q->refused = false;
	go_on(q);
}

static void lose_server(struct question *q, const char *why)
{
	is_down(q->clamd, q->server, why);
	next_server(q, why);
}

/* ---- what it says ---- */

static void on_version(struct question *q, const char *reply, size_t len)
{
	struct server *s = q->server;
	struct clamd_version version;

	if (!clamd_version_read(reply, len, &version)) {
		lose_server(q, "what it says is no version of ClamAV");
		return;
	}
	if (strcmp(version.text, s->version.text) != 0)
		forget_all(q->clamd);
	s->version = version;
	s->version_ms = clock_mono_ms();
	is_well(q->clamd, s);
	unlink_it(q);
	go_on(q);
}

static void on_found(struct question *q, const char *found)
{
	is_well(q->clamd, q->server);
	if (q->step == STEP_STREAM && q->refused)
		q->server->streams = true; /* it was not the octets that it did not like */
	keep(q, found);
	succeed(q, q->server, found);
}

static void on_reply(struct question *q, const char *bytes, size_t len)
{
	struct clamd_reply reply;

	if (q->step == STEP_VERSION) {
		on_version(q, bytes, len);
		return;
	}
	clamd_reply_read(bytes, len, &reply);
	switch (reply.kind) {
	case CLAMD_CLEAN:
	case CLAMD_FOUND:
		on_found(q, reply.text);
		return;
	case CLAMD_TOO_LARGE:
		is_well(q->clamd, q->server);
		fail(q, SLUICE_VIRUS_TOO_LARGE, "it is larger than clamd lets be looked at (StreamMaxLength)");
		return;
	case CLAMD_ERROR:
		if (q->step == STEP_STREAM) {
			next_server(q, reply.text);
			return;
		}
		q->refused = true; /* it may not be allowed to read the file: AppArmor, a container */
		unlink_it(q);
		go_on(q);
		return;
	case CLAMD_NONSENSE:
		lose_server(q, "what it says is no answer");
		return;
	}
}

/*
 * True: there was a whole reply, or what is none, and the question is no longer to be touched. last: what the link has not read yet is
 * looked at, too.
 */
static bool take_reply(struct question *q, bool last)
{
	char reply[CLAMD_REPLY_MAX];
	ssize_t n = evbuffer_copyout(bufferevent_get_input(q->link), reply, sizeof reply);
	size_t len = n > 0 ? (size_t)n : 0;
	const char *end;

	n = last ? recv(bufferevent_getfd(q->link), reply + len, sizeof reply - len, MSG_DONTWAIT) : 0;
	len += n > 0 ? (size_t)n : 0;
	end = memchr(reply, '\0', len);
	if (!end && len < sizeof reply)
		return false;
	if (end)
		on_reply(q, reply, (size_t)(end - reply));
	else
		lose_server(q, "its answer has no end");
	return true;
}

static void on_read(struct bufferevent *link, void *arg)
{
	struct question *q = arg;
	struct clamd *c = q->clamd;

	(void)link;
	(void)take_reply(q, false);
	serve_waiting(c);
}

/* ---- what it is told ---- */

/* The next chunk of a stream, each with its length before it; one of no octets is the end. */
static void on_write(struct bufferevent *link, void *arg)
{
	struct question *q = arg;
	struct clamd *c = q->clamd;
	struct evbuffer *out = bufferevent_get_output(link);
	size_t n = q->len - q->sent < CHUNK ? q->len - q->sent : CHUNK;
	uint32_t length = htonl((uint32_t)n);

	(void)bufferevent_set_timeouts(link, NULL, NULL); /* it is connected: from here on there is the deadline */
	if (q->step != STEP_STREAM || q->ended)
		return;
	q->ended = n == 0;
	if (evbuffer_add(out, &length, sizeof length) < 0 || evbuffer_add(out, q->bytes + q->sent, n) < 0) {
		fail(q, SLUICE_VIRUS_FAILED, "out of memory");
		serve_waiting(c);
		return;
	}
	q->sent += n;
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
	struct question *q = arg;
	struct clamd *c = q->clamd;
	const char *why = what & BEV_EVENT_TIMEOUT ? "it cannot be reached in time"
	                  : what & BEV_EVENT_EOF   ? "it has closed the connection"
	                                           : strerror(errno);

	(void)link;
	/* one that has heard enough may have said so before it closed, and what could not be sent to it any more is heard of first */
	if (!take_reply(q, true))
		lose_server(q, why);
	serve_waiting(c);
}

static bool send_file(int link, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (char[]){ 0 }, 1 }; /* a descriptor does not travel alone */
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(link, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static bool tell(struct question *q, int content)
{
	static const char version[] = "zVERSION", file[] = "zFILDES", stream[] = "zINSTREAM"; /* their NUL is sent */
	int fd = bufferevent_getfd(q->link);

	switch (q->step) {
	case STEP_VERSION:
		return bufferevent_write(q->link, version, sizeof version) == 0;
	case STEP_FILE: /* a new socket has room for it */
		return send(fd, file, sizeof file, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof file &&
		       send_file(fd, content);
	case STEP_STREAM:
		break;
	}
	q->sent = 0;
	q->ended = false;
	return bufferevent_write(q->link, stream, sizeof stream) == 0;
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
	struct clamd *c = q->clamd;
	int64_t ms = c->timeout_ms / 2 < CONNECT_MS ? c->timeout_ms / 2 : CONNECT_MS; /* another one has a chance yet */
	const struct timeval patience = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	int content, fd = connect_to(&q->server->to);

	if (fd < 0) {
		lose_server(q, strerror(errno));
		return;
	}
	q->link = bufferevent_socket_new(reactor_base(c->host.reactor), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!q->link) {
		(void)close(fd);
		fail(q, SLUICE_VIRUS_FAILED, "out of memory");
		return;
	}
	c->links++;
	list_take(q, &c->last_waiting);
	list_add(q, &c->last_linked);
	bufferevent_setcb(q->link, on_read, on_write, on_event, q);
	bufferevent_setwatermark(q->link, EV_READ, 0, CLAMD_REPLY_MAX);
	(void)bufferevent_set_timeouts(q->link, NULL, &patience);
	/* not before its turn: of a mail with many parts each would hold a descriptor */
	content = q->step == STEP_FILE ? fd_sealed("sluice-clamd", &(struct sluice_text){ q->bytes, q->len }, 1) : -1;
	if (q->step == STEP_FILE && content < 0)
		q->step = STEP_STREAM;
	if (bufferevent_enable(q->link, EV_READ | EV_WRITE) < 0 || !tell(q, content))
		lose_server(q, "it took no question");
	if (content >= 0)
		(void)close(content);
}

/* ---- the way of a question ---- */

static bool find_server(struct question *q)
{
	struct clamd *c = q->clamd;
	int64_t now = clock_mono_ms();

	for (; q->server < c->servers + c->server_count; q->server++) {
		if (q->server->down_until_ms <= now)
			return true;
		if (!*q->why)
			(void)snprintf(q->why, sizeof q->why, "%s: it does not work, and is passed over for now",
				q->server->subject);
	}
	return false;
}

/* It has no link: what is to be done next? */
static void go_on(struct question *q)
{
	struct clamd *c = q->clamd;
	const struct kept *kept;
	struct server *s;

	if (!find_server(q)) {
		fail(q, SLUICE_VIRUS_FAILED, q->why);
		return;
	}
	s = q->server;
	q->step = !*s->version.text || clock_mono_ms() - s->version_ms >= VERSION_MS ? STEP_VERSION
	          : s->to.u.any.sa_family == AF_UNIX && !s->streams && !q->refused   ? STEP_FILE
	                                                                             : STEP_STREAM;
	kept = q->step == STEP_VERSION ? NULL : look_up(q);
	if (kept)
		succeed(q, s, kept->found ? kept->found : "");
	else if (c->links < MAX_LINKS)
		open_link(q);
}

/* Links have become free. */
static void serve_waiting(struct clamd *c)
{
	while (c->waiting && c->links < MAX_LINKS)
		go_on(c->waiting);
}

static void on_timer(int fd, short what, void *arg)
{
	struct question *q = arg;
	struct clamd *c = q->clamd;
	struct server *s = q->server;
	char why[WHY_MAX];

	(void)fd;
	(void)what;
	if (!q->link) {
		fail(q, SLUICE_VIRUS_TIMEOUT, "too many questions were before it");
		return;
	}
	if (++s->silent >= MAX_SILENT) {
		(void)snprintf(why, sizeof why, "%u questions in a row had no answer in %lld ms", s->silent,
			(long long)c->timeout_ms);
		is_down(c, s, why);
	}
	(void)snprintf(why, sizeof why, "%s: no answer in its time", s->subject);
	fail(q, SLUICE_VIRUS_TIMEOUT, why);
	serve_waiting(c);
}

/* ---- asking ---- */

/* It is in no list yet. */
static void refuse(struct question *q, const char *why)
{
	struct sluice_virus_answer answer = { .status = SLUICE_VIRUS_FAILED, .why = why, .found = "", .engine = "" };

	q->done(q->arg, &answer);
	question_free(q);
}

static void on_ask(void *arg)
{
	struct question *q = arg;
	struct clamd *c = q->clamd;
	const struct timeval t = { .tv_sec = (time_t)(c->timeout_ms / 1000),
		.tv_usec = (suseconds_t)(c->timeout_ms % 1000) * 1000 };

	if (c->closed) {
		refuse(q, "the configuration has changed, or sluiced ends");
	} else if (c->open >= MAX_OPEN || c->open_bytes + q->len > MAX_OPEN_BYTES) {
		refuse(q, "too many questions to clamd are open");
	} else if (!(q->timer = evtimer_new(reactor_base(c->host.reactor), on_timer, q)) ||
		   evtimer_add(q->timer, &t) < 0) {
		refuse(q, "out of memory");
	} else {
		list_add(q, &c->last_waiting);
		c->open++;
		c->open_bytes += q->len;
		go_on(q);
		serve_waiting(c);
	}
}

static bool copy(struct question *q, const struct sluice_virus_request *rq)
{
	size_t at = 0;

	q->bytes = malloc(q->len + 1);
	for (size_t i = 0; q->bytes && i < rq->count; i++) {
		if (rq->pieces[i].len) /* bytes may be NULL */
			memcpy(q->bytes + at, rq->pieces[i].bytes, rq->pieces[i].len);
		at += rq->pieces[i].len;
	}
	return q->bytes && EVP_Digest(q->bytes, q->len, q->digest, NULL, EVP_sha256(), NULL);
}

void clamd_ask(struct clamd *c, const struct sluice_virus_request *rq,
	void (*done)(void *arg, const struct sluice_virus_answer *answer), void *arg)
{
	struct sluice_virus_answer failed = {
		.status = SLUICE_VIRUS_FAILED, .why = "out of memory", .found = "", .engine = ""
	};
	struct question *q = NULL;
	size_t len = 0;

	for (size_t i = 0; i < rq->count; i++)
		len += rq->pieces[i].len;
	if ((int64_t)len > c->max_bytes) {
		failed.status = SLUICE_VIRUS_TOO_LARGE;
		failed.why = "it is larger than is looked at";
	} else {
		q = calloc(1, sizeof *q);
	}
	if (q) {
		*q = (struct question){ .clamd = c, .len = len, .done = done, .arg = arg, .server = c->servers };
		if (copy(q, rq) && reactor_post(c->host.reactor, on_ask, q) == 0)
			return;
		question_free(q);
	}
	done(arg, &failed);
}

/* ---- all of it ---- */

static void clamd_free(struct clamd *c)
{
	for (size_t i = 0; i < c->server_count; i++) {
		free(c->servers[i].address);
		free(c->servers[i].subject);
	}
	free(c->servers);
	forget_all(c);
	free(c->kept);
	free(c);
}

static bool server_init(struct server *s, const char *address)
{
	s->address = strdup(address);
	if (asprintf(&s->subject, "clamd %s", address) < 0)
		s->subject = NULL;
	return s->address && s->subject && socket_address_read(address, &s->to);
}

struct clamd *clamd_new(const struct clamd_host *host, const struct sluice_virus_servers *settings)
{
	struct clamd *c = calloc(1, sizeof *c);
	size_t count = 0;
	bool good;

	if (!c)
		return NULL;
	*c = (struct clamd){ .host = *host,
		.references = 1,
		.timeout_ms = settings->timeout_ms,
		.max_bytes = settings->max_bytes,
		.keep_ms = settings->keep_ms };
	c->last_waiting = &c->waiting;
	c->last_linked = &c->linked;
	while (settings->servers[count])
		count++;
	c->servers = calloc(count, sizeof *c->servers);
	c->kept = settings->keep_ms ? calloc(KEPT, sizeof *c->kept) : NULL;
	good = c->servers && (c->kept || !settings->keep_ms);
	for (; good && c->server_count < count; c->server_count++)
		good = server_init(&c->servers[c->server_count], settings->servers[c->server_count]);
	if (good)
		return c;
	clamd_free(c);
	return NULL;
}

bool clamd_has(const struct clamd *c, const struct sluice_virus_servers *settings)
{
	size_t i = 0;

	for (; i < c->server_count; i++)
		if (!settings->servers[i] || strcmp(settings->servers[i], c->servers[i].address) != 0)
			return false;
	return !settings->servers[i] && c->timeout_ms == settings->timeout_ms && c->max_bytes == settings->max_bytes &&
	       c->keep_ms == settings->keep_ms;
}

struct clamd *clamd_ref(struct clamd *c)
{
	(void)__atomic_add_fetch(&c->references, 1, __ATOMIC_ACQ_REL);
	return c;
}

static void close_all(void *arg)
{
	struct clamd *c = arg;

	c->closed = true;
	while (c->linked)
		fail(c->linked, SLUICE_VIRUS_FAILED, "the configuration has changed, or sluiced ends");
	while (c->waiting)
		fail(c->waiting, SLUICE_VIRUS_FAILED, "the configuration has changed, or sluiced ends");
}

void clamd_stop(struct clamd *c)
{
	if (c)
		reactor_call(c->host.reactor, close_all, c);
}

void clamd_unref(struct clamd *c)
{
	if (!c || __atomic_sub_fetch(&c->references, 1, __ATOMIC_ACQ_REL))
		return;
	clamd_stop(c);
	for (size_t i = 0; i < c->server_count; i++)
		health_forget(c->host.health, c->servers[i].subject);
	clamd_free(c);
}
