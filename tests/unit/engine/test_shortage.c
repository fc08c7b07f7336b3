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

#include "filter/engine/builtin.h"
#include "filter/engine/dialogue.h"

const struct sluice_plugin *const builtin_plugins[] = { NULL };

/* ---- memory that runs out: the linker puts this in the place of calloc(), by which a dialogue that rests gets its facts again ---- */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool exhausted;

void *__wrap_calloc(size_t count, size_t size)
{
	return exhausted ? NULL : __real_calloc(count, size);
}

/* ---- a dialogue ---- */

struct fixture {
	struct engine engine;
	struct snapshot *snapshot;
	struct dialogue *d;
	char id[64]; /* of the last case */
};

static void on_case(void *arg, const struct case_ *c)
{
	struct fixture *f = arg;

	(void)snprintf(f->id, sizeof f->id, "%s", c->id);
}

static void begin(struct fixture *f, const char *rules)
{
	struct snapshot_options options = { 0 };
	char conf[] = "/tmp/sluice-shortage-XXXXXX";
	int fd = mkstemp(conf);
	struct err err;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "authserv_id mx.example.org\n%s\n", rules) > 0);
	assert_int_equal(close(fd), 0);
	*f = (struct fixture){ .engine = { .health = health_new(NULL, NULL), .on_case = on_case, .arg = f, .offline = true } };
	if (snapshot_load(conf, &options, &f->snapshot, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(unlink(conf), 0);
	f->d = dialogue_new(&f->engine, f->snapshot);
	assert_non_null(f->d);
	assert_int_equal(dialogue_connect(f->d, &(struct dialogue_client){ .ip = { 4, { 192, 0, 2, 1 } } }).action, VERDICT_CONTINUE);
	dialogue_rest(f->d);
}

static void end(struct fixture *f)
{
	dialogue_free(f->d);
	snapshot_unref(f->snapshot);
	health_free(f->engine.health);
}

static struct verdict mail(struct fixture *f)
{
	return dialogue_mail(f->d, &(struct dialogue_mail){ .argument = "<a@example.net>" });
}

#define EVENTS 6 /* of a message */

/* The verdict at its end. without: for so many of its events there is no memory. */
static struct verdict message(struct fixture *f, int without)
{
	const struct edits *edits = NULL;
	struct verdict v = { 0 };

	for (int event = 0; event < EVENTS; event++) {
		exhausted = event < without;
		switch (event) {
		case 0:
			(void)mail(f);
			break;
		case 1:
			(void)dialogue_rcpt(f->d, &(struct dialogue_rcpt){ .argument = "<u@example.org>" });
			break;
		case 2:
			(void)dialogue_data(f->d, "");
			break;
		case 3:
			dialogue_header(f->d, "From", " a@example.net", true);
			break;
		case 4:
			dialogue_body(f->d, "hello\r\n", 7);
			break;
		case 5:
			v = dialogue_message(f->d, "", &edits);
			break;
		}
	}
	exhausted = false;
	dialogue_rest(f->d);
	return v;
}

/* ---- tests ---- */

/* An MTA that hears no answer to MAIL goes on. */
static void a_message_that_begins_without_memory_leaves_nothing_to_the_next_one(void **state)
{
	(void)state;
	for (int without = 1; without <= EVENTS; without++) {
		char before[sizeof ((struct fixture *)0)->id];
		struct fixture f;

		begin(&f, "at message { rule left reject \"550 5.7.1 left\" when rcpt.count > 1 or header.count > 1 or message.size > 40 }");
		assert_int_equal(dialogue_helo(f.d, "mail.example.net").action, VERDICT_CONTINUE);
		assert_int_equal(message(&f, 0).action, VERDICT_CONTINUE);
		memcpy(before, f.id, sizeof before);
		assert_int_equal(message(&f, without).action, VERDICT_FAULT);
		if (without < EVENTS && !strcmp(f.id, before))
			fail_msg("without %d events: its case has the id of the message before", without);
		if (message(&f, 0).action != VERDICT_CONTINUE)
			fail_msg("without %d events: some of it is left", without);
		end(&f);
	}
}

/* Neither what a rule would have said of the name, nor what it said of the one before. */
static void a_name_that_there_is_no_memory_for_is_never_judged(void **state)
{
	static const struct { const char *rules, *before, *name; } rows[] = {
		{ "at message { rule bad reject \"550 5.7.1 bad\" when helo.name == bad.example }", NULL, "bad.example" },
		{ "at helo { rule bad reject \"550 5.7.1 bad\" when helo.name == bad.example }", NULL, "bad.example" },
		{ "at helo { rule bad reject \"550 5.7.1 bad\" when helo.name == bad.example }", "bad.example", "mail.example.net" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verdict helo, first, second;
		struct fixture f;

		begin(&f, rows[i].rules);
		if (rows[i].before)
			assert_int_equal(dialogue_helo(f.d, rows[i].before).action, VERDICT_REJECT);
		dialogue_rest(f.d);
		exhausted = true;
		helo = dialogue_helo(f.d, rows[i].name);
		exhausted = false;
		first = mail(&f);
		dialogue_rest(f.d);
		second = mail(&f);
		if (helo.action != VERDICT_FAULT || first.action != VERDICT_FAULT || second.action != VERDICT_FAULT)
			fail_msg("row %zu: %d, %d, %d", i, (int)helo.action, (int)first.action, (int)second.action);
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_that_begins_without_memory_leaves_nothing_to_the_next_one),
		cmocka_unit_test(a_name_that_there_is_no_memory_for_is_never_judged),
	};

	return cmocka_run_group_tests_name("shortage", tests, NULL, NULL);
}
