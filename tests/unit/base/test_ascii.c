/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

static void characters_are_those_of_ascii(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z', digit = i >= '0' && i <= '9';

		if (ascii_lower(c) != (upper ? (char)(i + 32) : c) || ascii_is_alpha(c) != (upper || lower) ||
			ascii_is_digit(c) != digit || ascii_is_alnum(c) != (upper || lower || digit) ||
			ascii_is_space(c) != (i == 32 || i == 9 || i == 10 || i == 13))
			fail_msg("octet %d", i);
	}
}

static void tells_what_is_beyond_ascii(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool want;
	} rows[] = {
		{ "", 0, true },
		{ "a\0\x01\x7f", 4, true },
		{ "a\x80", 2, false },
		{ "a\x80", 1, true },
		{ "\xff", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (ascii_only(rows[i].text, rows[i].len) != rows[i].want)
			fail_msg("row %zu", i);
}

static void compares_without_case(void **state)
{
	static const struct {
		const char *a;
		size_t a_len;
		const char *b;
		bool want;
	} rows[] = {
		{ "", 0, "", true },
		{ "Example.ORG", 11, "example.org", true },
		{ "example.org", 10, "example.org", false },
		{ "a[", 2, "A{", false },
		{ "\xc4", 1, "\xe4", false },
		{ "a\0b", 3, "a", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (ascii_equals(rows[i].a, rows[i].a_len, rows[i].b) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

static void reads_numbers_up_to_a_maximum(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool want;
		uint64_t value;
	} rows[] = {
		{ "", 10, false, 0 },
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "007", 9, true, 7 },
		{ "255", 255, true, 255 },
		{ "256", 255, false, 0 },
		{ "9", 3, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999999", UINT64_MAX, false, 0 },
		{ "-1", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "0x1", 100, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 0;
		bool got = ascii_to_u64(rows[i].text, strlen(rows[i].text), rows[i].max, &value);

		if (got != rows[i].want || value != rows[i].value)
			fail_msg("'%s'", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_those_of_ascii),
		cmocka_unit_test(tells_what_is_beyond_ascii),
		cmocka_unit_test(compares_without_case),
		cmocka_unit_test(reads_numbers_up_to_a_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
