/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_envelope [--report] - what each part costs that looks at the envelope, judges, remembers or tells: a hundred rules, SPF, DMARC, a DNS list, a limit
 * and a greylist in both stores, a case in JSON and its line for the log. Whole connections through the engine, with a message of 2 KB each, one at a time;
 * names are answered at once, triplets are known. What a store is asked is waited for, and that threads are woken is in it. CPU time of all threads, the least
 * of some rounds, less that of a policy with nothing of it, as a multiple of SHA-256 over 20 KB: that is the least that a signature over a usual mail costs.
 * Exit status 1 when one is above its goal, but for --report; 77 in a build with sanitizers. What needs redis-server says so where there is none.
 */
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "tests/bench/engine_load.h"

#define BODY_BYTES   2000
#define MESSAGES     200
#define ROUNDS       101
#define STORE_ROUNDS 21
#define FEW_ROUNDS   3 /* in --report */
#define RULES        100
#define UNIT_BYTES   20000
#define REDIS_TRIES  500 /* of 10 ms */

static const char zone[] = /* all that is asked: nothing is to leave this process, and what is not here would be waited for */
	"1.2.0.192.in-addr.arpa PTR mail.example.net\n"
	"mail.example.net A 192.0.2.1\n"
	"example.net TXT v=spf1 include:spf.example.net a:mail.example.net -all\n"
	"spf.example.net TXT v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ip4:192.0.2.0/24 ~all\n"
	"_dmarc.example.net TXT v=DMARC1; p=reject; adkim=s\n"
	"2.0.0.127.bl.example A 127.0.0.2\n"
	"1.2.0.192.bl.example A 127.0.0.2\n";

enum home { NO_STORE, LMDB, REDIS };
static const struct part {
	const char *name, *conf; /* conf NULL: as many rules as RULES */
	enum home home;
	bool tells; /* the case is written */
	double goal;
} parts[] = { /* the first is what the others are compared with */
	{ "nothing", "at message { rule r score 1 when message.size > 0 }", NO_STORE, false, 0.8 },
	{ "100 rules", NULL, NO_STORE, false, 1 },
	{ "SPF", "at message { rule r score 1 when spf.result == pass }", NO_STORE, false, 0.8 },
	{ "SPF, DKIM, DMARC", "at message { rule r score 1 when spf.result == pass and dkim.result == none and dmarc.result == pass }", NO_STORE, false, 2 },
	{ "a DNS list", "dnsbl bl.example { weight 8 }\nat message { rule r score 1 when dnsbl.weight >= 8 }", NO_STORE, false, 0.8 },
	{ "case", "at message { rule r score 1 when message.size > 0 }", NO_STORE, true, 1 },
	{ "limit, LMDB", "at rcpt { rule l limit 1000000/1m by client.ip }", LMDB, false, 5 },
	{ "greylist, LMDB", "greylist { delay 0s client_passes 0 }\nat rcpt { rule g greylist }", LMDB, false, 5 },
	{ "limit, Redis", "at rcpt { rule l limit 1000000/1m by client.ip }", REDIS, false, 10 },
	{ "greylist, Redis", "greylist { delay 0s client_passes 0 }\nat rcpt { rule g greylist }", REDIS, false, 10 },
};

struct bench {
	struct engine engine;
	struct reactor *reactor;
	char folder[50]; /* of what is begun for it */
	char zone_path[100], redis_path[100], lmdb_path[100];
	pid_t redis; /* 0: there is none */
	struct text body;
	double unit_us, nothing_us; /* nothing_us: of the first part */
	bool report;
};

/* Did a rule match, or a limit count, ever? Else it would not be measured what is meant. */
static void on_first_case(void *arg, const struct case_ *c)
{
	bool *ret_seen = arg;

	*ret_seen |= c->rule_count > 0 || c->limit_count > 0;
}

/* As the daemon does with a case, but for keeping it. */
static void on_case(void *arg, const struct case_ *c)
{
	SLUICE_CLEANUP(text_done) struct text json = TEXT_INIT(100000), line = TEXT_INIT(8192);

	(void)arg;
	case_json(&json, c);
	case_line(&line, c);
}

static void write_rules(struct text *out)
{
	text_adds(out, "at message {\n");
	for (unsigned i = 0; i < RULES; i++)
		text_addf(out, "rule r%u score 1 when message.size < %u and (helo.name == h%u.example or mail.from == u%u@example.org)\n", i, 10000 + i, i, i);
	text_adds(out, "rule last score 1 when message.size > 0\n}\n");
}

static struct snapshot *load(const struct bench *b, const struct part *p)
{
	SLUICE_CLEANUP(text_done) struct text conf = TEXT_INIT(100000);
	const struct snapshot_options options = { .reactor = p->home == NO_STORE ? NULL : b->reactor, .zone = b->zone_path };

	text_adds(&conf, "authentication_results no\n");
	if (p->home != NO_STORE)
		text_addf(&conf, "state { %s %s }\n", p->home == LMDB ? "lmdb" : "redis", p->home == LMDB ? b->lmdb_path : b->redis_path);
	if (p->conf)
		text_adds(&conf, p->conf);
	else
		write_rules(&conf);
	return engine_load_policy(text_str(&conf), &options);
}

