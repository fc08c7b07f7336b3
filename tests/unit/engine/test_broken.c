/* SPDX-License-Identifier: BSD-2-Clause */
/* Plugins that break the rules of plugin.h: a message when they are loaded, or an outcome when they run; never a crash, never a hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/engine/builtin.h"
#include "filter/engine/dialogue.h"

/* ---- a plugin that can be made to do anything ---- */

enum fault {
	NONE, NO_SUCH_FACT, FACT_OF_ANOTHER_CHECK, WRONG_TYPE, NO_SUCH_WORD, NO_SUCH_OUTCOME, WAITS_FOR_NOTHING, ASKS_FOR_EVER,
};
static enum fault fault;
static unsigned runs;

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	char name[64];

	runs++;
	(void)snprintf(name, sizeof name, "n%u.example", runs);
	sluice_set_bool(res, 0, true);
	switch (fault) {
	case NONE:
		break;
	case NO_SUCH_FACT:
		sluice_set_text(res, 4000, "x", 1);
		break;
	case FACT_OF_ANOTHER_CHECK:
		sluice_set_bool(res, 2, true);
		break;
	case WRONG_TYPE:
		sluice_set_bool(res, 1, true);
		break;
	case NO_SUCH_WORD:
		sluice_set_enum(res, 1, 2);
		break;
	case NO_SUCH_OUTCOME:
		return (enum sluice_outcome)99;
	case WAITS_FOR_NOTHING:
		return SLUICE_PENDING;
	case ASKS_FOR_EVER:
		(void)sluice_ask_dns(c, name, SLUICE_DNS_A);
		return SLUICE_PENDING;
	}
	return SLUICE_DONE;
}

static enum sluice_outcome run_other(struct sluice_check_ctx *c, struct sluice_result *res)
{
	(void)c;
	(void)res;
	return SLUICE_SKIPPED;
}

static const char *const words[] = { "one", "two", NULL };
static const char *const no_words[] = { NULL };
static const struct sluice_fact good_facts[] = {
	{ "broken.yes", SLUICE_BOOL, NULL, "" }, { "broken.word", SLUICE_ENUM, words, "" }, { "broken.other", SLUICE_BOOL, NULL, "" }, { .name = NULL },
};
static const struct sluice_check good_checks[] = {
	{ .name = "broken", .stage = SLUICE_STAGE_MAIL, .run = run, .first_fact = 0, .last_fact = 1 },
	{ .name = "other", .stage = SLUICE_STAGE_MAIL, .run = run_other, .first_fact = 2, .last_fact = 2 },
	{ .name = NULL },
};
static const struct sluice_plugin good = { .abi = SLUICE_PLUGIN_ABI, .name = "broken", .help = "", .facts = good_facts, .checks = good_checks };
static struct sluice_plugin plugin;
const struct sluice_plugin *const builtin_plugins[] = { &plugin, NULL };

/* ---- when it is loaded ---- */

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	(void)blocks;
	(void)count;
	(void)ret_state;
	(void)reterr;
	return 0;
}

#define FACTS(...) .facts = (const struct sluice_fact[]){ __VA_ARGS__, { "broken.other", SLUICE_BOOL, NULL, "" }, { .name = NULL } }
#define CHECKS(...) .checks = (const struct sluice_check[]){ __VA_ARGS__, { .name = NULL } }
#define OPTIONS(...) .configure = configure, .options = (const struct sluice_option[]){ __VA_ARGS__, { .key = NULL } }
#define BASE .abi = SLUICE_PLUGIN_ABI, .name = "broken", .help = ""
#define GOOD_FACTS .facts = good_facts
#define GOOD_CHECKS .checks = good_checks

