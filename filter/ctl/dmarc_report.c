/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_report.c - sluicectl dmarc report: the reports of a day, made and sent (RFC 9990). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/dmarc.h"
#include "filter/mail/domain.h"
#include "filter/policy/option.h"

#define DEFAULT_SENDMAIL   "/usr/sbin/sendmail"
#define DEFAULT_TIMEOUT_MS 60000
#define DAYS_BACK          3 /* without --day: what could not be sent yesterday is tried again for so long */
#define OPT_OUT            "dmarc-no-reports"

struct arguments {
	const char *config, *socket, *zone, *out, *smtp;
	struct dmarc_transport transport;
	int64_t now_s, day; /* day: -1: those before today */
	bool dry;
};

struct run {
	const struct arguments *a;
	struct snapshot *snapshot;
	const char *socket;
	struct dmarc_reporter who;
	const struct list *opt_out;     /* NULL: nobody */
	bool unsigned_told, down, open; /* open: something is left to be sent */
	int status;
};

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

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl dmarc report [-c FILE] [-s SOCKET] [OPTION...]\n"
	      "                        make the reports of a day, and send them to the domains that ask for them\n"
	      "  -c FILE              configuration (" CTL_DEFAULT_CONFIG ")\n"
	      "  -s SOCKET            of the daemon, where the configuration does not say\n"
	      "  --day YYYY-MM-DD     of this day (UTC) alone; else of yesterday, and what is left of the two days "
	      "before\n"
	      "  --sendmail PATH      hand the mails to this program (" DEFAULT_SENDMAIL ")\n"
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

static bool set(struct arguments *a, int option)
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
static bool set_server(struct arguments *a, struct text *host)
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

static bool fits(const struct arguments *a)
{
	if ((a->out != NULL) + (a->smtp != NULL) + (a->transport.sendmail != NULL) + a->dry > 1)
		fputs("sluicectl: --out, --smtp, --sendmail and --dry-run are four ways: choose one\n", stderr);
	else if (a->day >= a->now_s / DMARC_DAY_S && !a->out && !a->dry)
		fputs("sluicectl: this day is not over: its reports can be looked at (--out), and not be sent yet\n",
			stderr);
	else
		return true;
	return false;
}

/* ---- one destination ---- */

static bool ask(const struct run *r, const char *verb, int64_t day, const char *hash, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX);

	text_addf(&request, "dmarc %s %" PRId64 " %s\n", verb, day, hash);
	if (ctl_ask(&(struct ctl_target){ .socket = r->socket }, text_str(&request), out) == EX_OK)
		return true;
	fprintf(stderr, "%s", text_str(out));
	return false;
}

static void tell(FILE *out, const struct dmarc_batch *b, const char *to, const char *what, const char *why)
{
	fprintf(out, "%s: %s: %s%s%s\n", b->report.domain, to, what, *why ? ": " : "", why);
}

/* What became of a claim, for others to see. */
static bool settle(struct run *r, const struct dmarc_batch *b, const struct dmarc_day *day, const char *to,
	const char *hash, enum smtp_result result, const char *why)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	bool over = result == SMTP_SENT || result == SMTP_REFUSED;

	if (result == SMTP_SENT)
		tell(stdout, b, to, "sent", "");
	else if (result == SMTP_REFUSED)
		tell(stderr, b, to, "refused for good", why);
	else
		tell(stderr, b, to, "not sent, left for the next time", why);
	r->down |= result == SMTP_DOWN;
	return ask(r, over ? "done" : "release", day->day, hash, &out) && over;
}

static enum smtp_result mail_to(struct run *r, const struct dmarc_batch *b, const char *to, const struct text *file,
	const struct text *name, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(DMARC_MAIL_MAX), no_key = TEXT_INIT(1024);

	dmarc_make_mail(&mail, b, &r->who, to, file, name);
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

/* False: it is to be tried again. */
static bool deliver(struct run *r, const struct dmarc_day *day, const struct dmarc_batch *b,
	const struct dmarc_destination *d, const struct text *file, const struct text *name)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX), why = TEXT_INIT(2048);
	enum smtp_result result = SMTP_REFUSED;
	char hash[DMARC_UNIQUE_SIZE];

	dmarc_unique(hash, b->report.domain, d->uri.address);
	if (r->a->dry) {
		tell(stdout, b, d->uri.address, d->where == DMARC_GO ? "would be sent" : "would not be sent",
			d->why ? d->why : "");
		return true;
	}
	if (d->where == DMARC_LATER || r->down) {
		tell(stderr, b, d->uri.address, "not sent, left for the next time",
			d->why ? d->why : "the mail server is out of order");
		return false;
	}
	if (d->where == DMARC_NEVER) {
		tell(stderr, b, d->uri.address, "not sent", d->why);
		return true;
	}
	if (!ask(r, "claim", day->day, hash, &out))
		return false;
	if (!strcmp(text_str(&out), "done\n"))
		return true;
	if (strcmp(text_str(&out), "new\n") != 0) {
		tell(stderr, b, d->uri.address, "not sent",
			"another run sends to it, or has ended in the middle: it can be tried again in two hours");
		return false;
	}
	if (file->len > d->uri.max_bytes)
		text_addf(&why, "the report has %zu octets, and the domain wants %" PRIu64 " at most", file->len,
			d->uri.max_bytes);
	else
		result = mail_to(r, b, d->uri.address, file, name, &why);
	return settle(r, b, day, d->uri.address, hash, result, text_str(&why));
}

