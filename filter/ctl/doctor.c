/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor.c - sluicectl doctor: is there what Sluice depends on, and does it do what it should? */
#include "filter/ctl/doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/json.h"
#include "filter/base/text.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/paint.h"
#include "filter/ctl/shown.h"
#include "filter/services/reactor.h"

#define TEXT_BYTES 2000 /* of what is told of one thing */

static const char *const level_words[DOCTOR_LEVELS] = { "good", "LOOK", "BAD" };
static const enum paint colours[DOCTOR_LEVELS] = { PAINT_GOOD, PAINT_LOOK, PAINT_BAD };

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl doctor [-c FILE] [--zone FILE] [--json]\n"
	      "  -c FILE      configuration (" CTL_DEFAULT_CONFIG ")\n"
	      "  --zone FILE  answer DNS from this file, and ask no network\n"
	      "  --json       print a list of what was found as JSON\n"
	      "exit status: 0 all is good, 1 something should be looked at, 2 something is bad, 78 the configuration is\n", out);
	return status;
}

/* ---- telling ---- */

static void keep(struct doctor *d, enum doctor_level level, const char *about, const char *what, const char *remedy)
{
	struct text *out = listing_next(d->listing);

	json_open(out, NULL, '{');
	json_str(out, "level", level_words[level]);
	json_str(out, "about", about);
	json_str(out, "what", what);
	json_str(out, "remedy", remedy);
	json_close(out, '}');
}

void doctor_tell(struct doctor *d, enum doctor_level level, const char *about, const char *remedy, const char *what, ...)
{
	SLUICE_CLEANUP(text_done) struct text said = TEXT_INIT(TEXT_BYTES), subject = TEXT_INIT(TEXT_BYTES), text = TEXT_INIT(TEXT_BYTES);
	va_list args;

	va_start(args, what);
	text_addv(&said, what, args);
	va_end(args);
	shown_add(&text, text_str(&said), said.len);
	shown_add(&subject, about, strlen(about));
	d->counts[level]++;
	if (d->listing) {
		keep(d, level, text_str(&subject), text_str(&text), remedy);
		return;
	}
	paint_word(stdout, colours[level], level_words[level], 4);
	printf("  %s: %s\n", text_str(&subject), text_str(&text));
	if (remedy)
		printf("      %s\n", remedy);
}

/* ---- all of it ---- */

static void look(struct doctor *d)
{
	const struct policy *p = d->s->policy;

	doctor_tell(d, DOCTOR_GOOD, d->config, NULL, "it can be read, and has %zu rules", p->rules.len);
	for (size_t i = 0; i < p->warnings.len; i++)
		doctor_tell(d, DOCTOR_LOOK, "configuration", "sluicectl config check shows the line", "%.*s", (int)strcspn(p->warnings.items[i], "\n"), p->warnings.items[i]);
	doctor_daemon(d);
	doctor_system(d);
	doctor_resolver(d);
	doctor_names(d);
}

static int finish(struct doctor *d)
{
	if (d->listing)
		listing_end(d->listing);
	else
		printf("%zu good, %zu to look at, %zu bad\n", d->counts[DOCTOR_GOOD], d->counts[DOCTOR_LOOK], d->counts[DOCTOR_BAD]);
	return d->counts[DOCTOR_BAD] ? 2 : d->counts[DOCTOR_LOOK] ? 1 : EX_OK;
}

static int doctor(const char *config, const char *zone, bool json)
{
	struct reactor *reactor = zone ? NULL : reactor_new();
	struct snapshot_options options = { .reactor = reactor, .zone = zone, .no_store = true };
	struct doctor d = { .config = config, .offline = zone != NULL };
	struct snapshot *s = NULL;
	struct listing listing;
	int status = EX_CONFIG;
	struct err err;

	if (!zone && !reactor)
		return EX_OSERR;
	if (snapshot_load(config, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
	} else {
		d.s = s;
		if (json)
			listing_begin(d.listing = &listing);
		look(&d);
		status = finish(&d);
	}
	snapshot_unref(s);
	reactor_free(reactor);
	return status;
}

int ctl_doctor(int argc, char **argv)
{
	static const struct option options[] = { { "zone", required_argument, NULL, 'z' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	const char *config = CTL_DEFAULT_CONFIG, *zone = NULL;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'z')
			zone = optarg;
		else if (option == 'j')
			json = true;
		else
			return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	}
	return optind == argc ? doctor(config, zone, json) : usage(stderr, EX_USAGE);
}
