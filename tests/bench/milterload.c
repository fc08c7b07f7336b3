/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milterload - loads a milter as a busy Postfix would: many connections of the milter protocol, version 6, driven by one thread, and says
 * in one line of JSON how long messages took, what became of them, and what the milter used meanwhile. A thread of its own looks at the
 * milter's memory, so that looking delays no message.
 */
#include "tests/bench/milterload.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 20000
#define MAX_MESSAGES    10000000
#define MAX_SECONDS     600
#define MAX_FILES       1000
#define GRACE_S         20 /* for what is under way when the time is up */

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

static const char *const fate_names[FATES] = { "continue", "accept", "reject", "tempfail", "discard" };

struct load load = { .rcpt_domain = "rcpt.example", .connections = 8, .messages = 1000, .seconds = 60, .per_session = 1, .sessions = 1,
	   .recipients = 1, .clients = 254, .first_client = 0xC6336401 };

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("milterload: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void *need(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}

double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_and_read(double until)
{
	struct epoll_event events[256];
	double left_ms = ceil((until - now_s()) * 1000);
	int n = epoll_wait(load.epoll, events, 256, left_ms < 0 ? 0 : left_ms > 1000 ? 1000 : (int)left_ms);

	for (int i = 0; i < n; i++) {
		struct connection *c = events[i].data.ptr;

		if (c->fd >= 0 && events[i].events & EPOLLOUT)
			session_send(c);
		if (c->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
			session_receive(c, now_s());
	}
}

static void open_idle(void)
{
	load.until = now_s() + load.seconds;
	for (unsigned i = 0; i < load.idle && !load.errors; i++) {
		struct connection *c = &load.all[load.connections + i];

		c->idle = true;
		c->number = i;
		session_open(c, now_s());
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
		session_begin_message(&load.all[i], now_s());
	while (load.messages ? load.under_way || session_due() < load.until : now_s() < load.until) {
		double now = now_s(), next = session_due();

		if (now > load.until + GRACE_S)
			break;
		for (unsigned i = 0; next <= now && now < load.until && i < load.connections; i++)
			if (load.all[i].quiet) {
				session_begin_message(&load.all[i], now);
				next = session_due();
			}
		if (now >= load.until && !load.under_way && load.messages)
			break;
		wait_and_read(next > now && next < load.until ? next : now + 1);
	}
	for (unsigned i = 0; i < load.connections; i++)
		if (load.all[i].message)
			session_failed(&load.all[i], "no answer in time");
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

static void report(double seconds, const struct usage *before, const struct usage *after, const struct usage *peak)
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
			load.done ? cpu_s * 1000 / load.done : 0, after->pss_kib, peak->pss_kib > after->pss_kib ? peak->pss_kib : after->pss_kib,
			peak->threads);
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
	struct usage before, after, peak;
	double seconds;

	options(argc, argv);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);

	load.mail_count = (size_t)(argc - optind);
	load.mails = need(calloc(load.mail_count, sizeof *load.mails));
	for (size_t i = 0; i < load.mail_count; i++)
		mail_read(argv[optind + (int)i], &load.mails[i]);
	load.latency_ms = need(calloc(load.messages + 1, sizeof *load.latency_ms));
	load.all = need(calloc(load.connections + load.idle, sizeof *load.all));
	for (unsigned i = 0; i < load.connections + load.idle; i++)
		load.all[i].fd = -1;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);

	before = use_measure(false);
	use_watch();
	open_idle();
	work();
	seconds = now_s() - load.start;
	after = use_measure(true);
	peak = use_peak();
	report(seconds, &before, &after, &peak);
	return load.errors || load.done < load.messages ? 1 : 0;
}
