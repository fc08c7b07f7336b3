/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/milter/edge.h"

static char lines[REPLY_MAX_LINES][2 * REPLY_LINE_MAX + 1];

static void percent_is_doubled_and_controls_are_not_sent(void **state)
{
	(void)state;
	assert_int_equal(reply_lines("100% of\r\n a\xff", lines), 1);
	assert_string_equal(lines[0], "100%% of?? a?");
	assert_int_equal(reply_lines("", lines), 1);
	assert_string_equal(lines[0], "");
}

static void long_texts_are_cut_at_blanks(void **state)
{
	char text[REPLY_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = i % 10 == 9 ? ' ' : 'a';
	text[sizeof text - 1] = '\0';
	assert_int_equal(reply_lines(text, lines), 3);
	for (int i = 0; i < 3; i++) {
		assert_true(strlen(lines[i]) <= REPLY_LINE_MAX);
		assert_int_equal(lines[i][0], 'a');
	}
}

static void a_text_without_blanks_is_cut_all_the_same(void **state)
{
	char text[5000];

	(void)state;
	memset(text, '%', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(reply_lines(text, lines), REPLY_MAX_LINES);
	assert_int_equal(strlen(lines[0]), 2 * REPLY_LINE_MAX);
}

static void steps_follow_the_plan(void **state)
{
	struct plan plan = { 0 };
	unsigned long none = negotiate_steps(&plan);

	(void)state;
	assert_int_equal(none & (SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN),
		SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
	assert_int_equal(none & (SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOHDRS), 0);
	plan.refuses[SLUICE_STAGE_CONNECT] = true; /* said at HELO, and to each MAIL */
	assert_int_equal(negotiate_steps(&plan), none & ~(unsigned long)(SMFIP_NR_HELO | SMFIP_NR_MAIL));
	plan = (struct plan){ .needs_body = true, .needs_unknown = true };
	assert_int_equal(negotiate_steps(&plan), none & ~(unsigned long)(SMFIP_NOBODY | SMFIP_NOUNKNOWN));
	plan = (struct plan){ .refuses = { [SLUICE_STAGE_RCPT] = true } };
	assert_int_equal(negotiate_steps(&plan), none & ~(unsigned long)SMFIP_NR_RCPT);
	plan = (struct plan){ .judges = { [SLUICE_STAGE_DATA] = true } };
	assert_int_equal(negotiate_steps(&plan), none & ~(unsigned long)SMFIP_NODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent_is_doubled_and_controls_are_not_sent),
		cmocka_unit_test(long_texts_are_cut_at_blanks),
		cmocka_unit_test(a_text_without_blanks_is_cut_all_the_same),
		cmocka_unit_test(steps_follow_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
