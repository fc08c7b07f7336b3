/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milterload - loads a milter as a busy Postfix would: many connections of the milter protocol, version 6, driven by one thread, and says
 * in one line of JSON how long messages took, what became of them, and what the milter used meanwhile.
 *
 * Steps and replies that the milter negotiates away are left out. What needs no reply is collected and sent together with the next step
 * that needs one, as Postfix does. A thread of its own looks at the milter's memory, so that looking delays no message.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfdef.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 20000
#define MAX_MESSAGES    10000000
#define MAX_SECONDS     600
#define MAX_FILES       1000
#define MAX_HEADERS     1000
#define MAX_FILE_BYTES  (50 << 20)
#define MAX_PACKET      (1 << 20) /* of the milter */
#define GRACE_S         20        /* for what is under way when the time is up */
#define TREE_MAX        256       /* processes of a milter */
#define SAMPLE_MS       100
#define ACTIONS         SMFI_CURR_ACTS
#define PROTOCOL        SMFI_CURR_PROT

static const char usage[] = "usage: milterload [options] -s unix:PATH|inet:PORT@ADDRESS SENDER=FILE ...\n"
	"Each FILE is a message, sent in turn with its envelope sender.\n"
	"  -c N          connections at a time (8)\n"
	"  -n N          messages in all (1000)\n"
	"  -t SECONDS    begin no message after that (60)\n"
	"  -r N          messages a second, whether or not the milter keeps up: a message's time begins when it was due\n"
	"  -m N          messages an SMTP session (1)\n"
	"  -k N          SMTP sessions a milter connection, by QUIT_NC (1)\n"
	"  -a ADDRESS+N  clients: N addresses of IPv4 from this one on (198.51.100.1+254)\n"
	"  -d DOMAIN     of the recipients user0@DOMAIN, user1@DOMAIN ... (rcpt.example)\n"
	"  -R N          recipients a message (1)\n"
	"  -u USER       clients have authenticated as this user, on port 587\n"
	"  -i N          so many more connections that say HELO and then nothing\n"
	"  -D            TCP_NODELAY on our side\n"
	"  -p PID        say what this process, its threads and its children used\n"
	"  -v            show what the milter adds and answers for the first message\n";

enum step { CONNECT, HELO, MAIL, RCPT, DATA, HEADER, EOH, BODY, END, STEPS };
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
#define MACRO_LISTS 7 /* SMFIM_CONNECT to SMFIM_EOH, in the numbers of the protocol */

enum fate { CONTINUED, ACCEPTED, REJECTED, TEMPFAILED, DISCARDED, FATES };
static const char *const fate_names[FATES] = { "continue", "accept", "reject", "tempfail", "discard" };

struct field {
	char *name, *value; /* all that stands after the colon, folded by LF */
};

struct message {
	char *sender;
	const char *domain;
	struct field fields[MAX_HEADERS];
	size_t count;
	char *body;
	size_t body_len;
};

struct buffer {
	char *bytes;
	size_t len, size;
};

struct connection {
	int fd;
	bool idle;            /* says HELO and then nothing */
	bool negotiated, waiting, quiet; /* quiet: no message is due, and none is under way */
	enum step step;       /* the next one, or the one that waits */
	size_t part;          /* number of the recipient, of the field, or octets of the body that are sent */
	uint32_t protocol;
	char *macros[MACRO_LISTS];
	const struct message *message;
	unsigned number;      /* of the message */
	unsigned in_session, sessions;
	unsigned recipients;  /* that were not refused */
	char client[INET_ADDRSTRLEN];
	double since;
	struct buffer out, in;
};

struct usage {
	double cpu_s;
	long pss_kib;
	unsigned threads;
};

static struct load {
	const char *where, *rcpt_domain, *user;
	unsigned connections, messages, seconds, per_session, sessions, recipients, idle, clients;
	uint32_t first_client;
	double rate;
	bool nodelay, verbose;
	pid_t pid;
	struct message *mails;
	size_t mail_count;

	int epoll;
	struct connection *all;
	unsigned begun, under_way, idle_ready;
	double start, until;
	double *latency_ms;
	unsigned done, fates[FATES], errors;
	unsigned long added, changed, other, opened, sent_bytes, received_bytes;
	char first_error[200], first_reply[200];
} load = { .rcpt_domain = "rcpt.example", .connections = 8, .messages = 1000, .seconds = 60, .per_session = 1, .sessions = 1,
	   .recipients = 1, .clients = 254, .first_client = 0xC6336401 };

