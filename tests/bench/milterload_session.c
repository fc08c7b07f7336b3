/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milterload_session.c - one connection's part of the load. Steps and replies that the milter negotiates away are left out. What needs no reply is
 * collected and sent together with the next step that needs one, as Postfix does.
 */
#include "tests/bench/milterload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfdef.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PACKET (1 << 20) /* of the milter */
#define ACTIONS    SMFI_CURR_ACTS
#define PROTOCOL   SMFI_CURR_PROT

static const struct step_kind {
	char command;
	uint32_t skip, no_reply;
	int macros; /* index of the negotiated list; -1: none */
	const char *default_macros;
} kinds[STEPS] = {
	[CONNECT] = { SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN, 0, "j v {daemon_name} {daemon_addr}" },
	[HELO] = { SMFIC_HELO, SMFIP_NOHELO, SMFIP_NR_HELO, 1, "" },
	[MAIL] = { SMFIC_MAIL, SMFIP_NOMAIL, SMFIP_NR_MAIL, 2, "{auth_type} {auth_authen} {mail_addr} {mail_mailer}" },
	[RCPT] = { SMFIC_RCPT, SMFIP_NORCPT, SMFIP_NR_RCPT, 3, "i {rcpt_addr} {rcpt_mailer}" },
	[DATA] = { SMFIC_DATA, SMFIP_NODATA, SMFIP_NR_DATA, 4, "i" },
	[HEADER] = { SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, -1, "" },
	[EOH] = { SMFIC_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, 6, "i" },
	[BODY] = { SMFIC_BODY, SMFIP_NOBODY, SMFIP_NR_BODY, -1, "" },
	[END] = { SMFIC_BODYEOB, 0, 0, 5, "i" },
};

/* ---- packets ---- */

