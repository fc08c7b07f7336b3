/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.c - run by the build: copies a manual page, and puts the tables of the code where the page has a line @NAME@.
 *
 *	tables PAGE.in [PLUGIN.so ...] >PAGE
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/engine/registry.h"
#include "filter/observe/case.h"
#include "filter/policy/list.h"
#include "filter/policy/option.h"
#include "filter/policy/policy.h"

#define LINE_BYTES 4096

/* A sentence of its own line: what mdoc would take for a macro or an escape is none. */
static void sentence(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	putchar(toupper((unsigned char)*s));
	for (s += *s != '\0'; *s; s++)
		fputs(*s == '\\' ? "\\e" : (char[]){ *s, '\0' }, stdout);
	puts(s[-1] == '?' ? "" : ".");
}

static void words(const char *const *list, const char *separator)
{
	for (size_t i = 0; list[i]; i++)
		printf("%s%s", i ? separator : "", list[i]);
}

/* ---- settings ---- */

static void value_syntax(const struct sluice_option *o)
{
	switch (o->type) {
	case SLUICE_OPT_BOOL:
		fputs(" Cm yes | no", stdout);
		break;
	case SLUICE_OPT_COUNT:
		fputs(" Ar number", stdout);
		break;
	case SLUICE_OPT_DECIMAL:
		fputs(" Ar decimal", stdout);
		break;
	case SLUICE_OPT_DURATION:
		fputs(" Ar duration", stdout);
		break;
	case SLUICE_OPT_SIZE:
		fputs(" Ar size", stdout);
		break;
	case SLUICE_OPT_TEXT:
		fputs(" Ar text", stdout);
		break;
	case SLUICE_OPT_PATH:
		fputs(" Ar path", stdout);
		break;
	case SLUICE_OPT_WORDS:
		fputs(" Cm ", stdout);
		words(o->words, " | ");
		break;
	case SLUICE_OPT_WEIGHTED_NETWORK:
		fputs(" Ar network Cm weight Ar decimal", stdout);
		break;
	case SLUICE_OPT_SECRET:
		fputs(" Ar secret", stdout);
		break;
	}
}

static void option(const struct sluice_option *o)
{
	SLUICE_CLEANUP(text_done) struct text low = TEXT_INIT(64), high = TEXT_INIT(64);
	struct sluice_setting limit = { .number = o->min };
	struct sluice_option number = *o;

	printf(".It Ic %s", o->key);
	value_syntax(o);
	putchar('\n');
	sentence(o->help);
	if (o->min || o->max) {
		if (o->type == SLUICE_OPT_WEIGHTED_NETWORK)
			number.type = SLUICE_OPT_DECIMAL; /* the limits are those of the weight */
		option_print(&low, &number, &limit);
		limit.number = o->max;
		option_print(&high, &number, &limit);
		printf("From %s to %s.\n", text_str(&low), text_str(&high));
	}
	if (o->deflt && *o->deflt && strcmp(o->deflt, "\"\"") != 0)
		printf("Default:\n.Cm %s .\n", o->deflt);
	if (o->repeated)
		puts("May stand more than once, or with several values in [ ].");
}

static void print_settings(const struct registry *r)
{
	const char *section = NULL;

	(void)r;
	puts(".Bl -tag -width Ds");
	for (const struct settings_row *row = settings_rows; row->option.key; row++) {
		if (row->section && (!section || strcmp(section, row->section) != 0)) {
			section = row->section;
			printf(".El\n.Ss %s { ... }\n.Bl -tag -width Ds\n", section);
		}
		option(&row->option);
	}
	puts(".El");
}

static void print_types(const struct registry *r)
{
	static const struct { enum sluice_option_type type; const char *name; } types[] = {
		{ SLUICE_OPT_COUNT, "number" }, { SLUICE_OPT_DECIMAL, "decimal" }, { SLUICE_OPT_DURATION, "duration" },
		{ SLUICE_OPT_SIZE, "size" }, { SLUICE_OPT_TEXT, "text" }, { SLUICE_OPT_PATH, "path" }, { SLUICE_OPT_SECRET, "secret" },
	};

	(void)r;
	puts(".Bl -tag -width duration");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		printf(".It Ar %s\n", types[i].name);
		sentence(option_type_help(types[i].type));
	}
	puts(".El");
}

