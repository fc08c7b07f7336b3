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
#include "filter/services/store.h"

/* ---- a check that hears of the end ---- */

static struct text heard; /* a line for each call */
static int drops;

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	(void)part;
	*sluice_memory(c) = &drops;
}

static void drop(void *memory)
{
	assert_ptr_equal(memory, &drops);
	drops++;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *from = sluice_mail_from(c);
	const struct sluice_dns_answer *a = sluice_ask_dns(c, from->domain, SLUICE_DNS_TXT);

	if (!a)
		return SLUICE_PENDING;
	sluice_set_text(res, 0, from->local, from->local_len);
	sluice_set_bool(res, 1, a->status == SLUICE_DNS_OK);
	return SLUICE_DONE;
}

static void concluded(struct sluice_check_ctx *c, const struct sluice_conclusion *v)
{
	static const char *const actions[] = { "accept", "hold", "discard", "tempfail", "reject" };
	struct sluice_store_op op = { .verb = SLUICE_STORE_COUNT, .count = { .window_ms = 1000, .add = 1 } };
	size_t who_len = 0, here_len;
	const char *who = sluice_fact(c, "hear.who", &who_len), *here = sluice_fact(c, "hear.here", &here_len);
	const struct sluice_store_answer *answer;
	char key[64];

	assert_ptr_equal(*sluice_memory(c), &drops);
	assert_int_equal(strlen(here), here_len);
	text_addf(&heard, "%s%s %s %.*s %.*s %s\n", actions[v->action], v->tagged ? " tagged" : "",
		v->rule ? v->rule : "-", (int)v->rcpt_domain_len, v->rcpt_domain ? v->rcpt_domain : "", (int)who_len,
		who, here);
	(void)snprintf(key, sizeof key, "hear|%s", actions[v->action]);
	op.key = key;
	op.key_len = strlen(key);
	answer = sluice_ask_store(c, &op);
	assert_true(!answer || answer->status == SLUICE_STORE_FAILED);
	memset(key, 'x', sizeof key); /* whoever carries it out has a copy */
}

static bool wanted(const void *state)
{
	return state != NULL;
}

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	(void)count, (void)reterr;
	for (size_t i = 0; i < blocks->count; i++)
		*ret_state = blocks->settings[i].number ? &drops : NULL;
	return 0;
}

static const struct sluice_fact hear_facts[] = { { "hear.who", SLUICE_TEXT, NULL, "" },
	{ "hear.here", SLUICE_BOOL, NULL, "" }, { .name = NULL } };
static const struct sluice_option hear_options[] = { { "always", SLUICE_OPT_BOOL, false, NULL, 0, 0, "no", "" },
	{ .key = NULL } };
static struct sluice_check hear_checks[] = {
	{ .name = "hear",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.last_fact = 1,
		.feed = feed,
		.drop = drop,
		.concluded = concluded,
		.wanted = wanted },
	{ .name = NULL },
};
static const struct sluice_plugin hear = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "hear",
	.help = "",
	.facts = hear_facts,
	.checks = hear_checks,
	.options = hear_options,
	.configure = configure,
};
const struct sluice_plugin *const builtin_plugins[] = { &hear, NULL };

/* ---- a store that answers when it is told to ---- */

struct slow_store {
	struct store store;
	struct text ops; /* the key of each */
	void (*done)(void *arg, const struct sluice_store_answer *answer);
	void *arg;
};

static void slow_run(struct store *s, const struct sluice_store_op *op,
	void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	struct slow_store *slow = (struct slow_store *)s;

	text_addf(&slow->ops, "%.*s\n", (int)op->key_len, op->key);
	slow->done = done;
	slow->arg = arg;
}

static const struct store_home slow_home = { .run = slow_run };

/* ---- a dialogue ---- */

struct fixture {
	struct engine engine;
	struct snapshot *snapshot;
	struct dialogue *d;
	struct slow_store store;
};

static void on_case(void *arg, const struct case_ *c)
{
	(void)arg;
	(void)c;
}

