/* SPDX-License-Identifier: BSD-2-Clause */
/* milterload.h - the load, and what the parts of milterload know of each other. One thread drives all; a second one looks at the milter's memory. */
#ifndef BENCH_MILTERLOAD_H
#define BENCH_MILTERLOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MACRO_LISTS 7 /* SMFIM_CONNECT to SMFIM_EOH, in the numbers of the protocol */
#define MAX_HEADERS 1000

enum step { CONNECT, HELO, MAIL, RCPT, DATA, HEADER, EOH, BODY, END, STEPS };
enum fate { CONTINUED, ACCEPTED, REJECTED, TEMPFAILED, DISCARDED, FATES };

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

extern struct load {
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
} load;

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
void *need(void *memory); /* dies when it is NULL */
double now_s(void);       /* monotonic */

/* milterload_mail.c: an argument SENDER=FILE, which is kept. */
void mail_read(char *argument, struct message *ret);

/* milterload_session.c: what is said to the milter, and what it answers. */
double session_due(void); /* when the next message is; a time that does not come: never */
void session_begin_message(struct connection *c, double now); /* the next message of all on this connection, or none */
void session_open(struct connection *c, double now);
void session_failed(struct connection *c, const char *why);
void session_send(struct connection *c);    /* the milter takes octets again */
void session_receive(struct connection *c, double now);

/* milterload_use.c: what a process, its threads and its children use. */
struct usage {
	double cpu_s; /* since they began */
	long pss_kib;
	unsigned threads;
};

struct usage use_measure(bool memory); /* of load.pid; all 0 when there is none */
void use_watch(void);                  /* until use_peak(), which says the most of memory and of threads that were seen */
struct usage use_peak(void);

#endif
