/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - sluiced: options, and nothing else. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "filter/base/shortage.h"
#include "filter/daemon.h"
#include "filter/engine/snapshot.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluiced [-c FILE] [-t]\n"
	      "  -c FILE  configuration (" SLUICE_SYSCONFDIR "/sluice.conf)\n"
	      "  -t       check the configuration and end\n"
	      "  -V       say the version and end\n", out);
	return status;
}

static int test(const char *config)
{
	struct snapshot_options options = { .no_services = true, .machine = MACHINE_PERHAPS };
	struct snapshot *s;
	struct err err;

	if (snapshot_load(config, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	for (size_t i = 0; i < s->policy->warnings.len; i++)
		fprintf(stderr, "%s\n", s->policy->warnings.items[i]);
	printf("%s: good, %zu rules\n", config, s->policy->rules.len);
	snapshot_unref(s);
	return EX_OK;
}

int main(int argc, char **argv)
{
	const char *config = SLUICE_SYSCONFDIR "/sluice.conf";
	bool only_test = false;
	struct daemon *d;
	struct err err;
	int status, option;

	shortage_watch_openssl();
	while ((option = getopt(argc, argv, "c:thV")) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 't':
			only_test = true;
			break;
		case 'V':
			puts("sluiced " SLUICE_VERSION);
			return EX_OK;
		case 'h':
			return usage(stdout, EX_OK);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr, EX_USAGE);
	if (only_test)
		return test(config);
	d = daemon_start(config, &status, &err);
	if (!d) {
		fprintf(stderr, "sluiced: %s\n", err.text);
		return status;
	}
	status = daemon_run(d);
	daemon_stop(d, status);
	return status;
}
