/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c - sluicectl config check | show */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/paint.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/snapshot.h"
#include "filter/mail/address.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl config check [-c FILE]                  read the configuration and say what is wrong with it\n"
	      "       sluicectl config show [-c FILE] [--json]          each value, and where it comes from\n"
	      "       sluicectl config show [-c FILE] [--json] --for ADDRESS\n"
	      "                                                           what holds for a recipient: its profile, and the lists that it is in\n", out);
	return status;
}

/* ---- what there is ---- */

enum kind { SETTING, LIST, ROLE, CONDITION, PROFILE, RULE, FACT, IN_LIST };
static const struct { const char *word, *before, *between; } kinds[] = { /* in the order of enum kind; before a name, and between it and its value */
	{ "setting", "", " " }, { "list", "list ", " " }, { "role", "role ", "" }, { "condition", "condition ", "" }, { "profile", "profile ", "" },
	{ "rule", "at ", ": " }, { "fact", "", " " }, { "in_list", "in list ", "" },
};

struct row {
	enum kind kind;
	const char *name; /* of a rule its stage: its text has the name */
	const char *value;
	struct place place;
};

static void put_row(struct text *out, const struct row *row)
{
	json_open(out, NULL, '{');
	json_str(out, "kind", kinds[row->kind].word);
	json_str(out, row->kind == RULE ? "stage" : "name", row->name);
	json_str(out, "value", row->value);
	if (row->place.source) { /* else it is a default */
		json_str(out, "file", row->place.source->path);
		json_int(out, "line", row->place.line);
	}
	json_close(out, '}');
}

/* listing: of --json; NULL: for people. */
static void show_row(struct listing *listing, const struct row *row)
{
	if (listing) {
		put_row(listing_next(listing), row);
		return;
	}
	printf("%s%s%s%s", kinds[row->kind].before, row->name, kinds[row->kind].between, row->value ? row->value : "");
	if (row->place.source)
		printf("   # %s:%u\n", row->place.source->path, row->place.line);
	else
		puts(row->kind == FACT ? "" : "   # default");
}

static void show(const struct snapshot *s, struct listing *listing)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->shown.len; i++)
		show_row(listing, &(struct row){ SETTING, p->shown.items[i].key, p->shown.items[i].value, p->shown.items[i].place });
	for (size_t i = 0; i < p->lists.len; i++) {
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(256);

		text_addf(&value, "%s, %zu items", list_type_words[list_type(p->lists.items[i])], list_len(p->lists.items[i]));
		show_row(listing, &(struct row){ LIST, list_name(p->lists.items[i]), text_str(&value), list_place(p->lists.items[i]) });
	}
	for (size_t i = 0; i < p->conditions.len; i++)
		show_row(listing, &(struct row){ p->conditions.items[i].role ? ROLE : CONDITION, p->conditions.items[i].name, NULL, p->conditions.items[i].place });
	for (size_t i = 0; i < p->profiles.len; i++)
		show_row(listing, &(struct row){ PROFILE, p->profiles.items[i].name, NULL, p->profiles.items[i].place });
	for (size_t i = 0; i < p->rules.len; i++)
		show_row(listing, &(struct row){ RULE, stage_words[p->rules.items[i].stage], p->rules.items[i].text, p->rules.items[i].place });
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

static void show_profile(struct listing *listing, const struct profiles *all, const struct catalog *c, const struct value *facts)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(65536);
	const struct profile *own = profile_of(all, facts);

	if (!own) {
		if (!listing)
			puts("no profiles");
		return;
	}
	show_row(listing, &(struct row){ PROFILE, own->name, NULL, own->place });
	for (size_t i = 0; i < all->key_count; i++) {
		const struct profile_value *v = profile_value(all, own, i);

		text_clear(&text);
		value_print(&text, &v->value, NULL);
		show_row(listing, &(struct row){ SETTING, c->facts.items[all->key_fact + i].name, text_str(&text), v->place });
	}
}

static int show_for(const struct snapshot *s, const char *address, struct listing *listing)
{
	const struct catalog *c = &s->registry->catalog;
	struct sluice_address a = address_split(address, strlen(address));
	struct value *facts = calloc(c->facts.len, sizeof *facts);

	if (!facts) {
		fputs("sluicectl: out of memory\n", stderr);
		return EX_OSERR;
	}
	set_facts(s, &a, facts);
	show_row(listing, &(struct row){ FACT, "rcpt.local", facts[CORE_RCPT_LOCAL].yes ? "yes" : "no", { 0 } });
	show_profile(listing, &s->policy->profiles, c, facts);
	for (size_t i = 0; i < s->policy->lists.len; i++)
		if (list_has(s->policy->lists.items[i], &a))
			show_row(listing, &(struct row){ IN_LIST, list_name(s->policy->lists.items[i]), NULL, list_place(s->policy->lists.items[i]) });
	free(facts);
	return EX_OK;
}

static int show_or_for(const struct snapshot *s, const char *address, bool json)
{
	struct listing listing, *to = json ? &listing : NULL;
	int status = EX_OK;

	if (json)
		listing_begin(&listing);
	if (address)
		status = show_for(s, address, to);
	else
		show(s, to);
	if (json)
		listing_end(&listing);
	return status;
}

/* ---- check ---- */

/* The first line says it, those below show the line that is meant. */
static void complain(enum paint how, const char *text)
{
	size_t first = strcspn(text, "\n");

	paint_text(stderr, how, text, first, 0);
	fprintf(stderr, "%s\n", text + first);
}

static void tell_good(const char *config, const struct snapshot *s)
{
	printf("%s: ", config);
	paint_word(stdout, PAINT_GOOD, "good", 0);
	printf(", %zu rules\n", s->policy->rules.len);
}

/* ---- the command ---- */

int ctl_config(int argc, char **argv)
{
	static const struct option options[] = { { "for", required_argument, NULL, 'f' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = CTL_DEFAULT_CONFIG, *address = NULL;
	struct snapshot_options load = { .no_services = true };
	struct snapshot *s;
	struct err err;
	bool check, json = false;
	int option, status = EX_OK;

	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc < 2 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "show") != 0))
		return usage(stderr, EX_USAGE);
	check = !strcmp(argv[1], "check");
	load.machine = check ? MACHINE_PERHAPS : MACHINE_ANY;
	while ((option = getopt_long(argc - 1, argv + 1, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'f' && !check)
			address = optarg;
		else if (option == 'j' && !check)
			json = true;
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
		complain(PAINT_BAD, err.text);
		return EX_CONFIG;
	}
	for (size_t i = 0; check && i < s->policy->warnings.len; i++)
		complain(PAINT_LOOK, s->policy->warnings.items[i]);
	if (check)
		tell_good(config, s);
	else
		status = show_or_for(s, address, json);
	snapshot_unref(s);
	return status;
}
