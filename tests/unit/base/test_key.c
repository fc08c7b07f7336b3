/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/key.h"

static void no_part_can_be_taken_for_two(void **state)
{
	static const struct {
		const char *a, *b, *want;
		bool fold;
	} rows[] = {
		{ "192.0.2.0/24", "Bob", "k|192.0.2.0/24|Bob", false },
		{ "A@Example.ORG", "", "k|a@example.org|", true },
		{ "a|b", "c", "k|a%7cb|c", false },
		{ "a", "b|c", "k|a|b%7cc", false },
		{ "100%", "a b\t\n\x7f", "k|100%25|a%20b%09%0a%7f", false },
		{ "j\xc3\xb6rg", "x", "k|j\xc3\xb6rg|x", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(1024);

		text_adds(&key, "k");
		key_add(&key, rows[i].a, strlen(rows[i].a), rows[i].fold);
		key_add(&key, rows[i].b, strlen(rows[i].b), rows[i].fold);
		assert_string_equal(text_str(&key), rows[i].want);
	}
}

static void a_part_can_be_given_as_it_is_shown(void **state)
{
	static const char *const rows[][2] = {
		{ "a%7cb%20c%25", "a|b c%" }, { "%7C", "|" }, { "100%", "100%" }, { "%2", "%2" }, { "%zz", "%zz" }, { "%41%de", "%41%de" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(64);

		key_unescape(&got, rows[i][0], strlen(rows[i][0]));
		assert_string_equal(text_str(&got), rows[i][1]);
	}
}

static void a_long_key_is_cut_and_stays_itself(void **state)
{
	SLUICE_CLEANUP(text_done) struct text a = TEXT_INIT(1024), b = TEXT_INIT(1024), again = TEXT_INIT(1024);

	(void)state;
	for (int i = 0; i < 100; i++) {
		text_adds(&a, "0123456789");
		text_adds(&b, i == 99 ? "012345678x" : "0123456789");
	}
	text_add(&again, a.bytes, a.len);
	key_shorten(&a, 400);
	key_shorten(&b, 400);
	key_shorten(&again, 400);
	assert_int_equal(a.len, 400);
	assert_int_equal(b.len, 400);
	assert_string_equal(text_str(&a), text_str(&again));
	assert_string_not_equal(text_str(&a), text_str(&b));
	assert_memory_equal(a.bytes, "01234567890123456789", 20);
	key_shorten(&a, 400);
	assert_string_equal(text_str(&a), text_str(&again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_part_can_be_taken_for_two),
		cmocka_unit_test(a_part_can_be_given_as_it_is_shown),
		cmocka_unit_test(a_long_key_is_cut_and_stays_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