static struct sampler { /* looks at the milter until `end` */
	pthread_t thread;
	atomic_bool end;
	long peak_pss_kib;
	unsigned peak_threads;
} sampler;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("milterload: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *need(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- what the milter uses ---- */

/* The processes of a tree, the root first. */
static size_t tree(pid_t root, pid_t pids[TREE_MAX])
{
	size_t count = 1;

	pids[0] = root;
	for (size_t i = 0; i < count; i++) {
		char path[64];
		DIR *tasks;
		struct dirent *task;

		(void)snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
		tasks = opendir(path);
		while (tasks && (task = readdir(tasks)) != NULL) {
			char children[sizeof path + sizeof task->d_name + 16];
			FILE *f;
			int pid;

			if (!isdigit((unsigned char)*task->d_name))
				continue;
			(void)snprintf(children, sizeof children, "%s/%s/children", path, task->d_name);
			f = fopen(children, "r");
			while (f && count < TREE_MAX && fscanf(f, "%d", &pid) == 1)
				pids[count++] = pid;
			if (f)
				(void)fclose(f);
		}
		if (tasks)
			(void)closedir(tasks);
	}
	return count;
}

/* CPU time of all threads that are or were, of children that have ended too; threads. */
static void add_stat(pid_t pid, struct usage *u)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, system = 0;
	long reaped_user = 0, reaped_system = 0, threads = 0;
	const char *rest;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "r");
	rest = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; /* the name may have blanks */
	if (f)
		(void)fclose(f);
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld", &user, &system, &reaped_user,
			     &reaped_system, &threads) != 5)
		return;
	u->cpu_s += ((double)user + (double)system + (double)reaped_user + (double)reaped_system) / (double)sysconf(_SC_CLK_TCK);
	u->threads += (unsigned)threads;
}

static void add_pss(pid_t pid, struct usage *u)
{
	char path[64], line[200];
	long kib;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %ld kB", &kib) == 1)
			u->pss_kib += kib;
	if (f)
		(void)fclose(f);
}

static struct usage measure(bool memory)
{
	struct usage u = { 0 };
	pid_t pids[TREE_MAX];
	size_t count = load.pid ? tree(load.pid, pids) : 0;

	for (size_t i = 0; i < count; i++) {
		add_stat(pids[i], &u);
		if (memory)
			add_pss(pids[i], &u);
	}
	return u;
}

static void *sample(void *unused)
{
	(void)unused;
	while (!atomic_load(&sampler.end)) {
		struct usage u = measure(true);

		if (u.pss_kib > sampler.peak_pss_kib)
			sampler.peak_pss_kib = u.pss_kib;
		if (u.threads > sampler.peak_threads)
			sampler.peak_threads = u.threads;
		(void)nanosleep(&(struct timespec){ .tv_nsec = SAMPLE_MS * 1000000L }, NULL);
	}
	return NULL;
}

/* ---- messages ---- */

static char *read_file(const char *path, size_t *ret_len)
{
	char *bytes = need(malloc(MAX_FILE_BYTES + 1));
	FILE *f = fopen(path, "rb");

	if (!f)
		die("%s: %s", path, strerror(errno));
	*ret_len = fread(bytes, 1, MAX_FILE_BYTES + 1, f);
	(void)fclose(f);
	if (*ret_len > MAX_FILE_BYTES)
		die("%s is too long", path);
	bytes = need(realloc(bytes, *ret_len + 1));
	bytes[*ret_len] = '\0';
	return bytes;
}

/* The field that begins here, cut out of the text, and where the next one does; NULL at the end of the header. */
static char *next_field(char *p, struct field *ret)
{
	char *colon = strchr(p, ':'), *end = p, *to = p;

	if (!*p || p[0] == '\n' || (p[0] == '\r' && p[1] == '\n') || !colon)
		return NULL;
	do {
		end = strchr(end, '\n');
		end = end ? end + 1 : p + strlen(p);
	} while (*end == ' ' || *end == '\t');
	*colon = '\0';
	ret->name = p;
	ret->value = to = colon + 1;
	for (const char *from = to; from < end; from++) /* in place: without CR, and without the last LF */
		if (*from != '\r' && !(*from == '\n' && from + 1 == end))
			*to++ = *from;
	if (to < end)
		*to = '\0';
	return end;
}

static void read_message(char *argument, struct message *ret)
{
	char *equals = strchr(argument, '='), *at, *p, *next;
	size_t len;

	if (!equals)
		die("%s: not SENDER=FILE", argument);
	*equals = '\0';
	ret->sender = argument;
	at = strrchr(argument, '@');
	ret->domain = at ? at + 1 : "localhost";
	p = ret->body = read_file(equals + 1, &len);
	ret->body_len = len;
	while (ret->count < MAX_HEADERS && (next = next_field(p, &ret->fields[ret->count])) != NULL) {
		p = next;
		ret->count++;
	}
	p += *p == '\r';
	p += *p == '\n';
	ret->body_len = len - (size_t)(p - ret->body);
	ret->body = p;
}

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
static void connection_failed(struct connection *c, const char *why)
{
	load.errors++;
	remember(load.first_error, why);
	connection_close(c);
	load.under_way -= c->message != NULL;
	c->message = NULL;
	c->quiet = true;
}