static void print_plugin_options(const struct registry *r)
{
	for (size_t i = 0; i < r->catalog.plugins.len; i++) {
		const struct sluice_plugin *p = r->catalog.plugins.items[i];

		if (!p->options)
			continue;
		printf(".Ss %s %s%s{ ... }\n", p->name, p->label ? p->label : "", p->label ? " " : "");
		sentence(p->help);
		if (p->label)
			printf("One block for each %s.\n", p->label);
		puts(".Bl -tag -width Ds");
		for (const struct sluice_option *o = p->options; o->key; o++)
			option(o);
		puts(".El");
	}
}

static void print_lists(const struct registry *r)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < r->catalog.plugins.len; i++) {
		const struct sluice_plugin *p = r->catalog.plugins.items[i];

		for (const struct sluice_list_use *l = p->lists; l && l->name; l++) {
			printf(".It Cm %s Pq %s, read by %s%s\n", l->name, list_type_words[l->type], p->name, l->needed ? ", needed" : "");
			sentence(l->help);
		}
	}
	puts(".El");
}

/* ---- rules ---- */

static void fact(const struct catalog_fact *f)
{
	printf(".It Sy %s Pq %s, from %s on\n", f->name, value_type_name(f->type), stage_words[f->stage]);
	sentence(f->help);
	if (f->words) {
		fputs("One of\n.Cm ", stdout);
		words(f->words, " , ");
		puts(" .");
	}
	if (f->scope == SCOPE_RCPT)
		puts("Known of one recipient: at rcpt, and at message for each recipient.");
}

static void print_facts(const struct registry *r)
{
	unsigned plugin = UINT_MAX;

	puts(".Ss What the client and the mail server said\n.Bl -tag -width Ds");
	for (size_t i = 0; i < r->catalog.facts.len; i++) {
		const struct catalog_fact *f = &r->catalog.facts.items[i];

		if (f->check != CATALOG_NO_CHECK && r->checks.items[f->check].plugin_index != plugin) {
			const struct sluice_plugin *p = r->checks.items[f->check].plugin;

			plugin = r->checks.items[f->check].plugin_index;
			printf(".El\n.Ss %s\n", p->name);
			sentence(p->help);
			puts(".Bl -tag -width Ds");
		}
		fact(f);
	}
	puts(".El");
}

static void print_checks(const struct registry *r)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < r->checks.len; i++) {
		const struct registry_check *c = &r->checks.items[i];

		if (c->check->stage == SLUICE_STAGE_PROBE) {
			printf(".It Sy %s\nRuns at the start, after a reload and then hourly, to see whether what the plugin %s asks is well.\n",
				c->check->name, c->plugin->name);
			continue;
		}
		printf(".It Sy %s\nOf the plugin %s; begins at\n.Cm %s .\n", c->check->name, c->plugin->name, stage_words[c->check->stage]);
		if (c->check->authres)
			puts("Adds to Authentication-Results.");
	}
	puts(".El");
}

static const char *action_help(enum rule_action action)
{
	switch (action) {
	case RULE_ACCEPT:
		return "no further rule of this stage is looked at; later stages go on";
	case RULE_TEMPFAIL:
		return "the reply is a 4xx: the client may try again; without codes in the string it is 451 4.7.1";
	case RULE_REJECT:
		return "the reply is a 5xx: the client gives up; without codes in the string it is 550 5.7.1";
	case RULE_SCORE:
		return "adds points, which may be negative, to the fact score";
	case RULE_TAG:
		return "adds a header field X-Sluice-Tag, or of this name, with the text, or puts the text before the Subject, if the message goes "
		       "on; fields of that name that came with a message are taken out of it, whether the rule matches or not";
	case RULE_HOLD:
		return "the message is taken, and goes into the mail server's quarantine (Postfix: its hold queue) with this text as the reason, "
		       "unless another rule refuses it";
	case RULE_DISCARD:
		return "the client hears that the message was taken, and nobody gets it; the text says why, in the log; stands at message";
	case RULE_REDIRECT:
		return "the message goes to this address and to none of its recipients; the first rule that matches says where; stands at message";
	case RULE_ADD:
		return "the message goes to this address, too; stands at message";
	case RULE_REPLACE:
		return "the text goes in the place of each part of the message that the fact names, as files.evidence and mime.odd do, with one of the words: "
		       "those that items of it have behind the number of the part; without words, of all of them; what is encoded, or a whole message, goes as "
		       "one; a message that cannot be changed, as it is larger than body { max }, is held; stands at message, above sign and seal";
	case RULE_APPEND:
		return "a text, UTF-8, goes to the end of the message as a part of its own, so that what is signed or encrypted stays so; a body larger than "
		       "body { max } gets none; stands at message, above sign and seal";
	case RULE_GREYLIST:
		return "the first try of a client, sender and recipient gets a 4xx, with this text or the usual one; "
		       "needs a store, and stands at rcpt";
	case RULE_SIGN:
		return "the message gets the DKIM signatures that the plugin sign has keys for; one that cannot be signed gets a 4xx, with this text "
		       "or the usual one, or with optional goes on without; stands at message";
	case RULE_SEAL:
		return "the message gets an ARC set of ours (RFC 8617), for mail that is handed on to others: what Authentication-Results says, "
		       "signed with the key that the plugin seal names; one that cannot be sealed gets a 4xx, with this text or the usual one, or "
		       "with optional goes on without; stands at message";
	case RULE_ACTIONS:
		break;
	}
	return "";
}

