/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c - sluicectl config check | show */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/ctl/ctl.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/snapshot.h"
#include "filter/mail/address.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl config check [-c FILE]                  read the configuration and say what is wrong with it\n"
	      "       sluicectl config show [-c FILE]                   each value, and where it comes from\n"
	      "       sluicectl config show [-c FILE] --for ADDRESS     what holds for a recipient: its profile, and the lists that it is in\n", out);
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
	for (size_t i = 0; i < p->profiles.len; i++) {
		printf("profile %s", p->profiles.items[i].name);
		print_place(p->profiles.items[i].place);
	}
	for (size_t i = 0; i < p->rules.len; i++) {
		printf("at %s: %s", stage_words[p->rules.items[i].stage], p->rules.items[i].text);
		print_place(p->rules.items[i].place);
	}
}

/* ---- what holds for a recipient ---- */

/* The facts about it that profiles are chosen by. */
static void set_facts(const struct snapshot *s, const struct sluice_address *a, struct value *facts)
{
	facts[CORE_RCPT_ADDRESS] = (struct value){ .known = true, .type = SLUICE_ADDRESS, .text = { a->text, a->len } };
	facts[CORE_RCPT_DOMAIN] = (struct value){ .known = true, .type = SLUICE_DOMAIN, .text = { a->domain, a->domain_len } };
	facts[CORE_RCPT_LOCAL] = (struct value){ .known = true, .type = SLUICE_BOOL, .yes = core_is_local(s->policy, a) };
}

static bool list_has(const struct list *l, const struct sluice_address *a)
{
	return list_has_domain(l, a->domain, a->domain_len) || list_has_address(l, a) || list_has_match(l, a->text, a->len);
}

static void show_profile(const struct profiles *all, const struct catalog *c, const struct value *facts)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(65536);
	const struct profile *own = profile_of(all, facts);

	if (!own) {
		puts("no profiles");
		return;
	}
	printf("profile %s", own->name);
	print_place(own->place);
	for (size_t i = 0; i < all->key_count; i++) {
		const struct profile_value *v = profile_value(all, own, i);

		text_clear(&text);
		value_print(&text, &v->value, NULL);
		printf("%s %s", c->facts.items[all->key_fact + i].name, text_str(&text));
		print_place(v->place);
	}
}

static int show_for(const struct snapshot *s, const char *address)
{
	const struct catalog *c = &s->registry->catalog;
	struct sluice_address a = address_split(address, strlen(address));
	struct value *facts = calloc(c->facts.len, sizeof *facts);

	if (!facts) {
		fputs("sluicectl: out of memory\n", stderr);
		return EX_OSERR;
	}
	set_facts(s, &a, facts);
	printf("rcpt.local %s\n", facts[CORE_RCPT_LOCAL].yes ? "yes" : "no");
	show_profile(&s->policy->profiles, c, facts);
	for (size_t i = 0; i < s->policy->lists.len; i++) {
		if (!list_has(s->policy->lists.items[i], &a))
			continue;
		printf("in list %s", list_name(s->policy->lists.items[i]));
		print_place(list_place(s->policy->lists.items[i]));
	}
	free(facts);
	return EX_OK;
}

/* ---- the command ---- */

int ctl_config(int argc, char **argv)
{
	static const struct option options[] = { { "for", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = CTL_DEFAULT_CONFIG, *address = NULL;
	struct snapshot_options load = { .no_services = true };
	struct snapshot *s;
	struct err err;
	bool check;
	int option, status = EX_OK;

	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc < 2 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "show") != 0))
		return usage(stderr, EX_USAGE);
	check = !strcmp(argv[1], "check");
	while ((option = getopt_long(argc - 1, argv + 1, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'f' && !check)
			address = optarg;
		else
			return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	}
	if (address && !strchr(address, '@')) {
		fprintf(stderr, "sluicectl: '%s' is no address: write one such as user@example.org\n", address);
		return EX_USAGE;
	}
	if (optind < argc - 1)
		return usage(stderr, EX_USAGE);
	if (snapshot_load(config, &load, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	for (size_t i = 0; check && i < s->policy->warnings.len; i++)
		fprintf(stderr, "%s\n", s->policy->warnings.items[i]);
	if (check)
		printf("%s: good, %zu rules\n", config, s->policy->rules.len);
	else if (address)
		status = show_for(s, address);
	else
		show(s);
	snapshot_unref(s);
	return status;
}
