/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/services/clamd_wire.h"
#include "filter/services/clock.h"

#define VERSION_MS 60000 /* a version is believed for so long */
#define CHUNK      (64u << 10) /* octets of a stream at once */
#define DIGEST     32
#define KEPT       4096 /* answers; each has one place, and takes it from the one before */

enum step {
	STEP_VERSION, /* what signatures does it have? */
	STEP_FILE,    /* FILDES */
	STEP_STREAM,  /* INSTREAM */
};

struct known { /* of a server */
	int64_t version_ms; /* it was asked then */
	struct clamd_version version;
	bool streams; /* it does not take files */
};

struct asked {
	struct question q;
	char *bytes; /* what is looked at */
	unsigned char digest[DIGEST];
	void (*done)(void *arg, const struct sluice_virus_answer *answer);
	void *arg;

	enum step step;
	size_t sent;       /* of a stream */
	bool ended;        /* the end of the stream has been sent */
	size_t refused_by; /* a server that did not take the file, from 1 on; 0: none */
};

struct kept { /* all zeros: none */
	unsigned char digest[DIGEST];
	int64_t until_ms;
	char *found; /* NULL: nothing was */
};

struct clamd {
	int64_t max_bytes, keep_ms;

	/* of the reactor's thread: */
	struct known *known; /* by index of the servers */
	struct kept *kept;
};

static struct asked *asked_of(struct question *q)
{
	return (struct asked *)q; /* its first member */
}

static struct clamd *clamd_of(const struct asked *a)
{
	return servers_owner(a->q.servers);
}

static struct known *known_of(const struct asked *a)
{
	return &clamd_of(a)->known[a->q.server];
}

/* ---- the end of a question ---- */

static void asked_free(struct asked *a)
{
	free(a->bytes);
	free(a);
}

static void on_failed(struct question *q, enum servers_failure failure, const char *why)
{
	struct sluice_virus_answer answer = { .why = why, .found = "", .engine = "" };
	struct asked *a = asked_of(q);

	answer.status = failure == SERVERS_TIMEOUT ? SLUICE_VIRUS_TIMEOUT : SLUICE_VIRUS_FAILED;
	a->done(a->arg, &answer);
	asked_free(a);
}

static void finish(struct asked *a, const struct sluice_virus_answer *answer)
{
	servers_end(&a->q);
	a->done(a->arg, answer);
	asked_free(a);
}

static void succeed(struct asked *a, const char *found)
{
	const struct clamd_version *v = &known_of(a)->version;
	struct sluice_virus_answer answer = { .status = SLUICE_VIRUS_OK, .found = found, .engine = v->engine, .signatures_s = v->signatures_s };

	finish(a, &answer);
}

/* ---- answers that are kept ---- */

static struct kept *place_of(const struct asked *a)
{
	uint32_t n;

	memcpy(&n, a->digest, sizeof n);
	return &clamd_of(a)->kept[n % KEPT];
}

