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

/* ---- one check that always runs, two costly ones, and one that may read a fact of the first of these ---- */

static int64_t cheap_score, first_score;
static enum sluice_outcome first_outcome;
static int first_runs, second_runs;

static enum sluice_outcome run_cheap(struct sluice_check_ctx *c, struct sluice_result *res)
{
	(void)c;
	sluice_set_milli(res, 0, cheap_score);
	return SLUICE_DONE;
}

/* It asks, so that it has to be waited for. */
static enum sluice_outcome run_first(struct sluice_check_ctx *c, struct sluice_result *res)
{
	if (!sluice_ask_dns(c, "here.example", SLUICE_DNS_TXT))
		return SLUICE_PENDING;
	first_runs++;
	if (first_outcome == SLUICE_DONE)
		sluice_set_milli(res, 0, first_score);
	sluice_set_text(res, 1, "words", 5);
	return first_outcome;
}

static enum sluice_outcome run_second(struct sluice_check_ctx *c, struct sluice_result *res)
{
	(void)c;
	second_runs++;
	sluice_set_milli(res, 0, 9000);
	return SLUICE_DONE;
}

static enum sluice_outcome run_reader(struct sluice_check_ctx *c, struct sluice_result *res)
{
	size_t len;

	sluice_set_bool(res, 0, sluice_fact(c, "first.words", &len) != NULL);
	return SLUICE_DONE;
}

static const char *const first_words[] = { "first.words", NULL };
static const struct sluice_fact cheap_facts[] = { { "cheap.score", SLUICE_MILLI, NULL, "" }, { .name = NULL } };
static const struct sluice_fact first_facts[] = {
	{ "first.score", SLUICE_MILLI, NULL, "" }, { "first.words", SLUICE_TEXT, NULL, "" }, { .name = NULL } };
static const struct sluice_fact second_facts[] = { { "second.score", SLUICE_MILLI, NULL, "" }, { .name = NULL } };
static const struct sluice_fact reader_facts[] = { { "reader.saw", SLUICE_BOOL, NULL, "" }, { .name = NULL } };
static const struct sluice_check cheap_checks[] = {
	{ .name = "cheap", .stage = SLUICE_STAGE_MESSAGE, .run = run_cheap },
	{ .name = NULL },
};
static struct sluice_check first_checks[] = {
	{ .name = "first", .stage = SLUICE_STAGE_MESSAGE, .run = run_first, .last_fact = 1, .costly = true },
	{ .name = NULL },
};
static const struct sluice_check second_checks[] = {
	{ .name = "second", .stage = SLUICE_STAGE_MESSAGE, .run = run_second, .costly = true },
	{ .name = NULL },
};
static const struct sluice_check reader_checks[] = {
	{ .name = "reader", .stage = SLUICE_STAGE_MESSAGE, .run = run_reader, .reads = first_words },
	{ .name = NULL },
};
static const struct sluice_plugin plugins[] = {
	{ .abi = SLUICE_PLUGIN_ABI, .name = "first", .facts = first_facts, .checks = first_checks },
	{ .abi = SLUICE_PLUGIN_ABI, .name = "second", .facts = second_facts, .checks = second_checks },
	{ .abi = SLUICE_PLUGIN_ABI, .name = "cheap", .facts = cheap_facts, .checks = cheap_checks },
	{ .abi = SLUICE_PLUGIN_ABI, .name = "reader", .facts = reader_facts, .checks = reader_checks },
};
const struct sluice_plugin *const builtin_plugins[] = { &plugins[0], &plugins[1], &plugins[2], &plugins[3], NULL };

/* ---- a dialogue ---- */

struct fixture {
	struct engine engine;
	struct snapshot *snapshot;
	struct text rules, misses; /* that matched; that did not, with the first fact of why */
};

static void on_case(void *arg, const struct case_ *c)
{
	struct fixture *f = arg;

	for (size_t i = 0; i < c->rule_count; i++)
		text_addf(&f->rules, "%s ", c->rules[i].name);
	for (size_t i = 0; i < c->missed_count; i++)
		text_addf(&f->misses, "%s:%s ", c->missed[i].name, c->missed[i].fact_count ? c->missed[i].facts[0].name : "-");
}

