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

/* ---- two checks that are only here: one that looks, and one that an action runs ---- */

static int drops;

/* Its memory is what it saw. */
static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	static const char *const words[] = { "header", "end", "body" };
	struct text *seen = *sluice_memory(c);

	if (!seen) {
		seen = malloc(sizeof *seen);
		assert_non_null(seen);
		*seen = TEXT_INIT(100000);
		*sluice_memory(c) = seen;
	}
	text_addf(seen, "%s", words[part->type]);
	if (part->type == SLUICE_PART_HEADER)
		text_addf(seen, " %.*s:", (int)part->name_len, part->name);
	if (part->len)
		text_addf(seen, "[%.*s]", (int)part->len, part->bytes);
	text_addc(seen, '\n');
	(void)sluice_ask_dns(c, "never.example", SLUICE_DNS_TXT);
}

static void drop(void *memory)
{
	text_done(memory);
	free(memory);
	drops++;
}

/* Says everything before it has the answer, which never comes. */
static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct text *seen = *sluice_memory(c);

	sluice_set_text(res, 0, text_str(seen), seen->len);
	sluice_insert_header(res, "X-Seen", "by a check,\n\tfolded");
	return sluice_ask_dns(c, "never.example", SLUICE_DNS_TXT) ? SLUICE_DONE : SLUICE_PENDING;
}

static enum sluice_outcome run_sign(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct text *seen = *sluice_memory(c);

	sluice_set_bool(res, 0, seen->len == 0);
	sluice_insert_header(res, "X-Signed", "yes");
	return SLUICE_DONE;
}

static const struct sluice_fact watch_facts[] = { { "watch.seen", SLUICE_TEXT, NULL, "what it saw" },
	{ .name = NULL } };
static const struct sluice_check watch_checks[] = {
	{ .name = "watch", .stage = SLUICE_STAGE_MESSAGE, .run = run, .feed = feed, .drop = drop },
	{ .name = NULL },
};
static const struct sluice_plugin watch = {
	.abi = SLUICE_PLUGIN_ABI, .name = "watch", .facts = watch_facts, .checks = watch_checks
};

static const struct sluice_fact sign_facts[] = { { "sign.blocked", SLUICE_BOOL, NULL, "it cannot be signed" },
	{ .name = NULL } };
static const struct sluice_check sign_checks[] = {
	{ .name = "sign",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run_sign,
		.on_demand = true,
		.feed = feed,
		.drop = drop },
	{ .name = NULL },
};
static const struct sluice_plugin sign = {
	.abi = SLUICE_PLUGIN_ABI, .name = "sign", .facts = sign_facts, .checks = sign_checks
};

const struct sluice_plugin *const builtin_plugins[] = { &watch, &sign, NULL };

/* ---- a dialogue ---- */

struct fixture {
	struct engine engine;
	struct snapshot *snapshot;
	struct dialogue *d;
	struct text seen; /* the fact watch.seen of the last case */
};

static void on_case(void *arg, const struct case_ *c)
{
	struct fixture *f = arg;

	text_clear(&f->seen);
	for (size_t i = 0; i < c->fact_count; i++)
		if (!strcmp(c->facts[i].name, "watch.seen"))
			text_add(&f->seen, c->facts[i].value->text.bytes, c->facts[i].value->text.len);
}

