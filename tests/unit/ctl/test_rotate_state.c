/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/ctl/rotate_state.h"

#define DAY 86400

static void each_state_has_its_step(void **state)
{
	static const struct {
		enum rotation_state state;
		int64_t until_s;
		struct rotation_facts facts; /* now_s, key_age_s, every_s, begun, at_once */
		enum rotation_step want;
	} rows[] = {
		{ ROTATION_AT_REST, 0, { 1000, 0, 90 * DAY, false, false }, ROTATION_NOTHING },
		{ ROTATION_AT_REST, 0, { 1000, 90 * DAY - 1, 90 * DAY, false, false }, ROTATION_NOTHING },
		{ ROTATION_AT_REST, 0, { 1000, 90 * DAY, 90 * DAY, false, false }, ROTATION_MAKE },
		{ ROTATION_AT_REST, 0, { 1000, -1, 90 * DAY, false, false }, ROTATION_MAKE },
		{ ROTATION_AT_REST, 0, { 1000, 0, 90 * DAY, true, false }, ROTATION_MAKE },
		{ ROTATION_AT_REST, 0, { 1000, 0, 90 * DAY, false, true }, ROTATION_MAKE },
		{ ROTATION_MADE, 0, { 1000, 99 * DAY, 90 * DAY, true, true }, ROTATION_LOOK },
		{ ROTATION_PUBLISHED, 1001, { 1000, 99 * DAY, 90 * DAY, true, true }, ROTATION_WAIT },
		{ ROTATION_PUBLISHED, 1000, { 1000, 99 * DAY, 90 * DAY, true, false }, ROTATION_ACTIVATE },
		{ ROTATION_RETIRING, 1001, { 1000, 99 * DAY, 90 * DAY, false, true }, ROTATION_WAIT },
		{ ROTATION_RETIRING, 1000, { 1000, 99 * DAY, 90 * DAY, false, true }, ROTATION_REVOKE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct rotation r = { .state = rows[i].state, .selector = "sel", .until_s = rows[i].until_s };
		enum rotation_step got = rotation_next(&r, &rows[i].facts);

		if (got != rows[i].want)
			fail_msg("row %zu: got %d, want %d", i, (int)got, (int)rows[i].want);
	}
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (enum rotation_state s = ROTATION_AT_REST; rotation_state_words[s]; s++) {
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(ROTATION_TEXT_MAX);
		struct rotation in = { .state = s, .selector = "rsa-202611", .since_s = 1764100000, .until_s = 1764200000 }, out;

		rotation_print(&text, &in);
		assert_true(rotation_parse(text_str(&text), text.len, &out));
		assert_int_equal(out.state, s);
		assert_string_equal(out.selector, "rsa-202611");
		assert_int_equal(out.since_s, 1764100000);
		assert_int_equal(out.until_s, 1764200000);
	}
}

static void what_is_no_rotation_is_at_rest(void **state)
{
	static const char *const rows[] = { "", "made", "made sel", "made sel 1", "made sel 1 2 3", "made sel x 2", "lost sel 1 2", "made a/b 1 2",
		"made .. 1 2", "made sel -1 2", "made sel 1 2x" };
	struct rotation r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rotation_parse(rows[i], strlen(rows[i]), &r))
			fail_msg("'%s'", rows[i]);
		assert_int_equal(r.state, ROTATION_AT_REST);
	}
	assert_false(rotation_parse("made\0sel 1 2", 12, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_has_its_step),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_no_rotation_is_at_rest),
	};

	return cmocka_run_group_tests_name("rotate_state", tests, NULL, NULL);
}
