/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_read.c - sluicectl dmarc read: what others report about our domains. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/json.h"
#include "filter/ctl/dmarc.h"
#include "filter/ctl/dmarc_feedback.h"
#include "filter/ctl/dmarc_unpack.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/progress.h"
#include "filter/ctl/shown.h"

#define LINE_MAX_BYTES 65536
#define SHOWN_BYTES    100 /* of one text */

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl dmarc read [--json] FILE... | -\n"
	      "                        show the reports that others send: XML, gzip, zip, or a mail with one of these\n"
	      "  --json               the same as an array of JSON\n"
	      "exit status: 0 all were read, 64 usage, 65 one is no report that can be read, 66 one is not there\n",
		out);
	return status;
}

/* ---- for a terminal ---- */

static void add_cut(struct text *out, const char *s, size_t max)
{
	size_t len = strlen(s), at = 0;

	while (at < len && at < max)
		at += shown_char(out, s + at, len - at);
	if (at < len)
		text_adds(out, "...");
}

static void add_shown(struct text *out, const char *s)
{
	add_cut(out, s, SHOWN_BYTES);
}

static void add_time(struct text *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		text_addf(out, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			tm.tm_min);
	else
		text_addf(out, "%" PRId64, seconds);
}

static void add_head(struct text *out, const struct feedback *f)
{
	add_shown(out, *f->org ? f->org : "somebody");
	text_adds(out, " about ");
	add_shown(out, f->domain);
	text_adds(out, ", ");
	add_time(out, f->begin_s);
	text_adds(out, " to ");
	add_time(out, f->end_s);
	text_adds(out, " UTC\n  policy ");
	add_shown(out, *f->p ? f->p : "-");
	if (*f->sp) {
		text_adds(out, ", of subdomains ");
		add_shown(out, f->sp);
	}
	text_addf(out, "; %" PRId64 " messages, %" PRId64 " pass, %" PRId64 " fail\n", f->messages, f->passed,
		f->messages - f->passed);
}

static void add_row(struct text *out, const struct feedback_row *row)
{
	text_addf(out, "  %8" PRId64 "  ", row->count);
	add_shown(out, row->source_ip);
	text_adds(out, "  ");
	add_shown(out, *row->disposition ? row->disposition : "-");
	text_adds(out, "  dkim=");
	add_shown(out, *row->dkim ? row->dkim : "-");
	text_adds(out, " spf=");
	add_shown(out, *row->spf ? row->spf : "-");
	text_adds(out, "  from ");
	add_shown(out, *row->header_from ? row->header_from : "-");
	if (*row->envelope_from) {
		text_adds(out, ", envelope ");
		add_shown(out, row->envelope_from);
	}
	if (*row->reason) {
		text_adds(out, " (");
		add_shown(out, row->reason);
		text_addc(out, ')');
	}
	text_addc(out, '\n');
}

static void print_text(const struct feedback *f)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LINE_MAX_BYTES);

	add_head(&out, f);
	fputs(text_str(&out), stdout);
	for (size_t i = 0; i < f->rows.len; i++) {
		text_clear(&out);
		add_row(&out, &f->rows.items[i]);
		fputs(text_str(&out), stdout);
	}
}

/* ---- for programs ---- */

static void add_known(struct text *out, const char *key, const char *s)
{
	if (*s)
		json_str(out, key, s);
}

static void json_row(struct text *out, const struct feedback_row *row)
{
	json_open(out, NULL, '{');
	json_str(out, "source_ip", row->source_ip);
	json_int(out, "count", row->count);
	add_known(out, "disposition", row->disposition);
	add_known(out, "dkim", row->dkim);
	add_known(out, "spf", row->spf);
	add_known(out, "reason", row->reason);
	add_known(out, "header_from", row->header_from);
	add_known(out, "envelope_from", row->envelope_from);
	add_known(out, "dkim_domain", row->dkim_domain);
	add_known(out, "dkim_selector", row->dkim_selector);
	add_known(out, "dkim_result", row->dkim_result);
	add_known(out, "spf_domain", row->spf_domain);
	add_known(out, "spf_result", row->spf_result);
	json_close(out, '}');
}