/* ---- one domain ---- */

static bool write_file(struct run *r, const struct dmarc_batch *b, const struct text *file, const struct text *name)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(8192);
	FILE *f;
	bool written;

	text_addf(&path, "%s/%s", r->a->out, text_str(name));
	f = fopen(text_str(&path), "we");
	written = f && fwrite(text_str(file), 1, file->len, f) == file->len;
	written = f && fclose(f) == 0 && written;
	if (written) {
		printf("%s: %s\n", b->report.domain, text_str(&path));
		return true;
	}
	fprintf(stderr, "sluicectl: %s: %s\n", text_str(&path), strerror(errno));
	r->status = EX_CANTCREAT;
	return false;
}

/* False: its rows are kept. */
static bool report(struct run *r, const struct dmarc_day *day, struct dmarc_batch *b)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(DMARC_MAIL_MAX), name = TEXT_INIT(2048);
	struct dmarc_destination destinations[DMARC_URIS_MAX];
	bool over = true;
	size_t count;

	if (b->report.row_count == 0 ||
		(r->opt_out && list_has_domain(r->opt_out, b->report.domain, strlen(b->report.domain))))
		return true;
	if (!dmarc_make_file(b, day->day, &r->who, &file, &name)) {
		fprintf(stderr, "%s: the report would be too large, and is not made\n", b->report.domain);
		return true;
	}
	if (r->a->out)
		return write_file(r, b, &file, &name);
	count = dmarc_destinations(r->snapshot->resolver, b, destinations);
	if (r->a->dry)
		printf("%s: %" PRId64 " messages in %zu rows\n", b->report.domain, b->messages, b->report.row_count);
	for (size_t i = 0; i < count; i++)
		over &= deliver(r, day, b, &destinations[i], &file, &name);
	return over;
}

static void report_day(struct run *r, int64_t number)
{
	struct dmarc_day day;
	int status = dmarc_day_read(r->socket, number, &day);

	for (size_t i = 0; status == EX_OK && i < day.batches.len; i++) {
		if (!report(r, &day, &day.batches.items[i]))
			r->open = true;
		else if (!r->a->out && !r->a->dry)
			status = dmarc_day_forget(&day, &day.batches.items[i]);
	}
	if (status)
		r->status = status;
	dmarc_day_done(&day);
}

/* ---- the settings ---- */

/* A text of `dmarc { }`; "": it is not set. */
static const char *setting(const struct snapshot *s, const char *key)
{
	const struct catalog *c = s->policy->catalog;

	for (size_t i = 0; i < c->plugins.len; i++) {
		const struct policy_blocks *b = &s->policy->blocks.items[i];

		for (size_t k = 0; !strcmp(c->plugins.items[i]->name, "dmarc") && b->len && k < b->items->count; k++)
			if (!strcmp(c->plugins.items[i]->options[b->items->settings[k].option].key, key))
				return b->items->settings[k].text;
	}
	return "";
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

static int run(const struct arguments *a)
{
	struct reactor *reactor = a->zone ? NULL : reactor_new();
	struct snapshot_options o = { .reactor = reactor, .zone = a->zone, .no_store = true };
	SLUICE_CLEANUP(text_done) struct text from = TEXT_INIT(1024);
	struct run r = { .a = a, .status = EX_CONFIG };
	int64_t today = a->now_s / DMARC_DAY_S;
	struct arguments with_name = *a;
	struct err err;

	if (snapshot_load(a->config, &o, &r.snapshot, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
	} else if (read_reporter(r.snapshot, &r.who, &from)) {
		with_name.transport.server.helo = r.snapshot->authserv_id;
		r.a = &with_name;
		r.status = EX_OK;
		r.socket = a->socket ? a->socket : r.snapshot->policy->settings.control;
		r.opt_out = policy_list(r.snapshot->policy, OPT_OUT);
		for (int64_t day = a->day >= 0 ? a->day : today - DAYS_BACK;
			day <= (a->day >= 0 ? a->day : today - 1) && !r.status; day++)
			report_day(&r, day);
	}
	snapshot_unref(r.snapshot);
	reactor_free(reactor);
	return r.status == EX_OK && r.open ? EX_TEMPFAIL : r.status;
}

int ctl_dmarc_report(int argc, char **argv)
{
	struct arguments a = { .config = CTL_DEFAULT_CONFIG, .day = -1, .now_s = (int64_t)time(NULL) };
	SLUICE_CLEANUP(text_done) struct text host = TEXT_INIT(1024);
	int option;

	a.transport.server.timeout_ms = DEFAULT_TIMEOUT_MS;
	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (!set(&a, option))
			return usage(stderr, EX_USAGE);
	}
	if (optind != argc)
		return usage(stderr, EX_USAGE);
	if (!fits(&a) || (a.smtp && !set_server(&a, &host)))
		return EX_USAGE;
	if (!a.transport.sendmail)
		a.transport.sendmail = DEFAULT_SENDMAIL;
	(void)signal(SIGPIPE, SIG_IGN);
	return run(&a);
}