static void write_file(char path[32], const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-feed-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void begin(struct fixture *f, const char *policy)
{
	struct snapshot_options options = { 0 };
	char conf[32], zone[32], whole[1000];
	struct err err;

	(void)snprintf(whole, sizeof whole, "authserv_id mx.example.org\nstage_deadline 100ms\n%s", policy);
	write_file(conf, whole);
	write_file(zone, "never.example TXT TIMEOUT\n");
	options.zone = zone;
	*f = (struct fixture){ .engine = { .health = health_new(NULL, NULL), .on_case = on_case, .arg = f },
		.seen = TEXT_INIT(100000) };
	if (snapshot_load(conf, &options, &f->snapshot, &err) < 0)
		fail_msg("%s", err.text);
	f->d = dialogue_new(&f->engine, f->snapshot);
	assert_non_null(f->d);
	assert_int_equal(unlink(conf) | unlink(zone), 0);
	drops = 0;
	(void)dialogue_connect(f->d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	(void)dialogue_helo(f->d, "mail.example.net");
}

static void end(struct fixture *f)
{
	dialogue_free(f->d);
	snapshot_unref(f->snapshot);
	health_free(f->engine.health);
	text_done(&f->seen);
}

static void start_message(struct fixture *f)
{
	(void)dialogue_mail(f->d, &(struct dialogue_mail){ .argument = "<a@example.net>" });
	(void)dialogue_rcpt(f->d, &(struct dialogue_rcpt){ .argument = "<u@example.org>" });
	(void)dialogue_data(f->d, "");
}

static const struct edits *end_message(struct fixture *f)
{
	const struct edits *edits = NULL;
	struct verdict v = dialogue_message(f->d, "", &edits);

	assert_int_equal(v.action, VERDICT_CONTINUE);
	return edits;
}

#define WATCH "at message { rule a score 1 when watch.seen == \"\" }\n"
#define SIGN  "at message { rule b sign when header.count > 100 }\n"

static void a_check_sees_the_message_as_it_was_on_the_wire(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WATCH);
	start_message(&f);
	dialogue_header(f.d, "From", " a@example.net", true);
	dialogue_header(f.d, "Subject", "\ta\n b\r\n\tc", true);
	dialogue_header(f.d, "X-Empty", "", true);
	dialogue_header(f.d, "X-Blank", "taken off", false);
	dialogue_body(f.d, "", 0);
	dialogue_body(f.d, "one\r", 4);
	dialogue_body(f.d, "\ntwo\n", 5);
	(void)end_message(&f);
	assert_string_equal(text_str(&f.seen), "header From:[ a@example.net]\nheader Subject:[\ta\r\n "
	                                       "b\r\n\tc]\nheader X-Empty:\nheader X-Blank:[ taken off]\n"
					       "end\nbody[one\r]\nbody[\ntwo\n]\n");
	end(&f);
}

static void without_a_body_the_header_ends_with_the_message(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WATCH);
	start_message(&f);
	dialogue_header(f.d, "From", " a", true);
	(void)end_message(&f);
	assert_string_equal(text_str(&f.seen), "header From:[ a]\nend\n");
	end(&f);
}

static void what_a_pending_run_added_is_taken_back(void **state)
{
	struct fixture f;
	const struct edits *edits;

	(void)state;
	begin(&f, WATCH);
	for (int i = 0; i < 2; i++) {
		start_message(&f);
		edits = end_message(&f);
		assert_int_equal(edits->insert.len, 1);
		assert_string_equal(edits->insert.items[0].name, "X-Seen");
		assert_string_equal(edits->insert.items[0].value, "by a check,\n\tfolded");
	}
	end(&f);
}

static void memory_ends_with_the_message_however_that_ends(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WATCH);
	for (int i = 0; i < 5; i++) {
		start_message(&f);
		dialogue_header(f.d, "From", " a", true);
		assert_int_equal(drops, i);
		if (i == 0)
			(void)end_message(&f);
		if (i == 1)
			dialogue_abort(f.d);
		if (i == 2)
			(void)dialogue_mail(f.d, &(struct dialogue_mail){ .argument = "<b@example.net>" });
		if (i == 3) {
			dialogue_header(f.d, "Again", " b", true);
			(void)end_message(&f);
			assert_string_equal(text_str(&f.seen), "header From:[ a]\nheader Again:[ b]\nend\n");
		}
		if (i < 4)
			assert_int_equal(drops, i + 1);
	}
	end(&f);
	assert_int_equal(drops, 5);
}

static void only_what_the_policy_may_run_is_fed(void **state)
{
	static const struct {
		const char *policy;
		bool needs_body;
		int fed; /* checks */
	} rows[] = {
		{ "", false, 0 },
		{ "at message { rule a score 1 when mail.null }\n", false, 0 },
		{ WATCH, true, 1 },
		{ SIGN, true, 1 },
		{ WATCH SIGN, true, 2 },
		{ "at message { rule b sign when mail.null }\n", true, 0 }, /* it is not */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;

		begin(&f, rows[i].policy);
		assert_int_equal(f.snapshot->plan.needs_body, rows[i].needs_body);
		start_message(&f);
		dialogue_header(f.d, "From", " a", true);
		dialogue_body(f.d, "b", 1);
		dialogue_abort(f.d);
		assert_int_equal(drops, rows[i].fed);
		end(&f);
	}
}

static void an_action_runs_what_was_fed(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "at message { rule a sign }\n");
	start_message(&f);
	dialogue_header(f.d, "From", " a", true);
	assert_string_equal(end_message(&f)->insert.items[0].name, "X-Signed");
	assert_int_equal(drops, 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_sees_the_message_as_it_was_on_the_wire),
		cmocka_unit_test(without_a_body_the_header_ends_with_the_message),
		cmocka_unit_test(what_a_pending_run_added_is_taken_back),
		cmocka_unit_test(memory_ends_with_the_message_however_that_ends),
		cmocka_unit_test(only_what_the_policy_may_run_is_fed),
		cmocka_unit_test(an_action_runs_what_was_fed),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
