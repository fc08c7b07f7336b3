/* SPDX-License-Identifier: BSD-2-Clause */
/* learn.c - sluicectl learn: teach a classifier of the daemon's (plugins/bayes) what is spam and what is not. */
#include <endian.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/base64.h"
#include "filter/base/json.h"
#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/mailbox.h"
#include "filter/ctl/progress.h"
#include "filter/mail/tokens.h"

/* What the daemon answers for a message (filter/control_learn.h), and how we say it; the last is of our own. */
enum result { LEARNED, MOVED, FORGOTTEN, KNOWN, EMPTY, RESULTS };
static const char *const answers[] = { "learned\n", "moved\n", "forgotten\n", "known\n" };
static const char *const said[] = { "learned", "moved from the other kind", "forgotten", "known already", "with nothing to learn from" };
static const char *const said_never = "never learned"; /* of KNOWN, when it was to be forgotten */

struct job {
	struct ctl_target target;
	const char *kind; /* spam, ham, forget */
	const char *name; /* of the classifier; "-": the only one */
	struct tokens *tokens;
	struct progress progress;
	size_t counts[RESULTS];
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl learn [-c FILE | -s SOCKET] [--classifier NAME] spam | ham | forget FILE | MBOX | MAILDIR | - ...\n"
	      "       sluicectl learn [-c FILE | -s SOCKET] status [--json]\n"
	      "  --classifier NAME    which one learns, where the configuration has several\n", out);
	return status;
}

/* ---- one message ---- */

static void write_request(struct text *out, const struct job *job)
{
	uint64_t ids[TOKENS_MAX];
	size_t count;
	const uint64_t *from = tokens_ids(job->tokens, &count);

	for (size_t i = 0; i < count; i++)
		ids[i] = htobe64(from[i]);
	text_addf(out, "learn %s %s %d ", job->kind, job->name, TOKENS_VERSION);
	base64_encode(out, ids, count * sizeof *ids);
	text_addc(out, '\n');
}

static int teach(struct job *job, const char *where)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX), answer = TEXT_INIT(CONTROL_ANSWER_MAX);
	int status;

	write_request(&request, job);
	status = ctl_ask(&job->target, text_str(&request), &answer);
	for (size_t i = 0; status == EX_OK && i < ARRAY_LEN(answers); i++)
		if (!strcmp(text_str(&answer), answers[i])) {
			job->counts[i]++;
			return EX_OK;
		}
	progress_clear(&job->progress);
	fprintf(stderr, "sluicectl: %s: %s", where, answer.len ? text_str(&answer) : "the daemon did not learn it\n");
	return status == EX_OK ? EX_PROTOCOL : status;
}

static int on_message(void *arg, const char *where, const struct text *bytes)
{
	struct job *job = arg;
	int status = EX_OK;
	size_t count;

	if (!tokens_of_message(job->tokens, bytes->bytes, bytes->len)) {
		fprintf(stderr, "sluicectl: %s: out of memory\n", where);
		return EX_OSERR;
	}
	(void)tokens_ids(job->tokens, &count);
	if (count)
		status = teach(job, where);
	else
		job->counts[EMPTY]++;
	progress_step(&job->progress, bytes->len);
	return status;
}

/* ---- all of them ---- */

static void tell(const struct job *job)
{
	const char *between = "";

	for (size_t i = 0; i < RESULTS; i++) {
		if (!job->counts[i])
			continue;
		printf("%s%zu %s", between, job->counts[i], i == KNOWN && !strcmp(job->kind, "forget") ? said_never : said[i]);
		between = ", ";
	}
	puts(*between ? "" : "there was no message");
}

static int learn_all(struct job *job, char **paths, int count)
{
	uint64_t size = 0;
	int status = EX_OK;

	for (int i = 0; i < count; i++)
		size += mailbox_size(paths[i]);
	progress_begin(&job->progress, "messages", size);
	for (int i = 0; i < count && (status == EX_OK || status == EX_NOINPUT); i++) {
		int of_this = mailbox_each(paths[i], on_message, job);

		status = of_this == EX_OK ? status : of_this;
	}
	progress_clear(&job->progress);
	tell(job);
	return status;
}

static int learn(struct job *job, char **paths, int count)
{
	SLUICE_CLEANUP(text_done) struct text socket = TEXT_INIT(PATH_MAX);
	int status = ctl_target_find(&job->target, &socket);
	psl_ctx_t *psl;

	if (status != EX_OK)
		return status;
	psl = psl_latest(NULL);
	job->tokens = psl ? tokens_new(psl) : NULL;
	if (job->tokens) {
		status = learn_all(job, paths, count);
	} else {
		fputs(psl ? "sluicectl: out of memory\n" : "sluicectl: there is no list of public suffixes: install the package publicsuffix\n", stderr);
		status = EX_OSERR;
	}
	tokens_free(job->tokens);
	psl_free(psl);
	return status;
}

struct learned {
	char name[256];
	unsigned long spam, ham, needed;
};

static void show_classifier(const struct learned *c)
{
	printf("%s: %lu spam, %lu ham", c->name, c->spam, c->ham);
	if (c->spam < c->needed || c->ham < c->needed)
		printf("; says nothing before it knows %lu of each", c->needed);
	putchar('\n');
}

static void put_classifier(struct text *out, const struct learned *c)
{
	json_open(out, NULL, '{');
	json_str(out, "classifier", c->name);
	json_int(out, "spam", (int64_t)c->spam);
	json_int(out, "ham", (int64_t)c->ham);
	json_int(out, "needed", (int64_t)c->needed);
	json_close(out, '}');
}

static int show_status(const struct ctl_target *target, bool json)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	int status = ctl_ask(target, "learn status\n", &out);
	struct listing listing;

	if (status != EX_OK) {
		fputs(text_str(&out), stderr);
		return status;
	}
	if (json)
		listing_begin(&listing);
	else if (!out.len)
		puts("the configuration has no classifier");
	for (char *line = out.len ? strtok(out.bytes, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		struct learned c;

		if (sscanf(line, "%255s %lu %lu %lu", c.name, &c.spam, &c.ham, &c.needed) != 4)
			continue;
		if (json)
			put_classifier(listing_next(&listing), &c);
		else
			show_classifier(&c);
	}
	if (json)
		listing_end(&listing);
	return EX_OK;
}

int ctl_learn(int argc, char **argv)
{
	static const struct option options[] = { { "classifier", required_argument, NULL, 'n' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct job job = { .name = "-" };
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (ctl_target_option(&job.target, option))
			continue;
		if (option == 'n')
			job.name = optarg;
		else if (option == 'j')
			json = true;
		else
			return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	}
	if (!*job.name || strpbrk(job.name, " \r\n") || optind == argc)
		return usage(stderr, EX_USAGE);
	job.kind = argv[optind++];
	if (!strcmp(job.kind, "status") && optind == argc)
		return show_status(&job.target, json);
	if (json || (strcmp(job.kind, "spam") != 0 && strcmp(job.kind, "ham") != 0 && strcmp(job.kind, "forget") != 0) || optind == argc)
		return usage(stderr, EX_USAGE);
	return learn(&job, argv + optind, argc - optind);
}
