/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/dmarc_job.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "filter/base/ascii.h"
#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/shown.h"
#include "filter/mail/domain.h"
#include "filter/policy/option.h"

#define DEFAULT_SENDMAIL   "/usr/sbin/sendmail"
#define DEFAULT_TIMEOUT_MS 60000
#define OPT_OUT            "dmarc-no-reports"

enum { DAY = 256, OUT, SMTP, SENDMAIL, DRY, ZONE, NOW, TIMEOUT };
static const struct option options[] = {
	{ "day", required_argument, NULL, DAY },
	{ "out", required_argument, NULL, OUT },
	{ "smtp", required_argument, NULL, SMTP },
	{ "sendmail", required_argument, NULL, SENDMAIL },
	{ "dry-run", no_argument, NULL, DRY },
	{ "zone", required_argument, NULL, ZONE },
	{ "now", required_argument, NULL, NOW },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/* ---- options ---- */

static bool parse_time(const char *s, const char *format, int64_t *ret_s)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, format, &tm);

	if (!end || *end)
		return false;
	*ret_s = (int64_t)timegm(&tm);
	return *ret_s > 0;
}

static bool complain(const char *value, const char *what)
{
	fprintf(stderr, "sluicectl: '%s' is no %s\n", value, what);
	return false;
}

static bool set(struct dmarc_arguments *a, int option)
{
	int64_t seconds;

	switch (option) {
	case 'c':
		a->config = optarg;
		return true;
	case 's':
		a->socket = optarg;
		return true;
	case DAY:
		if (!parse_time(optarg, "%Y-%m-%d", &seconds))
			return complain(optarg, "day: write 2026-01-31");
		a->day = seconds / DMARC_DAY_S;
		return true;
	case OUT:
		a->out = optarg;
		return true;
	case SMTP:
		a->smtp = optarg;
		return true;
	case SENDMAIL:
		a->transport.sendmail = optarg;
		return true;
	case DRY:
		a->dry = true;
		return true;
	case ZONE:
		a->zone = optarg;
		return true;
	case NOW:
		return parse_time(optarg, "%Y-%m-%dT%H:%M:%SZ", &a->now_s) ||
		       complain(optarg, "time: write 2026-01-31T12:00:00Z");
	case TIMEOUT:
		return (option_duration(optarg, strlen(optarg), &a->transport.server.timeout_ms) &&
			       a->transport.server.timeout_ms > 0 && a->transport.server.timeout_ms <= INT32_MAX) ||
		       complain(optarg, "duration: write 60s");
	default:
		return false;
	}
}

/* HOST:PORT or [ADDRESS]:PORT. */
static bool set_server(struct dmarc_arguments *a, struct text *host)
{
	const char *colon = strrchr(a->smtp, ':');
	size_t len = colon ? (size_t)(colon - a->smtp) : 0;
	uint64_t port;

	if (!colon || !ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || len == 0)
		return complain(a->smtp, "mail server: write 127.0.0.1:25");
	if (len > 2 && a->smtp[0] == '[' && a->smtp[len - 1] == ']')
		text_add(host, a->smtp + 1, len - 2);
	else
		text_add(host, a->smtp, len);
	a->transport.server.host = text_str(host);
	a->transport.server.port = colon + 1;
	return !host->failed;
}

static bool fits(const struct dmarc_arguments *a, const struct dmarc_job_kind *kind)
{
	if ((a->out != NULL) + (a->smtp != NULL) + (a->transport.sendmail != NULL) + a->dry > 1)
		fputs("sluicectl: --out, --smtp, --sendmail and --dry-run are four ways: choose one\n", stderr);
	else if (a->day >= 0 && !kind->by_day)
		fputs("sluicectl: --day is of sluicectl dmarc report\n", stderr);
	else if (a->day >= a->now_s / DMARC_DAY_S && !a->out && !a->dry)
		fputs("sluicectl: this day is not over: its reports can be looked at (--out), and not be sent yet\n",
			stderr);
	else
		return true;
	return false;
}

/* ---- one destination ---- */

static bool ask(const struct dmarc_job *r, const char *verb, int64_t day, const char *hash, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX);

	text_addf(&request, "dmarc %s %" PRId64 " %s\n", verb, day, hash);
	if (ctl_ask(&(struct ctl_target){ .socket = r->socket }, text_str(&request), out) == EX_OK)
		return true;
	fprintf(stderr, "%s", text_str(out));
	return false;
}