static void flush(struct connection *c)
{
	size_t sent = 0;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	while (sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.bytes + sent, c->out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			connection_failed(c, strerror(errno));
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
	flush(c);
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

static void connection_open(struct connection *c, double now)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = dial();
	if (c->fd < 0) { /* whoever does not listen is not asked again and again */
		connection_failed(c, strerror(errno));
		load.until = now;
		return;
	}
	load.opened++;
	(void)epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event);
	c->sessions = 0;
	new_session(c);
	negotiate(c);
	flush(c);
}

/* When is the next message due? A time that does not come: never. */
static double due(void)
{
	double when = load.rate > 0 ? load.start + load.begun / load.rate : 0;

	return load.begun >= load.messages || when >= load.until ? INFINITY : when;
}

/* The next message of all on this connection, or none. */
static void begin_message(struct connection *c, double now)
{
	double when = due();

	c->quiet = when > now || now >= load.until;
	if (c->quiet)
		return;
	c->since = load.rate > 0 ? when : now;
	c->number = load.begun++;
	load.under_way++;
	c->message = &load.mails[c->number % load.mail_count];
	c->recipients = load.recipients;
	if (c->fd < 0) {
		connection_open(c, now);
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
	begin_message(c, now);
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
			connection_failed(c, "it wants what was not offered");
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
		connection_failed(c, "an answer that nobody waits for");
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
		connection_failed(c, "an answer that the protocol does not know");
	}
}

