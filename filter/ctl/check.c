/* SPDX-License-Identifier: BSD-2-Clause */
/* check.c - sluicectl check: one transaction through the engine, with no milter and no daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/vec.h"
#include "filter/ctl/ctl.h"
#include "filter/engine/message.h"
#include "filter/ctl/show.h"
#include "filter/engine/trial.h"
#include "filter/services/health.h"
#include "filter/services/reactor.h"

#define MESSAGE_MAX_BYTES (256u << 20)

struct arguments {
	const char *config, *zone, *client_name, *helo, *from, *auth;
	uint16_t port;
	int64_t now_ms;
	bool all, json;
	VEC(const char *) rcpts;
	struct sluice_ip ip;
};

enum { ZONE = 256, NOW, ALL, CLIENT, CLIENT_NAME, HELO, FROM, RCPT, AUTH, PORT, JSON };
static const struct option options[] = {
	{ "zone", required_argument, NULL, ZONE }, { "now", required_argument, NULL, NOW }, { "all", no_argument, NULL, ALL },
	{ "client", required_argument, NULL, CLIENT }, { "client-name", required_argument, NULL, CLIENT_NAME },
	{ "helo", required_argument, NULL, HELO }, { "from", required_argument, NULL, FROM }, { "rcpt", required_argument, NULL, RCPT },
	{ "auth", required_argument, NULL, AUTH }, { "port", required_argument, NULL, PORT }, { "json", no_argument, NULL, JSON },
	{ NULL, 0, NULL, 0 },
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl check [-c FILE] --client IP --helo NAME --from ADDR --rcpt ADDR ... [MESSAGE | -]\n"
	      "  -c FILE              configuration (" CTL_DEFAULT_CONFIG ")\n"
	      "  --client IP          address of the SMTP client\n"
	      "  --client-name NAME   its name, as an MTA would have found it\n"
	      "  --helo NAME          what it says in HELO\n"
	      "  --from ADDR          reverse-path; <> or empty for the null one\n"
	      "  --rcpt ADDR          recipient; may come more than once\n"
	      "  --auth USER          as whom it is authenticated\n"
	      "  --port N             port of ours that it came to (25)\n"
	      "  --zone FILE          answer DNS from this file, and ask no network\n"
	      "  --now TIME           as if it were then (RFC 3339: 2026-01-31T12:00:00Z)\n"
	      "  --all                run every check, and let no rule end the transaction early\n"
	      "  --json               print the case as one line of JSON\n"
	      "exit status: 0 accept, 5 hold, 6 discard, 10 tempfail, 20 reject, 64 usage, 66 no message, 78 bad configuration, 70 fault\n", out);
	return status;
}

static bool parse_time(const char *s, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!end || (strcmp(end, "Z") != 0 && strcmp(end, "z") != 0))
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return *ret_ms > 0;
}

static bool set(struct arguments *a, int option)
{
	uint64_t port;

	switch (option) {
	case 'c':
		a->config = optarg;
		return true;
	case ZONE:
		a->zone = optarg;
		return true;
	case NOW:
		if (parse_time(optarg, &a->now_ms))
			return true;
		fprintf(stderr, "sluicectl: '%s' is no time: write 2026-01-31T12:00:00Z\n", optarg);
		return false;
	case ALL:
		a->all = true;
		return true;
	case JSON:
		a->json = true;
		return true;
	case CLIENT:
		if (ip_parse(optarg, strlen(optarg), &a->ip))
			return true;
		fprintf(stderr, "sluicectl: '%s' is no address\n", optarg);
		return false;
	case CLIENT_NAME:
		a->client_name = optarg;
		return true;
	case HELO:
		a->helo = optarg;
		return true;
	case FROM:
		a->from = optarg;
		return true;
	case RCPT:
		return vec_push(&a->rcpts, optarg);
	case AUTH:
		a->auth = optarg;
		return true;
	case PORT:
		if (!ascii_to_u64(optarg, strlen(optarg), UINT16_MAX, &port)) {
			fprintf(stderr, "sluicectl: '%s' is no port\n", optarg);
			return false;
		}
		a->port = (uint16_t)port;
		return true;
	default:
		return false;
	}
}

/* ---- the message ---- */