static void put(struct buffer *b, const void *bytes, size_t len)
{
	if (b->len + len > b->size) {
		b->size = (b->len + len) * 2;
		b->bytes = need(realloc(b->bytes, b->size));
	}
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

static void put_string(struct buffer *b, const char *text)
{
	put(b, text, strlen(text) + 1);
}

/* Begin a packet; packet_end() fills in its length. */
static size_t packet(struct buffer *b, char command)
{
	put(b, "\0\0\0", 4);
	put(b, &command, 1);
	return b->len - 5;
}

static void packet_end(struct buffer *b, size_t at)
{
	uint32_t len = htonl((uint32_t)(b->len - at - 4));

	memcpy(b->bytes + at, &len, 4);
}

static void put_command(struct buffer *b, char command)
{
	packet_end(b, packet(b, command));
}

static void recipient(const struct connection *c, char *out, size_t size)
{
	(void)snprintf(out, size, "user%u@%s", c->number * load.recipients + (unsigned)c->part, load.rcpt_domain);
}

/* The value of a macro; empty: it is not sent. */
static void macro(const struct connection *c, const char *name, char *out, size_t size)
{
	char rcpt[256];
	const struct {
		const char *name, *value;
	} values[] = {
		{ "j", "mx.rcpt.example" },
		{ "v", "Postfix 3.7.11" },
		{ "{daemon_name}", "mx.rcpt.example" },
		{ "{daemon_addr}", "192.0.2.25" },
		{ "{daemon_port}", load.user ? "587" : "25" },
		{ "{client_addr}", c->client },
		{ "{client_name}", "unknown" },
		{ "{client_ptr}", "unknown" },
		{ "{client_port}", "40000" },
		{ "{auth_type}", load.user ? "PLAIN" : "" },
		{ "{auth_authen}", load.user ? load.user : "" },
		{ "{mail_addr}", c->message ? c->message->sender : "" },
		{ "{mail_mailer}", "smtp" },
		{ "{rcpt_addr}", rcpt },
		{ "{rcpt_mailer}", "smtp" },
	};

	recipient(c, rcpt, sizeof rcpt);
	*out = '\0';
	if (!strcmp(name, "i")) { /* as Postfix names a file of its queue */
		(void)snprintf(out, size, "%010X", c->number + 0x10000000u);
		return;
	}
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (!strcmp(name, values[i].name))
			(void)snprintf(out, size, "%s", values[i].value);
}

static void put_macros(struct connection *c)
{
	const struct step_kind *kind = &kinds[c->step];
	char names[1024], value[256], *rest = names;
	size_t at;

	if (kind->macros < 0)
		return;
	(void)snprintf(names, sizeof names, "%s", c->macros[kind->macros] ? c->macros[kind->macros] : kind->default_macros);
	at = packet(&c->out, SMFIC_MACRO);
	put(&c->out, &kind->command, 1);
	for (char *name; (name = strsep(&rest, " ,")) != NULL;) {
		macro(c, name, value, sizeof value);
		if (*value) {
			put_string(&c->out, name);
			put_string(&c->out, value);
		}
	}
	packet_end(&c->out, at);
}

/* The octets of a step behind its command. */
static void put_step_data(struct connection *c)
{
	struct buffer *out = &c->out;
	char text[512];

	switch (c->step) {
	case CONNECT: {
		uint16_t port = htons(40000);

		put_string(out, "unknown");
		put(out, "4", 1);
		put(out, &port, sizeof port);
		put_string(out, c->client);
		break;
	}
	case HELO:
		(void)snprintf(text, sizeof text, "mail.%s", load.mails[0].domain);
		put_string(out, text);
		break;
	case MAIL:
		(void)snprintf(text, sizeof text, "<%s>", c->message->sender);
		put_string(out, text);
		break;
	case RCPT:
		text[0] = '<';
		recipient(c, text + 1, sizeof text - 2);
		(void)strcat(text, ">");
		put_string(out, text);
		break;
	case HEADER: {
		const struct field *f = &c->message->fields[c->part];

		put_string(out, f->name);
		put_string(out, !(c->protocol & SMFIP_HDR_LEADSPC) && *f->value == ' ' ? f->value + 1 : f->value);
		break;
	}
	case BODY: {
		size_t left = c->message->body_len - c->part;

		put(out, c->message->body + c->part, left < MILTER_CHUNK_SIZE ? left : MILTER_CHUNK_SIZE);
		break;
	}
	case DATA:
	case EOH:
	case END:
	case STEPS:
		break;
	}
}

/* Go behind a part of a step, or behind the step: of several recipients, fields or chunks each is a part. */
static void part_done(struct connection *c)
{
	size_t parts = 1, size = 1;

	if (c->step == RCPT)
		parts = load.recipients;
	else if (c->step == HEADER)
		parts = c->message->count;
	else if (c->step == BODY) {
		parts = c->message->body_len;
		size = MILTER_CHUNK_SIZE;
	}
	c->part += size;
	if (c->part >= parts) {
		c->part = 0;
		c->step++;
	}
}

/* ---- connections ---- */

static void remember(char first[200], const char *text)
{
	if (!*first)
		(void)snprintf(first, 200, "%s", text);
}

static void connection_close(struct connection *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	for (size_t i = 0; i < MACRO_LISTS; i++) {
		free(c->macros[i]);
		c->macros[i] = NULL;
	}
	c->negotiated = c->waiting = false;
	c->in.len = c->out.len = 0;
}

/* Something went wrong: its message has no fate. The next message gets a new connection. */
void session_failed(struct connection *c, const char *why)
{
	load.errors++;
	remember(load.first_error, why);
	connection_close(c);
	load.under_way -= c->message != NULL;
	c->message = NULL;
	c->quiet = true;
}

void session_send(struct connection *c)
{
	size_t sent = 0;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	while (sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.bytes + sent, c->out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			session_failed(c, strerror(errno));
			return;
		}
		sent += (size_t)n;
	}
	load.sent_bytes += sent;
	memmove(c->out.bytes, c->out.bytes + sent, c->out.len - sent);
	c->out.len -= sent;
	if (c->out.len)
		event.events |= EPOLLOUT;
	(void)epoll_ctl(load.epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* Write steps up to the first that needs a reply. */
static void advance(struct connection *c)
{
	while (!c->waiting) {
		const struct step_kind *kind = &kinds[c->step];
		bool nothing = (c->step == HEADER && !c->message->count) || (c->step == BODY && !c->message->body_len);
		size_t at;

		if (c->idle && c->step == MAIL) {
			load.idle_ready++;
			break;
		}
		if (c->protocol & kind->skip || nothing) {
			c->part = 0;
			c->step++;
			continue;
		}
		put_macros(c);
		at = packet(&c->out, kind->command);
		put_step_data(c);
		packet_end(&c->out, at);
		if (!(c->protocol & kind->no_reply) || c->step == END)
			c->waiting = true;
		else
			part_done(c);
	}
	session_send(c);
}

static void negotiate(struct connection *c)
{
	uint32_t words[3] = { htonl(6), htonl(ACTIONS), htonl(PROTOCOL) };
	size_t at = packet(&c->out, SMFIC_OPTNEG);

	put(&c->out, words, sizeof words);
	packet_end(&c->out, at);
	c->waiting = true;
}

static void new_session(struct connection *c)
{
	struct in_addr client = { htonl(load.first_client + c->number % load.clients) };

	(void)inet_ntop(AF_INET, &client, c->client, sizeof c->client);
	c->in_session = 0;
	c->step = CONNECT;
	c->part = 0;
}

/* Blocking, with a limit: the listening socket's queue is the milter's to empty. */
static int dial(void)
{
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in inet;
	} to = { 0 };
	const char *place = strchr(load.where, ':') + 1, *at = strchr(place, '@');
	bool local = !strncmp(load.where, "unix:", 5);
	const struct timeval limit = { .tv_sec = 10 };
	int fd, one = 1;

	to.any.sa_family = local ? AF_UNIX : AF_INET;
	if (local) {
		(void)snprintf(to.local.sun_path, sizeof to.local.sun_path, "%s", place);
	} else {
		to.inet.sin_port = htons((uint16_t)atoi(place));
		if (!at || inet_pton(AF_INET, at + 1, &to.inet.sin_addr) != 1)
			die("%s: not inet:PORT@ADDRESS", load.where);
	}
	fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (load.nodelay && !local)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, &to.any, local ? sizeof to.local : sizeof to.inet) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

void session_open(struct connection *c, double now)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = dial();
	if (c->fd < 0) { /* whoever does not listen is not asked again and again */
		session_failed(c, strerror(errno));
		load.until = now;
		return;
	}
	load.opened++;
	(void)epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event);
	c->sessions = 0;
	new_session(c);
	negotiate(c);
	session_send(c);
}