static void tell(FILE *out, const struct dmarc_errand *e, const char *to, const char *what, const char *why)
{
	shown_put(out, e->domain);
	fputs(": ", out);
	shown_put(out, to);
	fprintf(out, ": %s%s", what, *why ? ": " : "");
	shown_put(out, why);
	fputc('\n', out);
}

/* What became of a claim, for others to see. */
static bool settle(struct dmarc_job *r, const struct dmarc_errand *e, const char *to, const char *hash,
	enum smtp_result result, const char *why)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	bool over = result == SMTP_SENT || result == SMTP_REFUSED;

	if (result == SMTP_SENT)
		tell(stdout, e, to, "sent", "");
	else if (result == SMTP_REFUSED)
		tell(stderr, e, to, "refused for good", why);
	else
		tell(stderr, e, to, "not sent, left for the next time", why);
	r->down |= result == SMTP_DOWN;
	return ask(r, over ? "done" : "release", e->day, hash, &out) && over;
}

static enum smtp_result mail_to(struct dmarc_job *r, const struct dmarc_errand *e, const char *to, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(DMARC_MAIL_MAX), no_key = TEXT_INIT(1024);

	e->make(&mail, &r->who, to, e->arg);
	if (mail.failed) {
		text_addf(why, "the mail would have more than %u MB", DMARC_MAIL_MAX >> 20);
		return SMTP_REFUSED;
	}
	if (!dmarc_sign(r->snapshot, &r->who, &mail, &no_key) && !r->unsigned_told) {
		fprintf(stderr, "sluicectl: reports go out unsigned, and may be refused: %s\n", text_str(&no_key));
		r->unsigned_told = true;
	}
	return dmarc_send(&r->a->transport, &(struct smtp_mail){ r->who.from, to, mail.bytes, mail.len }, why);
}

bool dmarc_job_deliver(struct dmarc_job *r, const struct dmarc_errand *e, const struct dmarc_destination *d)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX), why = TEXT_INIT(2048);
	enum smtp_result result = SMTP_REFUSED;
	char hash[DMARC_UNIQUE_SIZE];

	dmarc_unique(hash, e->name, d->uri.address);
	if (r->a->dry) {
		tell(stdout, e, d->uri.address, d->where == DMARC_GO ? "would be sent" : "would not be sent",
			d->why ? d->why : "");
		return true;
	}
	if (d->where == DMARC_LATER || r->down) {
		tell(stderr, e, d->uri.address, "not sent, left for the next time",
			d->why ? d->why : "the mail server is out of order");
		return false;
	}
	if (d->where == DMARC_NEVER) {
		tell(stderr, e, d->uri.address, "not sent", d->why);
		return true;
	}
	if (!ask(r, "claim", e->day, hash, &out))
		return false;
	if (!strcmp(text_str(&out), "done\n"))
		return true;
	if (strcmp(text_str(&out), "new\n") != 0) {
		tell(stderr, e, d->uri.address, "not sent",
			"another run sends to it, or has ended in the middle: it can be tried again in two hours");
		return false;
	}
	if (e->size > d->uri.max_bytes)
		text_addf(&why, "the report has %zu octets, and the domain wants %" PRIu64 " at most", e->size,
			d->uri.max_bytes);
	else
		result = mail_to(r, e, d->uri.address, &why);
	return settle(r, e, d->uri.address, hash, result, text_str(&why));
}

bool dmarc_job_opted_out(const struct dmarc_job *r, const char *domain)
{
	return r->opt_out && list_has_domain(r->opt_out, domain, strlen(domain));
}

/* ---- files ---- */

bool dmarc_job_write(struct dmarc_job *r, const char *domain, const struct text *file, const char *name)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(8192);
	FILE *f;
	bool written;

	text_addf(&path, "%s/%s", r->a->out, name);
	f = fopen(text_str(&path), "we");
	written = f && fwrite(text_str(file), 1, file->len, f) == file->len;
	written = f && fclose(f) == 0 && written;
	if (written) {
		printf("%s: %s\n", domain, text_str(&path));
		return true;
	}
	fprintf(stderr, "sluicectl: %s: %s\n", text_str(&path), strerror(errno));
	r->status = EX_CANTCREAT;
	return false;
}