static void write_file(char path[40], const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-costly-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static int load(const char *rules, const char *settings, struct snapshot **ret, struct err *err)
{
	struct snapshot_options options = { 0 };
	char conf[40], zone[40], whole[2000];
	int r;

	(void)snprintf(whole, sizeof whole, "authserv_id mx.example.org\n%s\nat message {\n%s\n}\n", settings, rules);
	write_file(conf, whole);
	write_file(zone, "here.example TXT yes\n");
	options.zone = zone;
	r = snapshot_load(conf, &options, ret, err);
	assert_int_equal(unlink(conf) | unlink(zone), 0);
	return r;
}

static enum verdict_action play(struct fixture *f, const char *rules)
{
	const struct edits *edits = NULL;
	struct dialogue *d;
	struct verdict v;
	struct err err;

	*f = (struct fixture){ .engine = { .health = health_new(NULL, NULL), .on_case = on_case, .arg = f },
		.rules = TEXT_INIT(1000), .misses = TEXT_INIT(1000) };
	if (load(rules, "", &f->snapshot, &err) < 0)
		fail_msg("%s", err.text);
	first_runs = second_runs = 0;
	d = dialogue_new(&f->engine, f->snapshot);
	(void)dialogue_connect(d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	(void)dialogue_helo(d, "mail.example.net");
	(void)dialogue_mail(d, &(struct dialogue_mail){ .argument = "<a@example.net>" });
	(void)dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = "<u@example.org>" });
	(void)dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = "<w@example.org>" });
	(void)dialogue_data(d, "");
	v = dialogue_message(d, "", &edits);
	dialogue_free(d);
	return v.action;
}

static void end(struct fixture *f)
{
	snapshot_unref(f->snapshot);
	health_free(f->engine.health);
	text_done(&f->rules);
	text_done(&f->misses);
}

/* ---- tests ---- */

#define SCORE "rule s4 score 4 when cheap.score >= 4\n rule s8 score 4 when cheap.score >= 8\n"
#define MARKS SCORE "rule doubt reject \"550 no\" when score >= 4 and score < 8 and first.score >= 5\n"

static const struct {
	const char *why, *rules;
	int64_t cheap, first; /* whole points */
	int first_runs, second_runs;
	const char *matched;
} rows[] = {
	{ "below the marks", MARKS, 3, 9, 0, 0, "" },
	{ "between them", MARKS, 4, 9, 1, 0, "s4 doubt " },
	{ "between them, and it has no objection", MARKS, 4, 1, 1, 0, "s4 " },
	{ "above them", MARKS, 8, 9, 0, 0, "s4 s8 " },
	{ "the marks stand behind", SCORE "rule doubt reject \"550 no\" when first.score >= 5 and score >= 4", 3, 9, 0, 0, "" },
	{ "the marks stand behind, and it is between", SCORE "rule doubt reject \"550 no\" when first.score >= 5 and score >= 4", 4, 9, 1, 0, "s4 doubt " },
	{ "points that come later do not count", "rule doubt reject \"550 no\" when score >= 4 and first.score >= 5\n" SCORE, 4, 9, 0, 0, "s4 " },
	{ "a refusal above", "rule r reject \"550 no\" when cheap.score >= 4\n rule doubt score 1 when first.score >= 5", 4, 9, 0, 0, "r " },
	{ "accepted above", "rule a accept when cheap.score >= 4\n rule doubt score 1 when first.score >= 5", 4, 9, 0, 0, "a " },
	{ "a refusal below", "rule doubt score 1 when first.score >= 5\n rule r reject \"550 no\" when cheap.score >= 4", 4, 9, 1, 0, "doubt r " },
	{ "once for all rules", "rule a score 1 when first.score >= 5\n rule b score 1 when first.score >= 6", 4, 9, 1, 0, "a b " },
	{ "once for all recipients", "}\nat message for each recipient { rule a reject \"550 no\" when first.score >= 5", 4, 9, 1, 0, "a a " },
	{ "or: what is known is enough", "rule a score 1 when first.score >= 5 or cheap.score >= 4", 4, 9, 0, 0, "a " },
	{ "or: it is not", "rule a score 1 when first.score >= 5 or cheap.score >= 4", 3, 9, 1, 0, "a " },
	{ "of two the first is enough", "rule a score 1 when first.score >= 5 or second.score >= 5", 4, 9, 1, 0, "a " },
	{ "of two the first is not enough", "rule a score 1 when first.score >= 5 or second.score >= 5", 4, 1, 1, 1, "a " },
	{ "and: of two the first is against", "rule a score 1 when first.score >= 5 and second.score >= 5", 4, 1, 1, 0, "" },
	{ "not", "rule a score 1 when cheap.score >= 4 and not (first.score >= 5)", 4, 1, 1, 0, "a " },
	{ "not, and known", "rule a score 1 when not (first.score >= 5 or cheap.score >= 4)", 4, 1, 0, 0, "" },
	{ "what nobody knows does not become true", "rule a score 1 when first.score >= 5 and cheap.error == other", 4, 9, 0, 0, "" },
	{ "is known", "rule a score 1 when first.score is known", 4, 9, 1, 0, "a " },
	{ "is unknown", "rule a score 1 when cheap.score >= 4 and first.score is unknown", 4, 9, 1, 0, "" },
	{ "compared with another fact", "rule a score 1 when cheap.score < first.score", 4, 9, 1, 0, "a " },
	{ "how it ended asks nobody", "rule a score 1 when first.outcome == done\n rule b score 1 when second.outcome is unknown", 4, 9, 0, 0, "b " },
	{ "on_error asks nobody", "on_error first tempfail", 4, 9, 0, 0, "" },
	{ "its words are wanted", "rule a reject \"554 5.7.1 {first.words}\" when cheap.score >= 4", 4, 9, 1, 0, "a " },
	{ "its words are not wanted", "rule a reject \"554 5.7.1 {first.words}\" when cheap.score >= 4", 3, 9, 0, 0, "" },
	{ "it was not needed, but its words are",
		"rule a reject \"554 5.7.1 {first.score}\" when cheap.score >= 4 or first.score > 1", 4, 9, 1, 0, "a " },
	{ "no sample", "rule a sample 0.001% score 1 when first.score >= 5", 4, 9, 0, 0, "" },
	{ "another check reads it", "rule a score 1 when reader.saw\n rule b reject \"550 no\" when cheap.score >= 8 and first.score >= 5", 3, 9, 1, 0, "a " },
	{ "in shadow", "shadow rule a reject \"550 no\" when cheap.score >= 4 and first.score >= 5", 4, 9, 1, 0, "a " },
};

