/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "filter/observe/once.h"

static void a_thing_is_said_once_an_hour(void **state)
{
	struct once *o = once_new();

	(void)state;
	assert_true(once_first(o, "a", 1, 5));
	assert_false(once_first(o, "a", 1, 6));
	assert_true(once_first(o, "b", 1, 6));
	assert_false(once_first(o, "a", 1, 5 + ONCE_MS - 1));
	assert_true(once_first(o, "a", 1, 5 + ONCE_MS));
	assert_false(once_first(o, "a", 1, 6 + ONCE_MS));
	once_free(o);
}

static void the_oldest_are_forgotten_first(void **state)
{
	struct once *o = once_new();

	(void)state;
	for (int i = 0; i <= ONCE_MAX; i++)
		assert_true(once_first(o, &i, sizeof i, i));
	for (int i = ONCE_MAX; i > 1; i--)
		assert_false(once_first(o, &i, sizeof i, ONCE_MAX));
	assert_true(once_first(o, &(int){ 0 }, sizeof(int), ONCE_MAX));
	once_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thing_is_said_once_an_hour),
		cmocka_unit_test(the_oldest_are_forgotten_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
