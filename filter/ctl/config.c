/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c - sluicectl config check | show */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/ctl/ctl.h"
#include "filter/engine/snapshot.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl config check [-c FILE]    read the configuration and say what is wrong with it\n"
	      "       sluicectl config show [-c FILE]     each value, and where it comes from\n", out);
	return status;
}

static void print_place(struct place at)
{
	if (at.source)
		printf("   # %s:%u\n", at.source->path, at.line);
	else
		puts("   # default");
}

static void show(const struct snapshot *s)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->shown.len; i++) {
		printf("%s %s", p->shown.items[i].key, p->shown.items[i].value);
		print_place(p->shown.items[i].place);
	}
	for (size_t i = 0; i < p->lists.len; i++) {
		printf("list %s %s, %zu items", list_name(p->lists.items[i]), list_type_words[list_type(p->lists.items[i])],
			list_len(p->lists.items[i]));
		print_place(list_place(p->lists.items[i]));
	}
	for (size_t i = 0; i < p->conditions.len; i++) {
		printf("%s %s", p->conditions.items[i].role ? "role" : "condition", p->conditions.items[i].name);
		print_place(p->conditions.items[i].place);
	}
	for (size_t i = 0; i < p->rules.len; i++) {
		printf("at %s: %s", stage_words[p->rules.items[i].stage], p->rules.items[i].text);
		print_place(p->rules.items[i].place);
	}
}

int ctl_config(int argc, char **argv)
{
	const char *config = CTL_DEFAULT_CONFIG;
	struct snapshot_options options = { .no_services = true };
	struct snapshot *s;
	struct err err;
	bool check;
	int option;

	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc < 2 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "show") != 0))
		return usage(stderr, EX_USAGE);
	check = !strcmp(argv[1], "check");
	while ((option = getopt(argc - 1, argv + 1, "c:h")) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (option != 'c')
			return usage(stderr, EX_USAGE);
		config = optarg;
	}
	if (optind < argc - 1)
		return usage(stderr, EX_USAGE);
	if (snapshot_load(config, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	for (size_t i = 0; check && i < s->policy->warnings.len; i++)
		fprintf(stderr, "%s\n", s->policy->warnings.items[i]);
	if (check)
		printf("%s: good, %zu rules\n", config, s->policy->rules.len);
	else
		show(s);
	snapshot_unref(s);
	return EX_OK;
}
