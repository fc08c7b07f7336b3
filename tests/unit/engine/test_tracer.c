/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/engine/builtin.h"
#include "filter/engine/tracer.h"

#define TOKEN "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"

const struct sluice_plugin *const builtin_plugins[] = { NULL };

static unsigned code_at(struct tracer *t, const char *local, int64_t now_ms)
{
	return tracer_code(t, local, strlen(local), now_ms);
}

static void says_what_it_is_asked_for(void **state)
{
	static const struct { const char *local; unsigned code; } cases[] = {
		{ TRACER_BEFORE TOKEN "-250", 250 }, { TRACER_BEFORE TOKEN "-451", 451 }, { TRACER_BEFORE TOKEN "-550", 550 }, { TRACER_BEFORE TOKEN "-551", 0 },
		{ TRACER_BEFORE TOKEN "-25", 0 }, { TRACER_BEFORE TOKEN "-2500", 0 }, { TRACER_BEFORE TOKEN, 0 }, { TRACER_BEFORE OTHER "-250", 0 },
		{ "sluice-Tracer-" TOKEN "-250", 0 }, { "postmaster", 0 }, { "", 0 },
	};
	struct tracer *t = tracer_new();

	(void)state;
	assert_int_equal(code_at(t, cases[0].local, 1000), 0);
	assert_true(tracer_arm(t, TOKEN, 1000));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (code_at(t, cases[i].local, 1000) != cases[i].code)
			fail_msg("'%s': got %u, want %u", cases[i].local, code_at(t, cases[i].local, 1000), cases[i].code);
	tracer_free(t);
}

static void there_is_one_at_a_time_and_it_ends(void **state)
{
	struct tracer *t = tracer_new();

	(void)state;
	assert_false(tracer_armed(NULL, 0));
	assert_false(tracer_armed(t, 1000));
	assert_true(tracer_arm(t, TOKEN, 1000));
	assert_true(tracer_armed(t, 1000 + TRACER_LIFE_MS - 1));
	assert_false(tracer_arm(t, OTHER, 1000 + TRACER_LIFE_MS - 1));
	assert_int_equal(code_at(t, TRACER_BEFORE TOKEN "-550", 1000 + TRACER_LIFE_MS - 1), 550);
	assert_int_equal(code_at(t, TRACER_BEFORE TOKEN "-550", 1000 + TRACER_LIFE_MS), 0);
	assert_false(tracer_armed(t, 1000 + TRACER_LIFE_MS));
	assert_true(tracer_arm(t, OTHER, 1000 + TRACER_LIFE_MS));
	tracer_disarm(t, TOKEN);
	tracer_disarm(t, "");
	assert_true(tracer_armed(t, 1001 + TRACER_LIFE_MS));
	tracer_disarm(t, OTHER);
	assert_false(tracer_armed(t, 1001 + TRACER_LIFE_MS));
	tracer_free(t);
}

static void only_a_token_is_taken(void **state)
{
	static const char *const wrong[] = { "", "0", TOKEN "0", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef 123456789abcdef", "done" };
	struct tracer *t = tracer_new();

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(tracer_arm(t, wrong[i], 1000));
	tracer_free(t);
	tracer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is_asked_for),
		cmocka_unit_test(there_is_one_at_a_time_and_it_ends),
		cmocka_unit_test(only_a_token_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
