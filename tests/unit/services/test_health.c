/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/services/health.h"

static void note(void *arg, const struct health_row *row)
{
	text_addf(arg, "%s %s %s;", row->subject, row->healthy ? "good" : "bad", row->why);
}

static void a_change_is_told_once(void **state)
{
	SLUICE_CLEANUP(text_done) struct text told = TEXT_INIT(1000);
	struct health *h = health_new(note, &told);

	(void)state;
	assert_true(health_is_good(h, "b"));
	health_report(h, "b", true, "fine");
	assert_string_equal(text_str(&told), "");
	health_report(h, "b", false, "silent");
	health_report(h, "b", false, "silent");
	assert_false(health_is_good(h, "b"));
	assert_true(health_is_good(h, "a"));
	health_report(h, "a", false, "lies");
	health_report(h, "b", true, "answers");
	assert_true(health_is_good(h, "b"));
	assert_string_equal(text_str(&told), "b bad silent;a bad lies;b good answers;");

	text_clear(&told);
	health_each(h, note, &told);
	assert_string_equal(text_str(&told), "a bad lies;b good answers;");
	health_free(h);
	health_free(NULL);
}

static void what_is_forgotten_is_healthy(void **state)
{
	SLUICE_CLEANUP(text_done) struct text told = TEXT_INIT(1000);
	struct health *h = health_new(NULL, NULL);

	(void)state;
	health_report(h, "a", false, "x");
	health_report(h, "b", false, "y");
	health_forget(h, "a");
	health_forget(h, "c");
	assert_true(health_is_good(h, "a"));
	health_each(h, note, &told);
	assert_string_equal(text_str(&told), "b bad y;");
	health_free(h);
}

static void subjects_are_bounded(void **state)
{
	struct health *h = health_new(NULL, NULL);
	char name[32];

	(void)state;
	for (int i = 0; i <= HEALTH_MAX_SUBJECTS; i++) {
		snprintf(name, sizeof name, "subject %d", i);
		health_report(h, name, false, "x");
		assert_int_equal(health_is_good(h, name), i == HEALTH_MAX_SUBJECTS);
	}
	health_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_once),
		cmocka_unit_test(what_is_forgotten_is_healthy),
		cmocka_unit_test(subjects_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