/* When is the next message due? A time that does not come: never. */
double session_due(void)
{
	double when = load.rate > 0 ? load.start + load.begun / load.rate : 0;

	return load.begun >= load.messages || when >= load.until ? INFINITY : when;
}

/* The next message of all on this connection, or none. */
void session_begin_message(struct connection *c, double now)
{
	double when = session_due();

	c->quiet = when > now || now >= load.until;
	if (c->quiet)
		return;
	c->since = load.rate > 0 ? when : now;
	c->number = load.begun++;
	load.under_way++;
	c->message = &load.mails[c->number % load.mail_count];
	c->recipients = load.recipients;
	if (c->fd < 0) {
		session_open(c, now);
		return;
	}
	if (c->in_session < load.per_session) {
		put_command(&c->out, SMFIC_ABORT);
		c->step = MAIL;
		c->part = 0;
	} else {
		put_command(&c->out, SMFIC_QUIT_NC);
		new_session(c);
	}
	advance(c);
}

static void message_done(struct connection *c, enum fate fate, double now)
{
	load.latency_ms[load.done++] = (now - c->since) * 1000;
	load.fates[fate]++;
	load.under_way--;
	c->message = NULL;
	c->waiting = false;
	c->in_session = c->step < MAIL ? load.per_session : c->in_session + 1; /* an answer to CONNECT or HELO is for the session */
	if (c->in_session == load.per_session && ++c->sessions == load.sessions) {
		(void)send(c->fd, "\0\0\0\1" "Q", 5, MSG_NOSIGNAL);
		connection_close(c);
	}
	session_begin_message(c, now);
}

/* ---- replies ---- */

static bool got_options(struct connection *c, const char *data, size_t len)
{
	uint32_t words[3], stage;

	if (len < sizeof words)
		return false;
	memcpy(words, data, sizeof words);
	c->protocol = ntohl(words[2]);
	if (ntohl(words[0]) < 2 || c->protocol & ~(uint32_t)PROTOCOL || ntohl(words[1]) & ~(uint32_t)ACTIONS)
		return false;
	/* a NUL is behind all data */
	for (size_t at = sizeof words; at + sizeof stage < len; at += sizeof stage + strlen(data + at + sizeof stage) + 1) {
		memcpy(&stage, data + at, sizeof stage);
		stage = ntohl(stage);
		if (stage >= MACRO_LISTS)
			return false;
		free(c->macros[stage]);
		c->macros[stage] = need(strdup(data + at + sizeof stage));
	}
	if (load.verbose && c->number == 0)
		(void)fprintf(stderr, "version %u, actions %#x, protocol %#x\n", ntohl(words[0]), ntohl(words[1]), c->protocol);
	return true;
}

