/* SPDX-License-Identifier: BSD-2-Clause */
/* chaos.c - sluicectl chaos: one message through a configuration, with each thing broken that it depends on: what does the client hear? */
#include "filter/ctl/chaos.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/ip.h"
#include "filter/base/shortage.h"
#include "filter/ctl/ctl.h"
#include "filter/engine/message.h"
#include "filter/engine/state.h"
#include "filter/services/health.h"

#define PLACES_MAX 100000 /* at which memory runs out */
#define CELL       16

static const char plain[] = "From: <%s>\r\nTo: <%s>\r\nSubject: chaos\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
			    "Message-ID: <chaos@localhost>\r\n\r\n";

enum { CONNECT, HELO, MAIL, RCPT, DATA, END, STEPS };
static const char *const steps[STEPS] = { "connect", "HELO", "MAIL", "RCPT", "DATA", "end of message" };

struct arguments {
	const char *config, *zone, *helo, *from, *rcpt;
	struct sluice_ip ip;
};

/* ---- what is broken ---- */

static struct dns_answer *silent(void *arg, const char *name, enum sluice_dns_type type)
{
	(void)arg, (void)name, (void)type;
	return NULL;
}

static struct dns_answer *failing(void *arg, const char *name, enum sluice_dns_type type)
{
	(void)arg, (void)name, (void)type;
	return dns_answer_empty(SLUICE_DNS_FAILED, 0);
}

static struct dns_answer *denying(void *arg, const char *name, enum sluice_dns_type type)
{
	(void)arg, (void)name, (void)type;
	return dns_answer_empty(SLUICE_DNS_NXDOMAIN, 0);
}

static void no_room(void)
{
	const struct rlimit none = { 0, 0 };

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &none);
}

static const struct fault {
	const char *name;
	struct dns_answer *(*dns)(void *arg, const char *name, enum sluice_dns_type type);
	bool disk, memory;
} faults[] = {
	{ "store, scanners dead", NULL, false, false }, /* no trial asks them */
	{ "DNS silent", silent, false, false },
	{ "DNS SERVFAIL", failing, false, false },
	{ "DNS lies: no name is", denying, false, false },
	{ "disk full", NULL, true, false },
	{ "no memory", NULL, false, true },
};

/* ---- one message ---- */

struct table_row {
	char cells[STEPS][CELL];
};

static bool note(struct table_row *row, const struct dialogue *d, int step, const struct verdict *v)
{
	bool accepts = v->action == VERDICT_FAULT && dialogue_snapshot(d)->policy->settings.on_fault == ON_FAULT_ACCEPT;

	if (v->action == VERDICT_CONTINUE)
		(void)snprintf(row->cells[step], CELL, "%s", step == DATA ? "354" : "250");
	else if (v->action == VERDICT_HOLD || v->action == VERDICT_DISCARD)
		(void)snprintf(row->cells[step], CELL, "%s", v->action == VERDICT_HOLD ? "250 (held)" : "250 (discarded)");
	else if (accepts)
		(void)snprintf(row->cells[step], CELL, "%s", "250 (on_fault)");
	else
		(void)snprintf(row->cells[step], CELL, "%u %s", v->code, v->dsn);
	return v->action == VERDICT_CONTINUE;
}

static void talk(const struct arguments *a, struct dialogue *d, struct table_row *row)
{
	const struct dialogue_client client = { .ip = a->ip, .macros = { .client_name = "", .client_ptr = "",
		.daemon_name = "", .daemon_addr = "", .hostname = "", .version = "", .daemon_port = 25 } };
	const struct dialogue_mail mail = { .argument = a->from, .queue_id = "", .auth = { "", "", "" } };
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(65536);
	const struct edits *edits;
	struct verdict v = dialogue_connect(d, &client);

	if (!note(row, d, CONNECT, &v))
		return;
	v = dialogue_helo(d, a->helo);
	if (!note(row, d, HELO, &v))
		return;
	v = dialogue_mail(d, &mail);
	if (!note(row, d, MAIL, &v))
		return;
	v = dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = a->rcpt, .queue_id = "", .rcpt_addr = "", .mailer = "" });
	if (!note(row, d, RCPT, &v))
		return;
	v = dialogue_data(d, "");
	if (!note(row, d, DATA, &v))
		return;
	text_addf(&message, plain, a->from, a->rcpt);
	for (int i = 0; i < 500; i++)
		text_adds(&message, "A line of a body that is no longer than it has to be.\r\n");
	message_give(d, &message);
	v = dialogue_message(d, "", &edits);
	(void)note(row, d, END, &v);
}

static bool run_one(const struct arguments *a, struct engine *engine, struct snapshot *s, const struct fault *f, struct table_row *row)
{
	struct dialogue *d = dialogue_new(engine, s);

	*row = (struct table_row){ 0 };
	if (!d) { /* the edge has nothing to speak with, and ends the connection */
		(void)strcpy(row->cells[CONNECT], "closed");
		return true;
	}
	if (f->dns)
		slots_replay(d->session->slots, &(struct slots_record){ .dns = f->dns });
	dialogue_hold_cases(d);
	talk(a, d, row);
	dialogue_free(d);
	return true;
}

static void print_row(const char *name, const struct table_row *row)
{
	printf("%-24s", name);
	for (int i = 0; i < STEPS; i++)
		printf(" %-16s", row->cells[i]);
	puts("");
	(void)fflush(stdout); /* what comes next may be a crash */
}