static void write_file(char path[40], const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-concluded-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static int load(struct fixture *f, const char *policy, struct err *reterr)
{
	struct snapshot_options options = { 0 };
	char conf[40], zone[40], whole[1000];
	int r;

	(void)snprintf(whole, sizeof whole, "authserv_id mx.example.org\nstage_deadline 100ms\n%s", policy);
	write_file(conf, whole);
	write_file(zone, "never.example TXT TIMEOUT\nhere.example TXT yes\n");
	options.zone = zone;
	*f = (struct fixture){ .engine = { .health = health_new(NULL, NULL), .on_case = on_case },
		.store = { .store = { &slow_home }, .ops = TEXT_INIT(1000) } };
	r = snapshot_load(conf, &options, &f->snapshot, reterr);
	assert_int_equal(unlink(conf) | unlink(zone), 0);
	return r;
}

static void begin(struct fixture *f, const char *policy)
{
	struct err err;

	if (load(f, policy, &err) < 0)
		fail_msg("%s", err.text);
	f->snapshot->store = &f->store.store;
	heard = TEXT_INIT(10000);
	drops = 0;
	f->d = dialogue_new(&f->engine, f->snapshot);
	assert_non_null(f->d);
	(void)dialogue_connect(f->d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	(void)dialogue_helo(f->d, "mail.example.net");
}

static void end(struct fixture *f)
{
	dialogue_free(f->d);
	f->snapshot->store = NULL;
	snapshot_unref(f->snapshot);
	health_free(f->engine.health);
	text_done(&f->store.ops);
	text_done(&heard);
}

static void start_message(struct fixture *f, const char *from, const char *rcpt, const char *second)
{
	(void)dialogue_mail(f->d, &(struct dialogue_mail){ .argument = from });
	(void)dialogue_rcpt(f->d, &(struct dialogue_rcpt){ .argument = rcpt });
	if (second)
		(void)dialogue_rcpt(f->d, &(struct dialogue_rcpt){ .argument = second });
	(void)dialogue_data(f->d, "");
	dialogue_header(f->d, "From", " a@example.net", true);
}

#define READS "rule reads score 1 when hear.who == \"\"\n"

static void the_fate_of_a_message_is_told_once(void **state)
{
	static const struct {
		const char *policy, *from, *rcpt, *second, *heard, *asked;
	} rows[] = {
		{ "at message { " READS " }", "<a@here.example>", "<u@example.org>", NULL,
			"accept - example.org a yes\n", "hear|accept\n" },
		{ "at message { " READS " rule t tag \"x\"\nrule good accept\n}", "<a@here.example>", "<u@Example.Org>",
			"<v@EXAMPLE.org>", "accept tagged good Example.Org a yes\n", "hear|accept\n" },
		{ "at message { " READS " rule h hold \"x\" }", "<b@never.example>", "<u@example.org>",
			"<u@other.example>", "hold h  b no\n", "hear|hold\n" },
		{ "at message { " READS " rule no reject \"550 5.7.1 no\" }", "<a@here.example>", "<u@example.org>",
			NULL, "reject no example.org a yes\n", "hear|reject\n" },
		{ "at message { " READS " rule later tempfail \"451 4.7.1 later\" }", "<a@here.example>",
			"<u@example.org>", NULL, "tempfail later example.org a yes\n", "hear|tempfail\n" },
		/* who was refused does not get it */
		{ "at rcpt { rule one reject \"550 5.7.1 no\" when rcpt.domain == other.example }\nat message { " READS
		  " }",
			"<a@here.example>", "<u@other.example>", "<u@example.org>", "accept - example.org a yes\n",
			"hear|accept\n" },
		/* nobody wants the check: it has not run, and hears nothing */
		{ "", "<a@here.example>", "<u@example.org>", NULL, "", "" },
		/* its settings want it */
		{ "hear { always yes }\nstate { lmdb /nonexistent }", "<a@here.example>", "<u@example.org>", NULL,
			"accept - example.org a yes\n", "hear|accept\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const struct sluice_store_answer late = { .status = SLUICE_STORE_OK, .number = 1 };
		const struct edits *edits = NULL;
		struct fixture f;

		begin(&f, rows[i].policy);
		start_message(&f, rows[i].from, rows[i].rcpt, rows[i].second);
		(void)dialogue_message(f.d, "", &edits);
		assert_string_equal(text_str(&heard), rows[i].heard);
		assert_string_equal(text_str(&f.store.ops), rows[i].asked);
		dialogue_abort(f.d); /* the next message: the slots of this one are gone */
		if (f.store.done)
			f.store.done(f.store.arg, &late);
		assert_string_equal(text_str(&heard), rows[i].heard);
		end(&f);
	}
}

static void a_message_without_an_end_has_no_fate(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "at message { " READS " }");
	start_message(&f, "<a@here.example>", "<u@example.org>", NULL);
	dialogue_abort(f.d);
	start_message(&f, "<a@here.example>", "<u@example.org>", NULL);
	end(&f);
	assert_int_equal(drops, 2);
	assert_int_equal(f.store.done != NULL, false);
}

static void a_trial_without_a_store_does_no_harm(void **state)
{
	const struct edits *edits = NULL;
	struct fixture f;

	(void)state;
	begin(&f, "at message { " READS " }");
	dialogue_free(f.d);
	f.snapshot->store = NULL;
	f.d = dialogue_new(&f.engine, f.snapshot);
	(void)dialogue_connect(f.d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } });
	start_message(&f, "<a@here.example>", "<u@example.org>", NULL);
	assert_int_equal(dialogue_message(f.d, "", &edits).action, VERDICT_CONTINUE);
	assert_string_equal(text_str(&heard), "accept - example.org a yes\n");
	end(&f);
}

static void what_wants_to_note_things_needs_a_store(void **state)
{
	struct fixture f;
	struct err err;

	(void)state;
	assert_true(load(&f, "hear { always yes }", &err) < 0);
	assert_non_null(strstr(err.text, "hear needs a store: say where, with 'state { lmdb /var/lib/sluice/state }'"));
	health_free(f.engine.health);
	hear_checks[0].stage = SLUICE_STAGE_DATA;
	assert_true(load(&f, "", &err) < 0);
	assert_non_null(strstr(err.text, "check hear is fed, or hears of the end, and is not of MESSAGE"));
	health_free(f.engine.health);
	hear_checks[0].stage = SLUICE_STAGE_MESSAGE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fate_of_a_message_is_told_once),
		cmocka_unit_test(a_message_without_an_end_has_no_fate),
		cmocka_unit_test(a_trial_without_a_store_does_no_harm),
		cmocka_unit_test(what_wants_to_note_things_needs_a_store),
	};

	return cmocka_run_group_tests_name("concluded", tests, NULL, NULL);
}
