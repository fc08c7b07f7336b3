/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "filter/base/text_set.h"

static void what_was_added_is_there_once_and_in_order(void **state)
{
	struct text_set s;
	char name[32];
	const char *text;
	size_t at = 0, len, i = 0;

	(void)state;
	text_set_init(&s);
	assert_false(text_set_has(&s, "a", 1));
	for (int k = 0; k < 20000; k++)
		assert_true(text_set_add(&s, name, (size_t)snprintf(name, sizeof name, "d%d.example", k % 10000)));
	assert_int_equal(s.len, 10000);
	for (; (text = text_set_next(&s, &at, &len)) != NULL; i++) {
		assert_int_equal(len, snprintf(name, sizeof name, "d%zu.example", i));
		assert_memory_equal(text, name, len);
		assert_true(text_set_has(&s, name, len));
	}
	assert_int_equal(i, 10000);
	assert_false(text_set_has(&s, "d10000.example", 14));
	assert_false(text_set_has(&s, "d1.exampl", 9));
	text_set_done(&s);
}

static void any_octets_up_to_the_longest(void **state)
{
	char longest[TEXT_SET_MAX_LEN + 1];
	struct text_set s;

	(void)state;
	memset(longest, 'x', sizeof longest);
	text_set_init(&s);
	assert_true(text_set_add(&s, "", 0));
	assert_true(text_set_has(&s, "", 0));
	assert_true(text_set_add(&s, "a\0b", 3));
	assert_true(text_set_has(&s, "a\0b", 3));
	assert_false(text_set_has(&s, "a\0c", 3));
	assert_true(text_set_add(&s, longest, TEXT_SET_MAX_LEN));
	assert_true(text_set_has(&s, longest, TEXT_SET_MAX_LEN));
	assert_false(text_set_add(&s, longest, TEXT_SET_MAX_LEN + 1));
	assert_int_equal(s.len, 3);
	text_set_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_there_once_and_in_order),
		cmocka_unit_test(any_octets_up_to_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