/* Each place once; equal rows are one, with how many places it stands for. */
static void run_out_of_memory(const struct arguments *a, struct engine *engine, struct snapshot *s, const struct fault *f)
{
	static struct { struct table_row row; unsigned places; } rows[32];
	size_t count = 0;

	for (unsigned n = 1; n < PLACES_MAX; n++) {
		struct table_row row;
		size_t i = 0;
		bool failed;
		char name[64];

		chaos_memory_fail_at(n);
		(void)run_one(a, engine, s, f, &row);
		failed = chaos_memory_failed();
		chaos_memory_fail_at(0);
		if (!failed) { /* it needs no more than that */
			for (i = 0; i < count; i++) {
				(void)snprintf(name, sizeof name, "%s, %u of %u", f->name, rows[i].places, n - 1);
				print_row(name, &rows[i].row);
			}
			return;
		}
		while (i < count && memcmp(&rows[i].row, &row, sizeof row) != 0)
			i++;
		if (i == ARRAY_LEN(rows))
			continue;
		rows[i].row = row;
		rows[i].places++;
		count = i == count ? count + 1 : count;
	}
}

static int run_fault(const struct arguments *a, const struct fault *f)
{
	const struct snapshot_options o = { .zone = a->zone, .no_store = true };
	struct engine engine = { .health = health_new(NULL, NULL) };
	struct snapshot *s = NULL;
	struct table_row row;
	struct err err;

	shortage_watch_openssl();
	if (!engine.health || snapshot_load(a->config, &o, &s, &err) < 0) {
		fprintf(stderr, "%s\n", engine.health ? err.text : "sluicectl: out of memory");
		return EX_CONFIG;
	}
	if (f->memory) {
		run_out_of_memory(a, &engine, s, f);
	} else if (run_one(a, &engine, s, f, &row)) {
		print_row(f->name, &row);
	}
	snapshot_unref(s);
	health_free(engine.health);
	return EX_OK;
}

/* In a process of its own: it may crash, and its limits are not ours. What it prints comes through a pipe, which is no file that could be full. */
static int run_apart(const struct arguments *a, const struct fault *f)
{
	int status = 0, fds[2];
	char bytes[4096];
	ssize_t n;
	pid_t pid;

	(void)fflush(stdout);
	pid = pipe(fds) < 0 ? -1 : fork();
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		if (f->disk)
			no_room();
		status = run_fault(a, f);
		(void)fflush(stdout);
		_exit(status);
	}
	if (pid > 0) {
		(void)close(fds[1]);
		while ((n = read(fds[0], bytes, sizeof bytes)) > 0)
			(void)fwrite(bytes, 1, (size_t)n, stdout);
		(void)close(fds[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("sluicectl: fork");
		return EX_OSERR;
	}
	if (WIFSIGNALED(status)) {
		printf("%-24s ended by signal %d\n", f->name, WTERMSIG(status));
		return EX_SOFTWARE;
	}
	return WEXITSTATUS(status);
}

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl chaos [-c FILE] [--zone FILE] [--client IP] [--helo NAME] [--from ADDR] [--rcpt ADDR]\n"
	      "  -c FILE      configuration (" CTL_DEFAULT_CONFIG ")\n"
	      "  --zone FILE  the DNS while it is well; without it no name exists\n"
	      "  --client IP, --helo NAME, --from ADDR, --rcpt ADDR: as of sluicectl check\n"
	      "One message is given to the configuration for each thing that can be broken, and the table says what a client hears at each step.\n"
	      "exit status: 0 done, 64 usage, 70 a fault ends the process, 78 bad configuration\n", out);
	return status;
}

int ctl_chaos(int argc, char **argv)
{
	static const struct option options[] = { { "zone", required_argument, NULL, 'z' }, { "client", required_argument, NULL, 'i' },
		{ "helo", required_argument, NULL, 'o' }, { "from", required_argument, NULL, 'f' }, { "rcpt", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 } };
	struct arguments a = { .config = CTL_DEFAULT_CONFIG, .zone = "/dev/null", .helo = "mail.example.net", .from = "a@example.net",
		.rcpt = "u@example.org" };
	int option, status = EX_OK;

	(void)ip_parse("192.0.2.1", strlen("192.0.2.1"), &a.ip);
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		const char **text = option == 'c' ? &a.config
				    : option == 'z' ? &a.zone
				    : option == 'o' ? &a.helo
				    : option == 'f' ? &a.from
				    : option == 'r' ? &a.rcpt
						    : NULL;

		if (option == 'h')
			return usage(stdout, EX_OK);
		if (text)
			*text = optarg;
		else if (option != 'i' || !ip_parse(optarg, strlen(optarg), &a.ip))
			return usage(stderr, EX_USAGE);
	}
	if (optind < argc)
		return usage(stderr, EX_USAGE);
	printf("%-24s", "fault");
	for (int i = 0; i < STEPS; i++)
		printf(" %-16s", steps[i]);
	puts("");
	for (size_t i = 0; i < ARRAY_LEN(faults) && (status == EX_OK || status == EX_SOFTWARE); i++) {
		int r = run_apart(&a, &faults[i]);

		status = r ? r : status;
	}
	return status;
}
