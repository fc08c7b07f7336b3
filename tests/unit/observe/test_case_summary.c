/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/observe/case_summary.h"

static void names_who_and_what(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CASE_SUMMARY_MAX);
	struct case_recipient to[7];
	struct case_ c = { .id = "1", .queue_id = "Q", .time_ms = 1500, .envelope = true, .from = "a\"<b>", .from_len = 5, .recipients = to, .recipient_count = 7,
		.verdict = { .action = CASE_REJECT, .stage = SLUICE_STAGE_RCPT, .rule = "r" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		to[i] = (struct case_recipient){ .address = "u@x", .len = 3 };
	case_summary(&out, &c);
	assert_non_null(strstr(text_str(&out), "\"time\":1,"));
	assert_non_null(strstr(text_str(&out), "\"from\":\"a\\\"<b>\",\"recipients\":[\"u@x\",\"u@x\",\"u@x\",\"u@x\",\"u@x\"],\"recipient_count\":7"));
	assert_non_null(strstr(text_str(&out), "\"verdict\":\"reject\",\"stage\":\"rcpt\",\"rule\":\"r\""));
}

static void fits_whatever_comes(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CASE_SUMMARY_MAX);
	static char controls[100000];
	struct case_recipient to[5];
	struct case_ c = { .id = "1", .queue_id = "", .envelope = true, .from = controls, .from_len = sizeof controls, .recipients = to, .recipient_count = 5,
		.client = { .helo = controls, .helo_len = sizeof controls } };

	(void)state;
	memset(controls, 1, sizeof controls - 1);
	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		to[i] = (struct case_recipient){ .address = controls, .len = sizeof controls };
	c.verdict.text = c.verdict.rule = c.client.user = c.client.name = c.queue_id = controls;
	case_summary(&out, &c);
	assert_false(out.failed);
}

static void a_name_is_one_string(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(64);

	(void)state;
	case_summary_add_name(&out, "", 0);
	case_summary_add_name(&out, "a\0b", 3);
	case_summary_add_name(&out, "c", 1);
	assert_int_equal(out.len, 6);
	assert_memory_equal(out.bytes, "a?b\0c\0", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_who_and_what), cmocka_unit_test(fits_whatever_comes), cmocka_unit_test(a_name_is_one_string) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
