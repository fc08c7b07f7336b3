/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_report.c - sluicectl dmarc report: the reports of a day, made and sent (RFC 9990). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/ctl/ctl.h"
#include "filter/ctl/dmarc_job.h"

#define DAYS_BACK 3 /* without --day: what could not be sent yesterday is tried again for so long */

/* ---- one domain ---- */

struct attachment {
	const struct dmarc_batch *batch;
	const struct text *file, *name;
};

static void make(struct text *mail, const struct dmarc_reporter *who, const char *to, void *arg)
{
	const struct attachment *a = arg;

	dmarc_make_mail(mail, a->batch, who, to, a->file, a->name);
}

/* False: its rows are kept. */
static bool report(struct dmarc_job *r, const struct dmarc_day *day, struct dmarc_batch *b)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(DMARC_MAIL_MAX), name = TEXT_INIT(2048);
	struct attachment attachment = { b, &file, &name };
	struct dmarc_errand errand = {
		.domain = b->report.domain, .name = b->report.domain, .day = day->day, .make = make, .arg = &attachment
	};
	struct dmarc_destination destinations[DMARC_URIS_MAX];
	bool over = true;
	size_t count;

	if (b->report.row_count == 0 || dmarc_job_opted_out(r, b->report.domain))
		return true;
	if (!dmarc_make_file(b, day->day, &r->who, &file, &name)) {
		fprintf(stderr, "%s: the report would be too large, and is not made\n", b->report.domain);
		return true;
	}
	if (r->a->out)
		return dmarc_job_write(r, b->report.domain, &file, text_str(&name));
	errand.size = file.len;
	count = dmarc_destinations(r->snapshot->resolver, b, "rua", destinations);
	if (r->a->dry)
		printf("%s: %" PRId64 " messages in %zu rows\n", b->report.domain, b->messages, b->report.row_count);
	for (size_t i = 0; i < count; i++)
		over &= dmarc_job_deliver(r, &errand, &destinations[i]);
	return over;
}

static void report_day(struct dmarc_job *r, int64_t number)
{
	struct dmarc_day day;
	int status = dmarc_day_read(r->socket, number, false, &day);

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
	int64_t today = r->a->now_s / DMARC_DAY_S, first = r->a->day >= 0 ? r->a->day : today - DAYS_BACK;

	for (int64_t day = first; day <= (r->a->day >= 0 ? r->a->day : today - 1) && !r->status; day++)
		report_day(r, day);
}

int ctl_dmarc_report(int argc, char **argv)
{
	static const struct dmarc_job_kind kind = {
		.usage = "usage: sluicectl dmarc report [-c FILE] [-s SOCKET] [OPTION...]\n"
			 "                        make the reports of a day, and send them to the domains that ask for "
			 "them\n"
			 "  -c FILE              configuration (" CTL_DEFAULT_CONFIG ")\n"
			 "  -s SOCKET            of the daemon, where the configuration does not say\n"
			 "  --day YYYY-MM-DD     of this day (UTC) alone; else of yesterday, and what is left of the "
		         "two "
			 "days before\n",
		.by_day = true,
		.run = run,
	};

	return dmarc_job_main(argc, argv, &kind);
}