static int read_message(const char *path, struct text *out)
{
	FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "re");
	char buf[65536];
	size_t n;
	int error;

	if (!f) {
		fprintf(stderr, "sluicectl: %s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		text_add(out, buf, n);
	error = ferror(f) ? errno : 0; /* that of a folder, too: it can be opened */
	if (f != stdin)
		(void)fclose(f);
	if (error) {
		fprintf(stderr, "sluicectl: %s: %s\n", path, strerror(error));
		return EX_NOINPUT;
	}
	if (!out->failed)
		return EX_OK;
	fprintf(stderr, "sluicectl: %s is larger than %u MB\n", path, MESSAGE_MAX_BYTES >> 20);
	return EX_DATAERR;
}

/* ---- the transaction ---- */

static void give_content(void *arg, struct dialogue *d)
{
	message_give(d, arg);
}

static struct verdict run(const struct arguments *a, struct dialogue *d, struct text *message)
{
	const struct trial t = {
		.client = { .ip = a->ip, .macros = { .client_name = a->client_name, .daemon_port = a->port } },
		.helo = a->helo,
		.mail = { .argument = a->from, .queue_id = "", .auth = { .authen = a->auth, .type = *a->auth ? "PLAIN" : "" } },
		.rcpts = a->rcpts.items,
		.rcpt_count = a->rcpts.len,
		.content = give_content,
		.arg = message,
		.all = a->all,
	};

	return trial_run(d, &t);
}

struct result {
	bool json, told;
};

static bool show(const char *json)
{
	json_t *c = show_read(json);

	if (!c)
		return false;
	show_summary(stdout, c);
	show_details(stdout, c);
	json_decref(c);
	return true;
}

static void on_case(void *arg, const struct case_ *c)
{
	struct result *result = arg;
	SLUICE_CLEANUP(text_done) struct text json = TEXT_INIT(256u << 20);

	case_json(&json, c);
	if (result->json)
		puts(text_str(&json));
	result->told = !json.failed && (result->json || show(text_str(&json)));
}

static int exit_status(const struct verdict *v)
{
	switch (v->action) {
	case VERDICT_CONTINUE:
		return CTL_ACCEPT;
	case VERDICT_HOLD:
		return CTL_HOLD;
	case VERDICT_DISCARD:
		return CTL_DISCARD;
	case VERDICT_TEMPFAIL:
		return CTL_TEMPFAIL;
	case VERDICT_REJECT:
		return CTL_REJECT;
	case VERDICT_FAULT:
		break;
	}
	return EX_SOFTWARE;
}

static int check(const struct arguments *a, struct text *message)
{
	struct snapshot_options snapshot_options = { .zone = a->zone, .all = a->all, .no_store = true };
	struct result result = { .json = a->json };
	struct engine engine = { .on_case = on_case, .arg = &result, .now_ms = a->now_ms };
	struct reactor *reactor = a->zone ? NULL : reactor_new();
	struct health *health = health_new(NULL, NULL);
	struct snapshot *s = NULL;
	struct dialogue *d = NULL;
	struct verdict v;
	struct err err;
	int status = EX_SOFTWARE;

	engine.health = health;
	snapshot_options.reactor = reactor;
	if (snapshot_load(a->config, &snapshot_options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		status = EX_CONFIG;
	} else if (health && (d = dialogue_new(&engine, s)) != NULL) {
		v = run(a, d, message);
		dialogue_tell_case(d, &v);
		status = result.told ? exit_status(&v) : EX_SOFTWARE;
	}
	dialogue_free(d);
	snapshot_unref(s);
	health_free(health);
	reactor_free(reactor);
	return status;
}

int ctl_check(int argc, char **argv)
{
	struct arguments a = { .config = CTL_DEFAULT_CONFIG, .client_name = "", .auth = "", .port = 25 };
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(MESSAGE_MAX_BYTES);
	int option, status = EX_OK;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			vec_done(&a.rcpts);
			return usage(stdout, EX_OK);
		}
		if (!set(&a, option)) {
			vec_done(&a.rcpts);
			return usage(stderr, EX_USAGE);
		}
	}
	if (!a.ip.family || !a.helo || !a.from || !a.rcpts.len) {
		fputs("sluicectl: check needs --client, --helo, --from and --rcpt\n", stderr);
		status = usage(stderr, EX_USAGE);
	} else if (argc - optind > 1) {
		fputs("sluicectl: check takes one message\n", stderr);
		status = usage(stderr, EX_USAGE);
	}
	if (status == EX_OK && optind < argc)
		status = read_message(argv[optind], &message);
	if (status == EX_OK)
		status = check(&a, &message);
	vec_done(&a.rcpts);
	return status;
}