/* Read what is there, and take each whole packet. */
static void readable(struct connection *c, double now)
{
	char bytes[65536];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (!c->message && !c->idle) /* between two messages it may */
			connection_close(c);
		else
			connection_failed(c, n < 0 ? strerror(errno) : "it has closed the connection");
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
			connection_failed(c, "a packet of an impossible length");
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

/* ---- all together ---- */

static void wait_and_read(double until)
{
	struct epoll_event events[256];
	double left_ms = ceil((until - now_s()) * 1000);
	int n = epoll_wait(load.epoll, events, 256, left_ms < 0 ? 0 : left_ms > 1000 ? 1000 : (int)left_ms);

	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;

		if (c->fd >= 0 && events[i].events & EPOLLOUT)
			flush(c);
		if (c->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
			readable(c, now_s());
	}
}

static void open_idle(void)
{
	load.until = now_s() + load.seconds;
	for (unsigned i = 0; i < load.idle && !load.errors; i++) {
		struct connection *c = &load.all[load.connections + i];

		c->idle = true;
		c->number = i;
		connection_open(c, now_s());
	}
	while (load.idle_ready < load.idle && !load.errors && now_s() < load.until)
		wait_and_read(load.until);
	if (load.idle_ready < load.idle)
		die("%u of %u idle connections: %s", load.idle_ready, load.idle, *load.first_error ? load.first_error : "no answer in time");
}

/* From the first message to the last; without messages, the time that is to pass. */
static void work(void)
{
	load.start = now_s();
	load.until = load.start + load.seconds;
	for (unsigned i = 0; i < load.connections; i++)
		begin_message(&load.all[i], now_s());
	while (load.messages ? load.under_way || due() < load.until : now_s() < load.until) {
		double now = now_s(), next = due();

		if (now > load.until + GRACE_S)
			break;
		for (unsigned i = 0; next <= now && now < load.until && i < load.connections; i++)
			if (load.all[i].quiet) {
				begin_message(&load.all[i], now);
				next = due();
			}
		if (now >= load.until && !load.under_way && load.messages)
			break;
		wait_and_read(next > now && next < load.until ? next : now + 1);
	}
	for (unsigned i = 0; i < load.connections; i++)
		if (load.all[i].message)
			connection_failed(&load.all[i], "no answer in time");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double part)
{
	return load.done ? load.latency_ms[(size_t)(part * (load.done - 1) + 0.5)] : 0;
}

static void print_string(const char *name, const char *text)
{
	(void)printf(", \"%s\": \"", name);
	for (; *text; text++)
		(void)printf(*text == '"' || *text == '\\' ? "\\%c" : (unsigned char)*text < ' ' ? "\\u%04x" : "%c", (unsigned char)*text);
	(void)putchar('"');
}

static void report(double seconds, const struct usage *before, const struct usage *after)
{
	struct rusage own;

	qsort(load.latency_ms, load.done, sizeof *load.latency_ms, compare);
	(void)getrusage(RUSAGE_SELF, &own);
	(void)printf("{\"messages\": %u, \"errors\": %u, \"seconds\": %.3f, \"rate\": %.1f", load.done, load.errors, seconds, load.done / seconds);
	(void)printf(", \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f", percentile(0.5), percentile(0.95), percentile(0.99),
		percentile(1));
	for (size_t i = 0; i < FATES; i++)
		(void)printf(", \"%s\": %u", fate_names[i], load.fates[i]);
	(void)printf(", \"added\": %lu, \"changed\": %lu, \"other\": %lu", load.added, load.changed, load.other);
	(void)printf(", \"connections\": %lu, \"idle\": %u, \"sent\": %lu, \"received\": %lu", load.opened, load.idle_ready, load.sent_bytes,
		load.received_bytes);
	(void)printf(", \"client_cpu_s\": %.2f", (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
		(double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6);
	if (load.pid) {
		double cpu_s = after->cpu_s - before->cpu_s;

		(void)printf(", \"cpu_s\": %.2f, \"cpu_s_per_1000\": %.4f, \"pss_kib\": %ld, \"peak_pss_kib\": %ld, \"peak_threads\": %u", cpu_s,
			load.done ? cpu_s * 1000 / load.done : 0, after->pss_kib, sampler.peak_pss_kib > after->pss_kib ? sampler.peak_pss_kib : after->pss_kib,
			sampler.peak_threads);
	}
	print_string("first_error", load.first_error);
	print_string("first_reply", load.first_reply);
	(void)puts("}");
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value < min || value > max)
		die("%s: not a number from %u to %u", text, min, max);
	return (unsigned)value;
}

static void clients(char *text)
{
	char *plus = strchr(text, '+');
	struct in_addr first;

	if (plus)
		*plus = '\0';
	if (inet_pton(AF_INET, text, &first) != 1)
		die("%s: not an address of IPv4", text);
	load.first_client = ntohl(first.s_addr);
	load.clients = plus ? number(plus + 1, 1, 1 << 24) : 1;
}

static void options(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "hs:c:n:t:r:m:k:a:d:R:u:i:Dp:v")) != -1;) {
		switch (o) {
		case 'h':
			(void)fputs(usage, stdout);
			exit(0);
		case 's':
			load.where = optarg;
			break;
		case 'c':
			load.connections = number(optarg, 1, MAX_CONNECTIONS);
			break;
		case 'n':
			load.messages = number(optarg, 0, MAX_MESSAGES);
			break;
		case 't':
			load.seconds = number(optarg, 1, MAX_SECONDS);
			break;
		case 'r':
			load.rate = number(optarg, 1, 1000000);
			break;
		case 'm':
			load.per_session = number(optarg, 1, MAX_MESSAGES);
			break;
		case 'k':
			load.sessions = number(optarg, 1, MAX_MESSAGES);
			break;
		case 'a':
			clients(optarg);
			break;
		case 'd':
			load.rcpt_domain = optarg;
			break;
		case 'R':
			load.recipients = number(optarg, 1, 10000);
			break;
		case 'u':
			load.user = optarg;
			break;
		case 'i':
			load.idle = number(optarg, 0, MAX_CONNECTIONS);
			break;
		case 'D':
			load.nodelay = true;
			break;
		case 'p':
			load.pid = (pid_t)number(optarg, 1, 1 << 30);
			break;
		case 'v':
			load.verbose = true;
			break;
		default:
			(void)fputs(usage, stderr);
			exit(64);
		}
	}
	if (!load.where || !strchr(load.where, ':') || optind == argc || argc - optind > MAX_FILES) {
		(void)fputs(usage, stderr);
		exit(64);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct usage before, after;
	double seconds;

	options(argc, argv);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);

	load.mail_count = (size_t)(argc - optind);
	load.mails = need(calloc(load.mail_count, sizeof *load.mails));
	for (size_t i = 0; i < load.mail_count; i++)
		read_message(argv[optind + (int)i], &load.mails[i]);
	load.latency_ms = need(calloc(load.messages + 1, sizeof *load.latency_ms));
	load.all = need(calloc(load.connections + load.idle, sizeof *load.all));
	for (unsigned i = 0; i < load.connections + load.idle; i++)
		load.all[i].fd = -1;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);

	before = measure(false);
	if (load.pid && pthread_create(&sampler.thread, NULL, sample, NULL))
		die("no thread");
	open_idle();
	work();
	seconds = now_s() - load.start;
	after = measure(true);
	if (load.pid) {
		atomic_store(&sampler.end, true);
		(void)pthread_join(sampler.thread, NULL);
	}
	report(seconds, &before, &after);
	return load.errors || load.done < load.messages ? 1 : 0;
}