/* ---- the settings ---- */

/* A text of `dmarc { }`; "": it is not set. */
static const char *setting(const struct snapshot *s, const char *key)
{
	const struct sluice_setting *found = policy_setting(s->policy, "dmarc", key);

	return found ? found->text : "";
}

/* The address as mail has it, its domain in A-labels. */
static bool read_reporter(const struct snapshot *s, struct dmarc_reporter *ret, struct text *from)
{
	const char *address = setting(s, "report_from"), *at = strrchr(address, '@');
	char domain[DOMAIN_ASCII_SIZE];

	*ret = (struct dmarc_reporter){ .org = setting(s, "report_org"), .contact = setting(s, "report_contact") };
	if (!at || !*ret->org || !domain_to_ascii(at + 1, strlen(at + 1), domain)) {
		fputs("sluicectl: who reports is not configured: dmarc { reports yes  report_from "
		      "dmarc-reports@example.org  report_org \"Example Inc.\" }\n",
			stderr);
		return false;
	}
	text_addf(from, "%.*s@%s", (int)(at - address), address, domain);
	ret->from = text_str(from);
	ret->domain = strrchr(ret->from, '@') + 1;
	return true;
}

static int run(const struct dmarc_arguments *a, const struct dmarc_job_kind *kind)
{
	struct reactor *reactor = a->zone ? NULL : reactor_new();
	struct snapshot_options o = { .reactor = reactor, .zone = a->zone, .no_store = true };
	SLUICE_CLEANUP(text_done) struct text from = TEXT_INIT(1024);
	struct dmarc_job r = { .a = a, .status = EX_CONFIG };
	struct dmarc_arguments with_name = *a;
	struct err err;

	if (snapshot_load(a->config, &o, &r.snapshot, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
	} else if (read_reporter(r.snapshot, &r.who, &from)) {
		with_name.transport.server.helo = r.snapshot->authserv_id;
		r.a = &with_name;
		r.status = EX_OK;
		r.socket = a->socket ? a->socket : r.snapshot->policy->settings.control;
		r.opt_out = policy_list(r.snapshot->policy, OPT_OUT);
		kind->run(&r);
	}
	snapshot_unref(r.snapshot);
	reactor_free(reactor);
	return r.status == EX_OK && r.open ? EX_TEMPFAIL : r.status;
}

static int usage(const struct dmarc_job_kind *kind, FILE *out, int status)
{
	fputs(kind->usage, out);
	fputs("  --sendmail PATH      hand the mails to this program (" DEFAULT_SENDMAIL ")\n"
	      "  --smtp HOST:PORT     hand them to this mail server\n"
	      "  --out DIR            write the reports into files there, and send nothing\n"
	      "  --dry-run            say what would be sent, and send nothing\n"
	      "  --timeout DURATION   for each answer of the mail server (60s)\n"
	      "  --zone FILE          answer DNS from this file, and ask no network\n"
	      "  --now TIME           as if it were then (RFC 3339: 2026-01-31T12:00:00Z)\n"
	      "exit status: 0 all is sent, 64 usage, 69 no daemon, 73 a file cannot be written, 75 something is left "
	      "for the next time,\n"
	      "78 bad configuration\n",
		out);
	return status;
}

int dmarc_job_main(int argc, char **argv, const struct dmarc_job_kind *kind)
{
	struct dmarc_arguments a = { .config = CTL_DEFAULT_CONFIG, .day = -1, .now_s = (int64_t)time(NULL) };
	SLUICE_CLEANUP(text_done) struct text host = TEXT_INIT(1024);
	int option;

	a.transport.server.timeout_ms = DEFAULT_TIMEOUT_MS;
	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(kind, stdout, EX_OK);
		if (!set(&a, option))
			return usage(kind, stderr, EX_USAGE);
	}
	if (optind != argc)
		return usage(kind, stderr, EX_USAGE);
	if (!fits(&a, kind) || (a.smtp && !set_server(&a, &host)))
		return EX_USAGE;
	if (!a.transport.sendmail)
		a.transport.sendmail = DEFAULT_SENDMAIL;
	(void)signal(SIGPIPE, SIG_IGN);
	return run(&a, kind);
}