static const struct kept *look_up(const struct asked *a)
{
	const struct kept *k = clamd_of(a)->kept ? place_of(a) : NULL;

	return k && k->until_ms > clock_mono_ms() && !memcmp(k->digest, a->digest, DIGEST) ? k : NULL;
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

static void keep(const struct asked *a, const char *found)
{
	struct kept *k = clamd_of(a)->kept ? place_of(a) : NULL;
	char *copy = k && *found ? strdup(found) : NULL;

	if (!k || (*found && !copy))
		return;
	forget(k);
	memcpy(k->digest, a->digest, DIGEST);
	k->until_ms = clock_mono_ms() + clamd_of(a)->keep_ms;
	k->found = copy;
}

/* ---- what it says ---- */

static void on_version(struct asked *a, const char *reply, size_t len)
{
	struct known *known = known_of(a);
	struct clamd_version version;

	if (!clamd_version_read(reply, len, &version)) {
		servers_lose(&a->q, "what it says is no version of ClamAV");
		return;
	}
	if (strcmp(version.text, known->version.text) != 0)
		forget_all(clamd_of(a));
	known->version = version;
	known->version_ms = clock_mono_ms();
	servers_well(&a->q);
	servers_again(&a->q);
}

static bool is_refused(const struct asked *a)
{
	return a->refused_by == a->q.server + 1;
}

static void on_found(struct asked *a, const char *found)
{
	servers_well(&a->q);
	if (a->step == STEP_STREAM && is_refused(a))
		known_of(a)->streams = true; /* it was not the octets that it did not like */
	keep(a, found);
	succeed(a, found);
}

static void on_too_large(struct asked *a)
{
	struct sluice_virus_answer answer = { .status = SLUICE_VIRUS_TOO_LARGE, .found = "", .engine = "",
		.why = "it is larger than clamd lets be looked at (StreamMaxLength)" };

	servers_well(&a->q);
	finish(a, &answer);
}

static void on_reply(struct asked *a, const char *bytes, size_t len)
{
	struct clamd_reply reply;

	if (a->step == STEP_VERSION) {
		on_version(a, bytes, len);
		return;
	}
	clamd_reply_read(bytes, len, &reply);
	switch (reply.kind) {
	case CLAMD_CLEAN:
	case CLAMD_FOUND:
		on_found(a, reply.text);
		return;
	case CLAMD_TOO_LARGE:
		on_too_large(a);
		return;
	case CLAMD_ERROR:
		if (a->step == STEP_STREAM) {
			servers_next(&a->q, reply.text);
			return;
		}
		a->refused_by = a->q.server + 1; /* it may not be allowed to read the file: AppArmor, a container */
		servers_again(&a->q);
		return;
	case CLAMD_NONSENSE:
		servers_lose(&a->q, "what it says is no answer");
		return;
	}
}

static bool on_heard(struct question *q, const char *bytes, size_t len, bool last)
{
	const char *end = memchr(bytes, '\0', len);

	(void)last;
	if (end)
		on_reply(asked_of(q), bytes, (size_t)(end - bytes));
	return end != NULL;
}

/* ---- what it is told ---- */

/* The next chunk of a stream, each with its length before it; one of no octets is the end. */
static void on_written(struct question *q)
{
	struct asked *a = asked_of(q);
	struct evbuffer *out = bufferevent_get_output(q->link);
	size_t n = q->len - a->sent < CHUNK ? q->len - a->sent : CHUNK;
	uint32_t length = htonl((uint32_t)n);

	if (a->step != STEP_STREAM || a->ended)
		return;
	a->ended = n == 0;
	if (evbuffer_add(out, &length, sizeof length) < 0 || evbuffer_add(out, q->bytes + a->sent, n) < 0) {
		struct sluice_virus_answer answer = { .status = SLUICE_VIRUS_FAILED, .why = "out of memory", .found = "", .engine = "" };

		finish(a, &answer);
		return;
	}
	a->sent += n;
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

static bool tell_file(const struct asked *a, int content)
{
	static const char file[] = "zFILDES"; /* its NUL is sent */
	int fd = bufferevent_getfd(a->q.link);
	bool sent = send(fd, file, sizeof file, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof file; /* a new socket has room */

	/* one that has closed before the file came has said why */
	sent = sent && (send_file(fd, content) || errno == EPIPE || errno == ECONNRESET);
	(void)close(content);
	return sent;
}

static bool on_tell(struct question *q)
{
	static const char version[] = "zVERSION", stream[] = "zINSTREAM"; /* their NUL is sent */
	struct asked *a = asked_of(q);
	/* not before its turn: of a mail with many parts each would hold a descriptor */
	int content = a->step == STEP_FILE ? fd_sealed("sluice-clamd", &(struct sluice_text){ q->bytes, q->len }, 1) : -1;

	if (content >= 0)
		return tell_file(a, content);
	if (a->step == STEP_VERSION)
		return bufferevent_write(q->link, version, sizeof version) == 0;
	a->step = STEP_STREAM;
	a->sent = 0;
	a->ended = false;
	return bufferevent_write(q->link, stream, sizeof stream) == 0;
}

/* ---- the way of a question ---- */

static bool on_begin(struct question *q)
{
	struct asked *a = asked_of(q);
	const struct known *known = known_of(a);
	const struct kept *kept;

	a->step = !*known->version.text || clock_mono_ms() - known->version_ms >= VERSION_MS ? STEP_VERSION
	          : servers_is_unix(q) && !known->streams && !is_refused(a)                  ? STEP_FILE
	                                                                                     : STEP_STREAM;
	kept = a->step == STEP_VERSION ? NULL : look_up(a);
	if (kept)
		succeed(a, kept->found ? kept->found : "");
	return !kept;
}

static void on_down(void *owner, size_t server)
{
	struct clamd *c = owner;

	c->known[server].version_ms = -VERSION_MS; /* when it is back, with what? */
}

static void clamd_free(void *owner)
{
	struct clamd *c = owner;

	forget_all(c);
	free(c->kept);
	free(c->known);
	free(c);
}

static const struct servers_protocol protocol = {
	.reply_max = CLAMD_REPLY_MAX,
	.begin = on_begin,
	.tell = on_tell,
	.written = on_written,
	.heard = on_heard,
	.failed = on_failed,
	.down = on_down,
	.free = clamd_free,
};

/* ---- asking ---- */

static bool copy(struct asked *a, const struct sluice_virus_request *rq)
{
	a->q.bytes = a->bytes = servers_copy(rq->pieces, rq->count);
	return a->bytes && EVP_Digest(a->bytes, a->q.len, a->digest, NULL, EVP_sha256(), NULL);
}

void clamd_ask(struct servers *s, const struct sluice_virus_request *rq,
	void (*done)(void *arg, const struct sluice_virus_answer *answer), void *arg)
{
	struct sluice_virus_answer failed = {
		.status = SLUICE_VIRUS_FAILED, .why = "out of memory", .found = "", .engine = ""
	};
	size_t len = servers_length(rq->pieces, rq->count);
	const struct clamd *c = servers_owner(s);
	struct asked *a = NULL;

	if ((int64_t)len > c->max_bytes) {
		failed.status = SLUICE_VIRUS_TOO_LARGE;
		failed.why = "it is larger than is looked at";
	} else {
		a = calloc(1, sizeof *a);
	}
	if (a) {
		*a = (struct asked){ .q = { .servers = s, .len = len }, .done = done, .arg = arg };
		if (copy(a, rq) && servers_ask(&a->q))
			return;
		asked_free(a);
	}
	done(arg, &failed);
}

/* ---- all of it ---- */

struct servers *clamd_new(const struct servers_host *host, const struct sluice_virus_servers *settings)
{
	struct clamd *c = calloc(1, sizeof *c);
	struct servers *s = NULL;
	size_t count = 0;

	if (!c)
		return NULL;
	*c = (struct clamd){ .max_bytes = settings->max_bytes, .keep_ms = settings->keep_ms };
	while (settings->servers[count])
		count++;
	/* NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): there is no block without a server */
	c->known = calloc(count, sizeof *c->known);
	c->kept = settings->keep_ms ? calloc(KEPT, sizeof *c->kept) : NULL;
	if (c->known && (c->kept || !settings->keep_ms))
		s = servers_new(host, &protocol, c, "clamd", settings->servers, settings->timeout_ms);
	if (!s)
		clamd_free(c);
	return s;
}

bool clamd_has(const struct servers *s, const struct sluice_virus_servers *settings)
{
	const struct clamd *c = servers_owner(s);

	return servers_are(s, &protocol, settings->servers, settings->timeout_ms) && c->max_bytes == settings->max_bytes &&
	       c->keep_ms == settings->keep_ms;
}
