/* SPDX-License-Identifier: BSD-2-Clause */
/* forget.c - sluicectl forget: take away what is kept of a person, in the daemon, in its store and in its folder of cases. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/observe/case_folder.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl forget [-c FILE | -s SOCKET] ADDRESS\n"
	      "ADDRESS is a mail address, or the name that a user authenticates with\n", out);
	return status;
}

/* What the daemon has done, as lines of a name and a value, which are taken apart. */
struct done {
	const char *memory, *store, *folder; /* counts; "" where no cases are on the disk */
};

static struct done read_answer(char *text)
{
	struct done done = { "0", "0", "" };

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "memory ", 7))
			done.memory = line + 7;
		else if (!strncmp(line, "store ", 6))
			done.store = line + 6;
		else if (!strncmp(line, "folder ", 7))
			done.folder = line + 7;
	}
	return done;
}

static int forget_cases(const struct done *done, const char *person)
{
	int64_t forgotten = 0;
	struct err err;

	if (*done->folder)
		forgotten = case_folder_forget(done->folder, person, true, &err);
	if (forgotten < 0) {
		fprintf(stderr, "sluicectl: %s\n", err.text);
		return EX_CANTCREAT;
	}
	printf("forgotten: %s cases in memory, %s entries of the store", done->memory, done->store);
	if (*done->folder)
		printf(", %lld cases in %s", (long long)forgotten, done->folder);
	putchar('\n');
	return EX_OK;
}

int ctl_forget(int argc, char **argv)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX);
	struct ctl_target target = { 0 };
	struct done done;
	int option, status;

	option = ctl_target_options(argc, argv, &target, NULL);
	if (option != -1 || optind + 1 != argc)
		return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	if (!*argv[optind] || strpbrk(argv[optind], "\r\n<>") || strlen(argv[optind]) > CONTROL_LINE_MAX - 16) {
		fputs("sluicectl: an address is written as user@example.org, with no brackets\n", stderr);
		return EX_USAGE;
	}
	text_addf(&request, "forget %s\n", argv[optind]);
	status = ctl_ask(&target, text_str(&request), &out);
	if (status != EX_OK) {
		fputs(text_str(&out), stderr);
		return status;
	}
	done = read_answer(out.bytes);
	return forget_cases(&done, argv[optind]);
}
