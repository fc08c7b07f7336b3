/* SPDX-License-Identifier: BSD-2-Clause */
/* hold.c - sluicectl hold: mail that rules have held waits in the queue of the mail server; which it is, why, and what becomes of it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/base/vec.h"
#include "filter/control.h"
#include "filter/ctl/hold.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/program.h"
#include "filter/ctl/show.h"
#include "filter/ctl/shown.h"

#define ID_MAX        64
#define POSTFIX_USUAL "/etc/postfix/main.cf"
#define SENDMAIL_USUAL "/etc/mail/sendmail.cf"

struct hold {
	const struct hold_queue *queue;
	const char *config; /* of the mail server; NULL: the usual one */
	char path[PATH_MAX]; /* that, where it was relative */
	struct ctl_target target;
	bool asks; /* the daemon answers, and may know why a message is held */
	bool raw;
	bool json;
	struct listing listing; /* of --json */
	size_t count;
	const char *wanted; /* of find(): this id */
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl hold [OPTION...] list [--json]\n"
	      "       sluicectl hold [OPTION...] show [--raw] ID\n"
	      "       sluicectl hold [OPTION...] release | drop ID...\n"
	      "       sluicectl hold [OPTION...] watch\n"
	      "  --postfix DIR    folder of the main.cf of the Postfix whose queue it is (/etc/postfix)\n"
	      "  --sendmail FILE  sendmail.cf of the Sendmail whose queue it is (" SENDMAIL_USUAL ")\n"
	      "  -c FILE, -s SOCKET  the daemon that may know why a message is held\n"
	      "  --json           of list: one object for each message\n"
	      "  --raw            of show: the octets as they are; else what moves the cursor of a terminal is shown by its number\n", out);
	return status;
}

/* ---- what is known of one ---- */

json_t *hold_case(const struct ctl_target *daemon, const char *id, int *ret_status)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX), out = TEXT_INIT(CONTROL_ANSWER_MAX);

	text_addf(&request, "explain %s\n", id);
	*ret_status = ctl_ask(daemon, text_str(&request), &out);
	return *ret_status == EX_OK ? show_read(text_str(&out)) : NULL;
}

static json_t *case_of(struct hold *h, const char *id)
{
	int status;
	json_t *c;

	if (!h->asks)
		return NULL;
	c = hold_case(&h->target, id, &status);
	h->asks = status != EX_UNAVAILABLE; /* which is said once */
	return c;
}

static const char *rule_of(const json_t *c)
{
	const char *rule = json_string_value(json_object_get(json_object_get(c, "verdict"), "rule"));

	return rule ? rule : "";
}

/* What the rule says, or the queue. */
static const char *reason_of(const json_t *c, const struct hold_message *m)
{
	const char *text = json_string_value(json_object_get(json_object_get(c, "verdict"), "text"));

	return text ? text : m->reason;
}

void hold_json(struct text *out, const struct hold_message *m, const json_t *c, size_t recipients)
{
	json_open(out, NULL, '{');
	json_str(out, "id", m->id);
	json_int(out, "arrived", m->arrived_s);
	json_int(out, "size", (int64_t)m->size);
	json_str(out, "sender", m->sender);
	json_open(out, "recipients", '[');
	for (size_t i = 0; i < m->recipient_count && i < recipients; i++)
		json_str(out, NULL, m->recipients[i]);
	json_close(out, ']');
	json_int(out, "recipient_count", (int64_t)m->recipient_count);
	json_str(out, "rule", rule_of(c));
	json_str(out, "reason", reason_of(c, m));
	json_close(out, '}');
}

/* ---- list ---- */

static void list_line(const struct hold_message *m, const char *rule, const char *text)
{
	time_t arrived = (time_t)m->arrived_s;
	char when[32] = "-";
	struct tm tm;

	if (m->arrived_s && localtime_r(&arrived, &tm))
		(void)strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
	printf("%s  %s  %llu KB  <", m->id, when, (unsigned long long)((m->size + 1023) / 1024));
	shown_put(stdout, m->sender);
	fputs("> ->", stdout);
	for (size_t i = 0; i < m->recipient_count && i < 3; i++) {
		fputs(" <", stdout);
		shown_put(stdout, m->recipients[i]);
		putchar('>');
	}
	if (m->recipient_count > 3)
		printf(" and %zu more", m->recipient_count - 3);
	putchar('\n');
	if (*rule || *text) {
		printf("    %s%s", rule, *rule && *text ? ": " : "");
		shown_put(stdout, text);
		putchar('\n');
	}
}

static void on_message(void *arg, const struct hold_message *m)
{
	struct hold *h = arg;
	json_t *c = case_of(h, m->id);

	h->count++;
	if (h->json)
		hold_json(listing_next(&h->listing), m, c, m->recipient_count);
	else
		list_line(m, rule_of(c), reason_of(c, m));
	json_decref(c);
}

static int failed(const struct err *err)
{
	fprintf(stderr, "sluicectl: %s\n", err->text);
	return EX_UNAVAILABLE;
}

