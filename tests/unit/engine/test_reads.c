/* SPDX-License-Identifier: BSD-2-Clause */
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

/* ---- three checks, each of which reads a fact of the next one ---- */

static int runs[3];

static enum sluice_outcome run_last(struct sluice_check_ctx *c, struct sluice_result *res)
{
	size_t len;
	const char *saw = sluice_fact(c, "middle.saw", &len);

	runs[0]++;
	sluice_set_text(res, 0, saw ? saw : "nothing", saw ? len : 7);
	return SLUICE_DONE;
}

static enum sluice_outcome run_middle(struct sluice_check_ctx *c, struct sluice_result *res)
{
	char saw[100] = "";
	size_t len = 0;

	runs[1]++;
	for (size_t i = 0; i < 5; i++) {
		const char *item = sluice_fact_item(c, "first.items", i, &len);

		(void)snprintf(
			saw + strlen(saw), sizeof saw - strlen(saw), "%.*s|", item ? (int)len : 1, item ? item : "-");
	}
	assert_null(sluice_fact_item(c, "first.outcome", 0, &len));
	assert_null(sluice_fact_item(c, "no.such", 0, &len));
	sluice_set_text(res, 0, saw, strlen(saw));
	return SLUICE_DONE;
}

static enum sluice_outcome run_first(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *from = sluice_mail_from(c);
	const struct sluice_dns_answer *a = sluice_ask_dns(c, from->domain, SLUICE_DNS_TXT);

	runs[2]++;
	if (!a)
		return SLUICE_PENDING;
	sluice_add_text(res, 0, a->status == SLUICE_DNS_TIMEOUT ? "late" : "here", 4);
	sluice_add_text(res, 0, "two", 3);
	return SLUICE_DONE;
}

static const char *const middle[] = { "middle.saw", NULL };
static const char *const first[] = { "client.net", "first.items", "plugin.not_there", NULL };
static const char *const last[] = { "last.saw", NULL };

static const struct sluice_fact last_facts[] = { { "last.saw", SLUICE_TEXT, NULL, "" }, { .name = NULL } };
static const struct sluice_fact middle_facts[] = { { "middle.saw", SLUICE_TEXT, NULL, "" }, { .name = NULL } };
static const struct sluice_fact first_facts[] = { { "first.items", SLUICE_TEXTS, NULL, "" }, { .name = NULL } };
static const struct sluice_check last_checks[] = {
	{ .name = "last", .stage = SLUICE_STAGE_MESSAGE, .run = run_last, .reads = middle },
	{ .name = NULL },
};
static const struct sluice_check middle_checks[] = {
	{ .name = "middle", .stage = SLUICE_STAGE_DATA, .run = run_middle, .reads = first },
	{ .name = NULL },
};
static struct sluice_check first_checks[] = {
	{ .name = "first", .stage = SLUICE_STAGE_MAIL, .run = run_first },
	{ .name = NULL },
};
static const struct sluice_plugin plugins[] = {
	{ .abi = SLUICE_PLUGIN_ABI, .name = "last", .facts = last_facts, .checks = last_checks },
	{ .abi = SLUICE_PLUGIN_ABI, .name = "middle", .facts = middle_facts, .checks = middle_checks },
	{ .abi = SLUICE_PLUGIN_ABI, .name = "first", .facts = first_facts, .checks = first_checks },
};
const struct sluice_plugin *const builtin_plugins[] = { &plugins[0], &plugins[1], &plugins[2], NULL };

/* ---- a dialogue ---- */

struct fixture {
	struct engine engine;
	struct snapshot *snapshot;
	struct text saw; /* the fact last.saw */
};

static void on_case(void *arg, const struct case_ *c)
{
	struct fixture *f = arg;

	text_clear(&f->saw);
	for (size_t i = 0; i < c->fact_count; i++)
		if (!strcmp(c->facts[i].name, "last.saw"))
			text_add(&f->saw, c->facts[i].value->text.bytes, c->facts[i].value->text.len);
}