static void put_json(struct text *out, const char *file, const struct feedback *f)
{
	json_open(out, NULL, '{');
	json_str(out, "file", file);
	add_known(out, "org", f->org);
	add_known(out, "email", f->email);
	add_known(out, "report_id", f->id);
	json_int(out, "begin", f->begin_s);
	json_int(out, "end", f->end_s);
	json_str(out, "domain", f->domain);
	add_known(out, "p", f->p);
	add_known(out, "sp", f->sp);
	add_known(out, "np", f->np);
	add_known(out, "adkim", f->adkim);
	add_known(out, "aspf", f->aspf);
	add_known(out, "testing", f->testing);
	json_int(out, "messages", f->messages);
	json_int(out, "pass", f->passed);
	json_open(out, "records", '[');
	for (size_t i = 0; i < f->rows.len; i++)
		json_row(out, &f->rows.items[i]);
	json_close(out, ']');
	json_close(out, '}');
}

/* ---- files ---- */

/* The greatest counts first; equal ones as they came. */
static int by_count(const void *a, const void *b)
{
	const struct feedback_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->source_ip, y->source_ip);
}

struct run {
	const char *file;
	bool json;
	struct listing listing; /* of json */
	struct progress progress; /* where the reports go elsewhere: on a terminal they show themselves how far it is */
	int status;
};

static void refuse(struct run *r, const char *why)
{
	SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(2048);

	add_cut(&shown, why, sizeof(struct err));
	progress_clear(&r->progress);
	fprintf(stderr, "sluicectl: %s: %s\n", r->file, text_str(&shown));
	r->status = EX_DATAERR;
}

static void on_report(void *arg, const char *xml, size_t len)
{
	struct run *r = arg;
	struct feedback f;
	struct err err;

	if (feedback_parse(xml, len, &f, &err) < 0) {
		refuse(r, err.text);
	} else {
		qsort(f.rows.items, f.rows.len, sizeof f.rows.items[0], by_count);
		if (r->json)
			put_json(listing_next(&r->listing), r->file, &f);
		else
			print_text(&f);
	}
	feedback_done(&f);
}

static bool read_file(const char *path, struct text *out)
{
	FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "re");
	char buf[65536];
	size_t n;
	bool good;

	if (!f)
		return false;
	while (!out->failed && (n = fread(buf, 1, sizeof buf, f)) > 0)
		text_add(out, buf, n);
	good = !ferror(f);
	if (f != stdin)
		(void)fclose(f);
	return good;
}

static void show(struct run *r)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(DMARC_PACKED_MAX);
	struct err err;

	errno = 0;
	if (!read_file(r->file, &file)) {
		int error = errno;

		progress_clear(&r->progress);
		fprintf(stderr, "sluicectl: %s: %s\n", r->file, strerror(error));
		r->status = r->status ? r->status : EX_NOINPUT;
	} else if (file.failed) {
		refuse(r, "it is larger than 64 MB: no report is so large");
	} else if (dmarc_unpack(text_str(&file), file.len, on_report, r, &err) < 0) {
		refuse(r, err.text);
	}
	progress_step(&r->progress, file.len);
}

static uint64_t size_of(char **files, int count)
{
	uint64_t size = 0;
	struct stat st;

	for (int i = 0; i < count; i++)
		if (stat(files[i], &st) == 0 && S_ISREG(st.st_mode))
			size += (uint64_t)st.st_size;
	return size;
}

static void read_all(struct run *r, char **files, int count)
{
	if (isatty(STDOUT_FILENO) != 1)
		progress_begin(&r->progress, "files", size_of(files, count));
	if (r->json)
		listing_begin(&r->listing);
	for (int i = 0; i < count; i++) {
		r->file = files[i];
		show(r);
	}
	if (r->json)
		listing_end(&r->listing);
	progress_clear(&r->progress);
}

int ctl_dmarc_read(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct run r = { .status = EX_OK };
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (option != 'j')
			return usage(stderr, EX_USAGE);
		r.json = true;
	}
	if (optind == argc)
		return usage(stderr, EX_USAGE);
	read_all(&r, argv + optind, argc - optind);
	return r.status;
}