static int list(struct hold *h)
{
	struct err err;
	int r;

	if (h->json)
		listing_begin(&h->listing);
	r = h->queue->each(h->config, on_message, h, &err);
	if (h->json)
		listing_end(&h->listing);
	else if (r == 0 && !h->count)
		puts("nothing is held");
	return r < 0 ? failed(&err) : EX_OK;
}

/* ---- one of them ---- */

static void on_wanted(void *arg, const struct hold_message *m)
{
	struct hold *h = arg;

	h->count += !strcmp(m->id, h->wanted);
}

bool hold_is_id(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(s[i]))
			return false;
	return len >= 4 && len <= ID_MAX;
}

/* EX_OK: it is held. */
static int find(struct hold *h, const char *id)
{
	struct err err;

	if (!hold_is_id(id)) {
		fprintf(stderr, "sluicectl: an ID is that of a queue, such as 4bXk2M0sV1z4kR: sluicectl hold list\n");
		return EX_USAGE;
	}
	h->wanted = id;
	h->count = 0;
	if (h->queue->each(h->config, on_wanted, h, &err) < 0)
		return failed(&err);
	if (h->count)
		return EX_OK;
	fprintf(stderr, "sluicectl: no message %s is held: sluicectl hold list shows which are\n", id);
	return EX_NOINPUT;
}

static int show(struct hold *h, const char *id)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(HOLD_MESSAGE_MAX);
	struct err err;
	json_t *c;

	if (h->queue->print(h->config, id, &message, &err) < 0)
		return failed(&err);
	if (h->raw)
		return fwrite(text_str(&message), 1, message.len, stdout) == message.len ? EX_OK : EX_IOERR;
	c = case_of(h, id);
	if (c) {
		show_summary(stdout, c);
		putchar('\n');
	}
	json_decref(c);
	shown_lines(stdout, text_str(&message), message.len);
	return EX_OK;
}

static int each_id(struct hold *h, char **ids, int count, int (*act)(const char *config, const char *id, struct err *reterr), const char *done)
{
	int status = EX_OK;

	for (int i = 0; i < count && status != EX_USAGE; i++) {
		int found = find(h, ids[i]);
		struct err err;

		if (found == EX_OK && act(h->config, ids[i], &err) < 0)
			found = failed(&err);
		if (found == EX_OK)
			printf("%s: %s\n", ids[i], done);
		status = found == EX_OK ? status : found;
	}
	return status;
}

/* ---- arguments ---- */

enum { POSTFIX = 256, SENDMAIL, JSON, RAW };
static const struct option options[] = {
	{ "postfix", required_argument, NULL, POSTFIX }, { "sendmail", required_argument, NULL, SENDMAIL }, { "json", no_argument, NULL, JSON },
	{ "raw", no_argument, NULL, RAW }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static bool set(struct hold *h, int option)
{
	switch (option) {
	case POSTFIX:
		h->queue = &hold_postfix;
		h->config = program_path(optarg, h->path);
		return true;
	case SENDMAIL:
		h->queue = &hold_sendmail;
		h->config = optarg;
		return true;
	case JSON:
		h->json = true;
		return true;
	case RAW:
		h->raw = true;
		return true;
	default:
		return ctl_target_option(&h->target, option);
	}
}

static bool choose_queue(struct hold *h)
{
	if (!h->queue)
		h->queue = access(POSTFIX_USUAL, F_OK) == 0 ? &hold_postfix : access(SENDMAIL_USUAL, F_OK) == 0 ? &hold_sendmail : NULL;
	if (!h->queue)
		fputs("sluicectl: there is neither " POSTFIX_USUAL " nor " SENDMAIL_USUAL ": say where, with --postfix or --sendmail\n", stderr);
	return h->queue != NULL;
}

static int serve(struct hold *h, char **args, int count)
{
	SLUICE_CLEANUP(text_done) struct text socket = TEXT_INIT(PATH_MAX);
	const char *verb = args[0];
	int found;

	if (!choose_queue(h))
		return EX_USAGE;
	if (!strcmp(verb, "release") && count > 1)
		return each_id(h, args + 1, count - 1, h->queue->release, "released");
	if (!strcmp(verb, "drop") && count > 1)
		return each_id(h, args + 1, count - 1, h->queue->drop, "dropped");
	h->asks = ctl_target_find(&h->target, &socket) == EX_OK;
	if (!strcmp(verb, "list") && count == 1)
		return list(h);
	if (!strcmp(verb, "watch") && count == 1)
		return h->asks ? hold_watch(h->queue, h->config, &h->target) : EX_CONFIG;
	if (strcmp(verb, "show") != 0 || count != 2)
		return usage(stderr, EX_USAGE);
	found = find(h, args[1]);
	return found == EX_OK ? show(h, args[1]) : found;
}

int ctl_hold(int argc, char **argv)
{
	struct hold h = { 0 };
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1)
		if (!set(&h, option))
			status = option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	if (status < 0)
		status = optind < argc ? serve(&h, argv + optind, argc - optind) : usage(stderr, EX_USAGE);
	return status;
}