static void what_breaks_the_rules_is_refused_and_the_row_named(void **state)
{
	const struct {
		struct sluice_plugin plugin;
		const char *why;
	} rows[] = {
		{ { .abi = SLUICE_PLUGIN_ABI - 1 }, "plugin built for ABI" },
		{ { .abi = SLUICE_PLUGIN_ABI + 1, .name = (const char *)1 }, "build it anew" },
		{ { .abi = SLUICE_PLUGIN_ABI }, "its name is no word" },
		{ { .abi = SLUICE_PLUGIN_ABI, .name = "No Word" }, "its name is no word" },
		{ { .abi = SLUICE_PLUGIN_ABI, .name = "broken" }, "it has no checks" },
		{ { BASE, GOOD_FACTS, GOOD_CHECKS, .options = (const struct sluice_option[]){ { .key = NULL } } }, "settings without help and configure()" },
		{ { BASE, GOOD_CHECKS, FACTS({ "nodot", SLUICE_BOOL, NULL, "" }) }, "the row of fact nodot breaks the rules of plugin.h: a name is word.word" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.yes", (enum sluice_type)77, NULL, "" }) }, "broken.yes breaks the rules of plugin.h: there is no such type" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.yes", SLUICE_ENUM, NULL, "" }) }, "an ENUM has some" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.yes", SLUICE_ENUM, no_words, "" }) }, "an ENUM has some" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.yes", SLUICE_BOOL, words, "" }) }, "words belong to an ENUM" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.yes", SLUICE_BOOL, NULL, NULL }) }, "it has no help" },
		{ { BASE, GOOD_CHECKS, FACTS({ "broken.other", SLUICE_BOOL, NULL, "" }, { "broken.word", SLUICE_BOOL, NULL, "" }) }, "a fact broken.other exists already" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "Bad name", .run = run }) }, "check Bad name breaks the rules" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "broken", .stage = (enum sluice_stage)9, .run = run }) }, "there is no such stage" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "broken" }) }, "it has no run()" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "broken", .run = run, .last_fact = 3 }) }, "not within the table of facts" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "broken", .run = run, .first_fact = 2, .last_fact = 1 }) }, "not within the table of facts" },
		{ { BASE, CHECKS({ .name = "broken", .run = run }) }, "not within the table of facts" },
		{ { BASE, GOOD_FACTS, CHECKS({ .name = "broken", .run = run }) }, "no check sets the fact broken.word" },
		{ { BASE, GOOD_FACTS, GOOD_CHECKS, OPTIONS({ "Key", SLUICE_OPT_BOOL, .help = "" }) }, "the row of setting Key" },
		{ { BASE, GOOD_FACTS, GOOD_CHECKS, OPTIONS({ "key", (enum sluice_option_type)77, .help = "" }) }, "there is no such type" },
		{ { BASE, GOOD_FACTS, GOOD_CHECKS, OPTIONS({ "key", SLUICE_OPT_WORDS, .help = "" }) }, "words belong to WORDS" },
		{ { BASE, GOOD_FACTS, GOOD_CHECKS, OPTIONS({ "key", SLUICE_OPT_BOOL }) }, "it has no help" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };

		plugin = rows[i].plugin;
		assert_null(registry_new(&err));
		if (!strstr(err.text, rows[i].why))
			fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].why);
	}
}

/* ---- when it runs ---- */

static void on_health(void *arg, const struct health_row *row)
{
	text_addf(arg, "%s: %s\n", row->subject, row->why);
}

static void on_case(void *arg, const struct case_ *c)
{
	struct text *out = arg;

	for (size_t i = 0; i < c->fact_count; i++)
		if (!strncmp(c->facts[i].name, "broken.", 7)) {
			text_addf(out, "%s=", c->facts[i].name);
			value_print(out, c->facts[i].value, c->facts[i].words);
			text_adds(out, " ");
		}
}

static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-broken-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void what_it_does_wrong_is_a_temperror_that_is_told_once(void **state)
{
	static const struct {
		enum fault fault;
		const char *why, *facts;
	} rows[] = {
		{ NONE, "", "broken.yes=yes broken.outcome=done " },
		{ NO_SUCH_FACT, "check broken: it sets a fact that is not its own\n", "broken.outcome=temperror broken.error=other " },
		{ FACT_OF_ANOTHER_CHECK, "check broken: it sets a fact that is not its own\n", "broken.outcome=temperror broken.error=other " },
		{ WRONG_TYPE, "check broken: it sets a fact to a value of another type\n", "broken.outcome=temperror broken.error=other " },
		{ NO_SUCH_WORD, "check broken: it sets a fact to a word that the fact does not have\n", "broken.outcome=temperror broken.error=other " },
		{ NO_SUCH_OUTCOME, "check broken: its run() returned an outcome that does not exist\n", "broken.outcome=temperror broken.error=other " },
		{ WAITS_FOR_NOTHING, "check broken: it waits for an answer to nothing that it has asked\n", "broken.outcome=temperror broken.error=other " },
		{ ASKS_FOR_EVER, "check broken: it waits for an answer to nothing that it has asked\n", "broken.outcome=temperror broken.error=other " },
	};
	char conf[32], zone[32];

	(void)state;
	plugin = good;
	write_file(conf, "authserv_id mx.example.org\nstage_deadline 100ms\nat message { rule a score 1 when broken.yes }\n");
	write_file(zone, "here.example A 192.0.2.1\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text facts = TEXT_INIT(1000), health = TEXT_INIT(1000);
		struct engine engine = { .health = health_new(on_health, &health), .on_case = on_case, .arg = &facts };
		struct snapshot_options options = { .zone = zone };
		const struct edits *edits = NULL;
		struct snapshot *snapshot;
		struct dialogue *d;
		struct err err;

		fault = rows[i].fault;
		if (snapshot_load(conf, &options, &snapshot, &err) < 0)
			fail_msg("%s", err.text);
		d = dialogue_new(&engine, snapshot);
		(void)dialogue_connect(d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
		(void)dialogue_helo(d, "mail.example.net");
		for (int k = 0; k < 2; k++) {
			text_clear(&facts);
			(void)dialogue_mail(d, &(struct dialogue_mail){ .argument = "<a@example.net>" });
			(void)dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = "<u@example.org>" });
			(void)dialogue_data(d, "");
			(void)dialogue_message(d, "", &edits);
		}
		assert_string_equal(text_str(&facts), rows[i].facts);
		assert_string_equal(text_str(&health), rows[i].why);
		dialogue_free(d);
		snapshot_unref(snapshot);
		health_free(engine.health);
	}
	assert_int_equal(unlink(conf) | unlink(zone), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_breaks_the_rules_is_refused_and_the_row_named),
		cmocka_unit_test(what_it_does_wrong_is_a_temperror_that_is_told_once),
	};

	return cmocka_run_group_tests_name("broken", tests, NULL, NULL);
}