/* A refusal: of the recipient, or of the message. */
static void refused(struct connection *c, enum fate fate, double now)
{
	if (c->step != RCPT || --c->recipients == 0 || fate == DISCARDED) {
		message_done(c, fate, now);
		return;
	}
	c->waiting = false;
	part_done(c);
	advance(c);
}

/* One packet; data has a NUL behind it. */
static void got(struct connection *c, char command, const char *data, size_t len, double now)
{
	bool edit = strchr("himb+-2eq", command) && command;

	if (load.verbose && c->number == 0 && (edit || command == SMFIR_REPLYCODE))
		(void)fprintf(stderr, "%c %s\n", command, command == SMFIR_INSHEADER || command == SMFIR_CHGHEADER ? data + 4 : data);
	if (load.verbose && c->number == 0 && len > 4 && (command == SMFIR_INSHEADER || command == SMFIR_CHGHEADER))
		(void)fprintf(stderr, "  %s\n", data + 4 + strlen(data + 4) + 1);
	if (!c->negotiated) {
		if (command != SMFIC_OPTNEG || !got_options(c, data, len)) {
			session_failed(c, "it wants what was not offered");
			return;
		}
		c->negotiated = true;
		c->waiting = false;
		advance(c);
		return;
	}
	if (command == SMFIR_PROGRESS)
		return;
	if (!c->waiting || (edit && c->step != END) || (c->idle && command != SMFIR_CONTINUE)) {
		session_failed(c, "an answer that nobody waits for");
		return;
	}
	switch (command) {
	case SMFIR_ADDHEADER:
	case SMFIR_INSHEADER:
		load.added++;
		return;
	case SMFIR_CHGHEADER:
		load.changed++;
		return;
	case SMFIR_REPLBODY:
	case SMFIR_ADDRCPT:
	case SMFIR_DELRCPT:
	case SMFIR_ADDRCPT_PAR:
	case SMFIR_CHGFROM:
	case SMFIR_QUARANTINE:
		load.other++;
		return;
	case SMFIR_CONTINUE:
		if (c->step == END) {
			message_done(c, CONTINUED, now);
			return;
		}
		c->waiting = false;
		part_done(c);
		advance(c);
		return;
	case SMFIR_SKIP:
		c->waiting = false;
		c->part = 0;
		c->step++;
		advance(c);
		return;
	case SMFIR_ACCEPT:
		message_done(c, ACCEPTED, now);
		return;
	case SMFIR_REJECT:
		refused(c, REJECTED, now);
		return;
	case SMFIR_TEMPFAIL:
		refused(c, TEMPFAILED, now);
		return;
	case SMFIR_DISCARD:
		refused(c, DISCARDED, now);
		return;
	case SMFIR_REPLYCODE:
		remember(load.first_reply, data);
		refused(c, *data == '4' ? TEMPFAILED : REJECTED, now);
		return;
	default:
		session_failed(c, "an answer that the protocol does not know");
	}
}

/* Read what is there, and take each whole packet. */
void session_receive(struct connection *c, double now)
{
	char bytes[65536];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (!c->message && !c->idle) /* between two messages it may */
			connection_close(c);
		else
			session_failed(c, n < 0 ? strerror(errno) : "it has closed the connection");
		return;
	}
	load.received_bytes += (unsigned long)n;
	put(&c->in, bytes, (size_t)n);
	for (;;) {
		uint32_t len;
		char *whole;

		if (c->in.len < 5)
			return;
		memcpy(&len, c->in.bytes, sizeof len);
		len = ntohl(len);
		if (len < 1 || len > MAX_PACKET) {
			session_failed(c, "a packet of an impossible length");
			return;
		}
		if (c->in.len < 4 + len)
			return;
		whole = need(malloc(len + 1)); /* got() may close the connection, and open another */
		memcpy(whole, c->in.bytes + 4, len);
		whole[len] = '\0';
		memmove(c->in.bytes, c->in.bytes + 4 + len, c->in.len - 4 - len);
		c->in.len -= 4 + len;
		got(c, whole[0], whole + 1, len - 1, now);
		free(whole);
	}
}