static void it_runs_only_where_a_rule_depends_on_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;

		cheap_score = rows[i].cheap * 1000;
		first_score = rows[i].first * 1000;
		first_outcome = SLUICE_DONE;
		(void)play(&f, rows[i].rules);
		if (first_runs != rows[i].first_runs || second_runs != rows[i].second_runs || strcmp(text_str(&f.rules), rows[i].matched) != 0)
			fail_msg("%s: it ran %d, the other %d times; matched: %s", rows[i].why, first_runs, second_runs, text_str(&f.rules));
		end(&f);
	}
}

static void one_that_fails_has_been_asked_all_the_same(void **state)
{
	struct fixture f;

	(void)state;
	cheap_score = 4000;
	first_outcome = SLUICE_TEMPERROR;
	(void)play(&f, "rule a score 1 when first.score >= 5\n rule b score 1 when first.score >= 6\n rule c score 1 when first.outcome == temperror");
	assert_string_equal(text_str(&f.rules), "c ");
	assert_int_equal(first_runs, 1);
	end(&f);
	assert_int_equal(play(&f, "rule a score 1 when first.score >= 5\n on_error first tempfail"), VERDICT_TEMPFAIL);
	end(&f);
}

static void what_a_rule_failed_on_is_not_what_nobody_asked_for(void **state)
{
	struct fixture f;

	(void)state;
	cheap_score = 3000;
	(void)play(&f, "rule a score 1 when first.score >= 5 and cheap.score >= 4\n rule b score 1 when not (first.score < 5 or cheap.score < 4)");
	assert_string_equal(text_str(&f.misses), "a:cheap.score b:cheap.score ");
	end(&f);
}

static void assertions_give_what_it_finds(void **state)
{
	static const char rules[] = SCORE "rule doubt reject \"550 no\" when score >= 1 and score < 8 and first.score >= 5";
#define ASSERT(cheap, first, verdict) \
	"assert \"x\" { rcpt <u@example.org> fact cheap.score " cheap " fact first.score " first " expect " verdict " }"
	static const struct { const char *assertion, *why; } tried[] = {
		{ ASSERT("4", "6", "reject by doubt"), NULL },
		{ ASSERT("4", "4", "accept"), NULL },
		{ ASSERT("8", "6", "accept"), NULL },
		{ ASSERT("8", "6", "reject"), "does not hold" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tried); i++) {
		struct snapshot *s = NULL;
		struct err err = { 0 };
		int r = load(rules, tried[i].assertion, &s, &err);

		if ((r < 0) != !!tried[i].why || (r < 0 && !strstr(err.text, tried[i].why)))
			fail_msg("%s: %s", tried[i].assertion, err.text);
		snapshot_unref(s);
	}
}

static void it_is_of_the_end_of_a_message(void **state)
{
	struct registry *r;
	struct err err;

	(void)state;
	first_checks[0].stage = SLUICE_STAGE_DATA;
	r = registry_new(&err);
	assert_null(r);
	assert_non_null(strstr(err.text, "check first is costly, and is not of MESSAGE"));
	first_checks[0].stage = SLUICE_STAGE_MESSAGE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs_only_where_a_rule_depends_on_it),
		cmocka_unit_test(one_that_fails_has_been_asked_all_the_same),
		cmocka_unit_test(what_a_rule_failed_on_is_not_what_nobody_asked_for),
		cmocka_unit_test(assertions_give_what_it_finds),
		cmocka_unit_test(it_is_of_the_end_of_a_message),
	};

	return cmocka_run_group_tests_name("costly", tests, NULL, NULL);
}