static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-reads-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void begin(struct fixture *f, const char *rules)
{
	struct snapshot_options options = { 0 };
	char conf[32], zone[32], whole[1000];
	struct err err;

	(void)snprintf(whole, sizeof whole, "authserv_id mx.example.org\nstage_deadline 100ms\n%s", rules);
	write_file(conf, whole);
	write_file(zone, "never.example TXT TIMEOUT\nhere.example TXT yes\n");
	options.zone = zone;
	*f = (struct fixture){ .engine = { .health = health_new(NULL, NULL), .on_case = on_case, .arg = f },
		.saw = TEXT_INIT(1000) };
	if (snapshot_load(conf, &options, &f->snapshot, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(unlink(conf) | unlink(zone), 0);
	memset(runs, 0, sizeof runs);
}

static void end(struct fixture *f)
{
	snapshot_unref(f->snapshot);
	health_free(f->engine.health);
	text_done(&f->saw);
}

static void one_message(struct fixture *f, struct dialogue *d, const char *from)
{
	const struct edits *edits = NULL;

	(void)dialogue_mail(d, &(struct dialogue_mail){ .argument = from });
	(void)dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = "<u@example.org>" });
	(void)dialogue_data(d, "");
	(void)dialogue_message(d, "", &edits);
	(void)f;
}

/* ---- tests ---- */

static void a_check_runs_once_those_that_it_reads_have_ended(void **state)
{
	static const struct {
		const char *from, *saw;
	} rows[] = {
		{ "<a@here.example>", "here|two|-|-|-|" },
		{ "<a@never.example>", "late|two|-|-|-|" }, /* only when time is up */
		{ "<a@here.example>", "here|two|-|-|-|" },
	};
	struct fixture f;
	struct dialogue *d;

	(void)state;
	begin(&f, "at message { rule a score 1 when last.saw == \"\" }\n");
	d = dialogue_new(&f.engine, f.snapshot);
	(void)dialogue_connect(d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	(void)dialogue_helo(d, "mail.example.net");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		one_message(&f, d, rows[i].from);
		assert_string_equal(text_str(&f.saw), rows[i].saw);
		assert_int_equal(runs[0], i + 1);
		assert_int_equal(runs[1], i + 1);
	}
	dialogue_free(d);
	end(&f);
}

/* In whatever order their plugins are there: here the one that reads is first. */
static void checks_of_one_stage_wait_for_each_other_too(void **state)
{
	struct fixture f;
	struct dialogue *d;

	(void)state;
	first_checks[0].stage = SLUICE_STAGE_DATA;
	begin(&f, "at message { rule a score 1 when last.saw == \"\" }\n");
	d = dialogue_new(&f.engine, f.snapshot);
	(void)dialogue_connect(d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	(void)dialogue_helo(d, "mail.example.net");
	one_message(&f, d, "<a@here.example>");
	assert_string_equal(text_str(&f.saw), "here|two|-|-|-|");
	assert_int_equal(runs[1], 1);
	dialogue_free(d);
	end(&f);
	first_checks[0].stage = SLUICE_STAGE_MAIL;
}

static void who_needs_a_check_needs_those_that_it_reads(void **state)
{
	static const struct {
		const char *rules;
		uint64_t awaited, started;
	} rows[] = {
		{ "", 0, 0 },
		{ "at message { rule a score 1 when first.items contains x }\n", 4, 4 },
		{ "at message { rule a score 1 when middle.saw == x }\n", 6, 6 },
		{ "at message { rule a score 1 when last.saw == x }\n", 7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;
		uint64_t started = 0;

		begin(&f, rows[i].rules);
		for (size_t stage = 0; stage < SLUICE_STAGES; stage++)
			started |= f.snapshot->plan.start[stage];
		assert_int_equal(f.snapshot->plan.awaited[SLUICE_STAGE_MESSAGE], rows[i].awaited);
		assert_int_equal(started, rows[i].started);
		end(&f);
	}
}

static void a_circle_is_refused_and_so_is_what_comes_later(void **state)
{
	struct registry *r;
	struct err err;

	(void)state;
	first_checks[0].reads = last; /* MAIL before MESSAGE */
	r = registry_new(&err);
	assert_null(r);
	assert_non_null(strstr(err.text, "check first reads last.saw, which comes later"));
	first_checks[0].stage = SLUICE_STAGE_MESSAGE;
	r = registry_new(&err);
	assert_null(r);
	assert_non_null(strstr(err.text, "which comes later")); /* middle is of DATA, and reads it */
	first_checks[0].stage = SLUICE_STAGE_MAIL;
	first_checks[0].reads = (const char *const[]){ "first.items", NULL };
	r = registry_new(&err);
	assert_null(r);
	assert_non_null(strstr(err.text, "check first reads facts that are found after its own"));
	first_checks[0].reads = NULL;
	r = registry_new(&err);
	assert_non_null(r);
	registry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_runs_once_those_that_it_reads_have_ended),
		cmocka_unit_test(checks_of_one_stage_wait_for_each_other_too),
		cmocka_unit_test(who_needs_a_check_needs_those_that_it_reads),
		cmocka_unit_test(a_circle_is_refused_and_so_is_what_comes_later),
	};

	return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