static void print_actions(const struct registry *r)
{
	static const char *const arguments[] = {
		[RULE_ACCEPT] = "", [RULE_TEMPFAIL] = " Ar string", [RULE_REJECT] = " Ar string", [RULE_SCORE] = " Ar decimal",
		[RULE_TAG] = " Oo Cm header Ar name | Cm subject Oc Ar string", [RULE_HOLD] = " Ar string", [RULE_DISCARD] = " Ar string",
		[RULE_REDIRECT] = " Ar address", [RULE_ADD] = " Cm recipient Ar address", [RULE_REPLACE] = " Cm parts of Ar fact Oo Ar word , ... Oc Ar string",
		[RULE_APPEND] = " Cm file Ar path", [RULE_GREYLIST] = " Op Ar string",
		[RULE_SIGN] = " Oo Cm optional Oc Op Ar string",
		[RULE_SEAL] = " Oo Cm optional Oc Op Ar string",
	};

	(void)r;
	puts(".Bl -tag -width Ds");
	for (enum rule_action a = RULE_ACCEPT; rule_action_words[a]; a++) {
		printf(".It Ic %s%s\n", rule_action_words[a], arguments[a]);
		sentence(action_help(a));
	}
	puts(".El");
}

static const char *stage_help(enum sluice_stage stage)
{
	switch (stage) {
	case SLUICE_STAGE_CONNECT:
		return "the client has connected; a refusal is said at its HELO, and to all that it tries after it";
	case SLUICE_STAGE_HELO:
		return "HELO or EHLO was said; again when it is said anew";
	case SLUICE_STAGE_MAIL:
		return "a message begins: its reverse-path is known";
	case SLUICE_STAGE_RCPT:
		return "one recipient, and each for itself: a refusal is for this one alone";
	case SLUICE_STAGE_DATA:
		return "the client is about to send the message";
	case SLUICE_STAGE_MESSAGE:
		return "the message is here, whole";
	case SLUICE_STAGE_PROBE:
		break;
	}
	return "";
}

static void print_stages(const struct registry *r)
{
	(void)r;
	puts(".Bl -tag -width message");
	for (enum sluice_stage stage = SLUICE_STAGE_CONNECT; stage < SLUICE_STAGES; stage++) {
		printf(".It Cm %s\n", stage_words[stage]);
		sentence(stage_help(stage));
	}
	puts(".El");
}

/* ---- the page ---- */

static const struct { const char *line; void (*print)(const struct registry *r); } tables[] = {
	{ "@settings@\n", print_settings }, { "@types@\n", print_types }, { "@plugin-options@\n", print_plugin_options },
	{ "@lists@\n", print_lists }, { "@facts@\n", print_facts }, { "@checks@\n", print_checks }, { "@actions@\n", print_actions },
	{ "@stages@\n", print_stages },
};

static void put_line(const char *line, const struct registry *r)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (!strcmp(line, tables[i].line)) {
			tables[i].print(r);
			return;
		}
	}
	fputs(line, stdout);
}

int main(int argc, char **argv)
{
	char line[LINE_BYTES], path[PATH_MAX];
	struct err err = { 0 };
	struct registry *r = registry_new(&err);
	FILE *page = argc > 1 ? fopen(argv[1], "re") : NULL;
	int result = r && page ? 0 : -1;

	for (int i = 2; result == 0 && i < argc; i++)
		result = realpath(argv[i], path) ? registry_load(r, path, &err) : -1;
	while (result == 0 && fgets(line, sizeof line, page))
		put_line(line, r);
	if (result < 0)
		fprintf(stderr, "tables: %s\n", *err.text ? err.text : "a file cannot be read");
	if (page)
		(void)fclose(page);
	registry_free(r);
	return result < 0 || fflush(stdout) ? EX_SOFTWARE : EX_OK;
}
