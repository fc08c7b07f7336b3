/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_failures.c - sluicectl dmarc failures: domains are told of messages that failed (RFC 9991). */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/control_dmarc.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/dmarc_job.h"

#define DAYS_BACK 2 /* as long as failures are kept */

/* ---- one failure ---- */

struct failure {
	const struct dmarc_failure *facts;
	const char *hash;
};

static void make(struct text *mail, const struct dmarc_reporter *who, const char *to, void *arg)
{
	const struct failure *f = arg;

	dmarc_make_failure(mail, f->facts, who, to, f->hash);
}

/* The domain in From stands in the subject: what cannot be one is not told of. */
static bool is_sound(const struct dmarc_batch *b)
{
	return b->report.row_count == 1 && strlen(b->failure.header_from) < DMARC_ADDRESS_SIZE &&
	       !strpbrk(b->failure.header_from, "/\"\\\r\n ");
}

static bool write_file(struct dmarc_job *r, const struct dmarc_batch *b, struct failure *f)
{
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(DMARC_MAIL_MAX), name = TEXT_INIT(1024);

	make(&mail, &r->who, "undisclosed-recipients:;", f);
	text_addf(&name, "%s!%s!%.12s.eml", r->who.domain, b->report.domain, f->hash);
	return dmarc_job_write(r, b->report.domain, &mail, text_str(&name));
}

/* False: it is kept. */
static bool report(struct dmarc_job *r, const struct dmarc_day *day, struct dmarc_batch *b)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);
	struct failure failure = { &b->failure, text_str(&name) };
	struct dmarc_errand errand = { .domain = b->report.domain, .day = day->day, .make = make, .arg = &failure };
	struct dmarc_destination destinations[DMARC_URIS_MAX];
	bool over = true;
	size_t count;

	if (!is_sound(b) || dmarc_job_opted_out(r, b->report.domain))
		return true;
	/* the same hash may come back in a later day's */
	text_addf(&name, "%s.%lld", b->hashes.items[0], (long long)day->day);
	errand.name = failure.hash = text_str(&name);
	b->failure.reporter = r->who.domain;
	b->failure.authserv_id = r->snapshot->authserv_id;
	b->failure.generator = "Sluice/" SLUICE_VERSION;
	if (r->a->out)
		return write_file(r, b, &failure);
	count = dmarc_destinations(r->snapshot->resolver, b, "ruf", destinations);
	for (size_t i = 0; i < count; i++)
		over &= dmarc_job_deliver(r, &errand, &destinations[i]);
	return over;
}

static void report_day(struct dmarc_job *r, int64_t number)
{
	struct dmarc_day day;
	int status = dmarc_day_read(r->socket, number, true, &day);

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

static void run(struct dmarc_job *r)
{
	int64_t today = r->a->now_s / DMARC_DAY_S;

	for (int64_t day = today - DAYS_BACK; day <= today && !r->status; day++)
		report_day(r, day);
}

int ctl_dmarc_failures(int argc, char **argv)
{
	static const struct dmarc_job_kind kind = {
		.usage = "usage: sluicectl dmarc failures [-c FILE] [-s SOCKET] [OPTION...]\n"
			 "                        tell domains that ask for it of messages that failed, one by one\n"
			 "  -c FILE              configuration (" CTL_DEFAULT_CONFIG ")\n"
			 "  -s SOCKET            of the daemon, where the configuration does not say\n",
		.run = run,
	};

	return dmarc_job_main(argc, argv, &kind);
}