/* ---- a Redis of its own ---- */

static bool redis_answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	good = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
	(void)close(fd);
	return good;
}

static void stop_redis(struct bench *b)
{
	if (b->redis <= 0)
		return;
	(void)kill(b->redis, SIGKILL);
	(void)waitpid(b->redis, NULL, 0);
	(void)unlink(b->redis_path);
	b->redis = 0;
}

static bool start_redis(struct bench *b)
{
	b->redis = fork();
	if (b->redis == 0) { /* it does not outlive us, whatever becomes of us */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", b->redis_path, "--save", "", "--dir", b->folder, "--logfile", "/dev/null",
			(char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; b->redis > 0 && i < REDIS_TRIES; i++) {
		if (redis_answers(b->redis_path))
			return true;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		if (waitpid(b->redis, NULL, WNOHANG) != 0)
			b->redis = 0;
	}
	stop_redis(b);
	return false;
}

/* ---- measuring ---- */

static bool set_up(struct bench *b)
{
	FILE *out;

	(void)snprintf(b->folder, sizeof b->folder, "/tmp/sluice-bench-XXXXXX");
	if (!mkdtemp(b->folder))
		return false;
	(void)snprintf(b->zone_path, sizeof b->zone_path, "%s/zone", b->folder);
	(void)snprintf(b->redis_path, sizeof b->redis_path, "%s/redis", b->folder);
	(void)snprintf(b->lmdb_path, sizeof b->lmdb_path, "%s/state", b->folder);
	out = fopen(b->zone_path, "w");
	if (!out || fputs(zone, out) < 0 || fclose(out) != 0)
		return false;
	while (b->body.len < BODY_BYTES)
		text_adds(&b->body, "please answer before Friday, or call us\r\n");
	b->engine.health = health_new(NULL, NULL);
	b->reactor = reactor_new();
	return b->engine.health && b->reactor;
}

static void tear_down(struct bench *b)
{
	reactor_free(b->reactor);
	health_free(b->engine.health);
	stop_redis(b);
	text_done(&b->body);
	engine_load_forget(b->lmdb_path);
	(void)unlink(b->zone_path);
	(void)rmdir(b->folder);
}

/* Microseconds of the unit: SHA-256 over UNIT_BYTES. */
static double unit_us(void)
{
	static const unsigned char octets[UNIT_BYTES];
	unsigned char digest[EVP_MAX_MD_SIZE];
	double least = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double began = engine_load_cpu_s(), took;

		for (unsigned i = 0; i < MESSAGES; i++)
			if (EVP_Digest(octets, sizeof octets, digest, NULL, EVP_sha256(), NULL) != 1)
				return -1;
		took = (engine_load_cpu_s() - began) * 1e6 / MESSAGES;
		least = round == 0 || took < least ? took : least;
	}
	return least;
}

/* False: it could not be measured. */
static bool measure(struct bench *b, size_t i, bool *above)
{
	const struct part *p = &parts[i];
	struct snapshot *s = load(b, p);
	const struct engine_load load = { &b->engine, s, &b->body, MESSAGES, 1, b->report ? FEW_ROUNDS : p->home == NO_STORE ? ROUNDS : STORE_ROUNDS };
	double took_us, ratio;
	bool seen = false;

	b->engine.on_case = on_first_case;
	b->engine.arg = &seen;
	if (s)
		(void)engine_load_send(&load); /* the greylist puts off the first one */
	b->engine.on_case = p->tells ? on_case : NULL;
	took_us = seen ? engine_load_us(&load) : -1;
	snapshot_unref(s);
	if (took_us < 0) {
		(void)printf("%-16s could not be measured\n", p->name);
		return false;
	}
	if (!i)
		b->nothing_us = took_us;
	else
		took_us -= b->nothing_us;
	ratio = took_us / b->unit_us;
	(void)printf("%-16s %6.1f us%s: %.2f of a digest, %s the goal of %.2f\n", p->name, took_us, i ? " more" : "", ratio, ratio <= p->goal ? "within" : "ABOVE", p->goal);
	*above |= ratio > p->goal;
	return true;
}

int main(int argc, char **argv)
{
	struct bench b = { .body = TEXT_INIT(2 * BODY_BYTES), .report = argc > 1 && !strcmp(argv[1], "--report") };
	bool above = false, good;

#ifdef SANITIZED
	(void)puts("skipped: a build with sanitizers is no measure");
	return 77;
#endif
	b.unit_us = unit_us();
	(void)printf("%-16s %6.1f us: SHA-256 over 20 KB\n", "a digest", b.unit_us);
	good = b.unit_us > 0 && set_up(&b);
	for (size_t i = 0; good && i < ARRAY_LEN(parts); i++) {
		if (parts[i].home == REDIS && !b.redis && !start_redis(&b))
			(void)printf("%-16s skipped: redis-server does not start here\n", parts[i].name);
		else
			good = measure(&b, i, &above);
	}
	tear_down(&b);
	return good && (b.report || !above) ? 0 : 1;
}
