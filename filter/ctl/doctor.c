/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor.c - sluicectl doctor: is there what Sluice depends on, and does it do what it should? */
#include "filter/ctl/doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/text.h"
#include "filter/ctl/ctl.h"
#include "filter/services/reactor.h"

#define TEXT_BYTES 2000 /* of what is told of one thing */

static const char *const level_words[DOCTOR_LEVELS] = { "good", "LOOK", "BAD" };

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

static void add_printable(struct text *out, const char *s)
{
	for (; *s; s++)
		text_addc(out, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void keep(struct doctor *d, enum doctor_level level, const char *about, const char *what, const char *remedy)
{
	json_t *finding = json_pack("{s:s, s:s, s:s, s:s?}", "level", level_words[level], "about", about, "what", what, "remedy", remedy);

	if (!finding) /* octets that are no UTF-8 */
		finding = json_pack("{s:s, s:s}", "level", level_words[level], "what", "it cannot be shown");
	(void)json_array_append_new(d->findings, finding);
}

void doctor_tell(struct doctor *d, enum doctor_level level, const char *about, const char *remedy, const char *what, ...)
{
	SLUICE_CLEANUP(text_done) struct text said = TEXT_INIT(TEXT_BYTES), subject = TEXT_INIT(TEXT_BYTES), text = TEXT_INIT(TEXT_BYTES);
	va_list args;

	va_start(args, what);
	text_addv(&said, what, args);
	va_end(args);
	add_printable(&text, text_str(&said));
	add_printable(&subject, about);
	d->counts[level]++;
	if (d->findings) {
		keep(d, level, text_str(&subject), text_str(&text), remedy);
		return;
	}
	printf("%-4s  %s: %s\n", level_words[level], text_str(&subject), text_str(&text));
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
	if (d->findings) {
		(void)json_dumpf(d->findings, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(d->findings);
	} else {
		printf("%zu good, %zu to look at, %zu bad\n", d->counts[DOCTOR_GOOD], d->counts[DOCTOR_LOOK], d->counts[DOCTOR_BAD]);
	}
	return d->counts[DOCTOR_BAD] ? 2 : d->counts[DOCTOR_LOOK] ? 1 : EX_OK;
}

static int doctor(const char *config, const char *zone, bool json)
{
	struct reactor *reactor = zone ? NULL : reactor_new();
	struct snapshot_options options = { .reactor = reactor, .zone = zone, .no_store = true };
	struct doctor d = { .config = config, .offline = zone != NULL };
	struct snapshot *s = NULL;
	int status = EX_CONFIG;
	struct err err;

	if (!zone && !reactor)
		return EX_OSERR;
	if (json && !(d.findings = json_array())) {
		reactor_free(reactor);
		return EX_OSERR;
	}
	if (snapshot_load(config, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		json_decref(d.findings);
	} else {
		d.s = s;
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
