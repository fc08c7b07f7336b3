/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/base/utf8.h"

static void knows_the_well_formed_sequences(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, want;
	} rows[] = {
		{ "", 0, 0 },
		{ "a", 1, 1 },
		{ "\0", 1, 1 },
		{ "\x7f", 1, 1 },
		{ "\x80", 1, 0 },
		{ "\xbf", 1, 0 },
		{ "\xc0\x80", 2, 0 },
		{ "\xc1\xbf", 2, 0 },
		{ "\xc2\x80", 2, 2 },
		{ "\xc2", 1, 0 },
		{ "\xc2\x41", 2, 0 },
		{ "\xdf\xbf", 2, 2 },
		{ "\xe0\x9f\xbf", 3, 0 },
		{ "\xe0\xa0\x80", 3, 3 },
		{ "\xed\x9f\xbf", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 },
		{ "\xef\xbf\xbf", 3, 3 },
		{ "\xef\xbf", 2, 0 },
		{ "\xf0\x8f\xbf\xbf", 4, 0 },
		{ "\xf0\x90\x80\x80", 4, 4 },
		{ "\xf4\x8f\xbf\xbf", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "\xff", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t got = utf8_char_len(rows[i].bytes, rows[i].len);

		if (got != rows[i].want)
			fail_msg("row %zu: got %zu, want %zu", i, got, rows[i].want);
	}
}

static void a_text_is_valid_when_all_of_it_is(void **state)
{
	(void)state;
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("gr\xc3\xbc\xc3\x9f", 6));
	assert_false(utf8_valid("gr\xc3\xbc\xc3", 5));
	assert_false(utf8_valid("\xe4", 1));
}

static void codes_become_octets_and_octets_codes(void **state)
{
	static const uint32_t codes[] = { 0, 'a', 0x7f, 0x80, 0xe4, 0x7ff, 0x800, 0x20ac, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f600, 0x10ffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char bytes[4];
		size_t n = utf8_encode(codes[i], bytes);

		if (utf8_char_len(bytes, n) != n || utf8_decode(bytes, n) != codes[i])
			fail_msg("code %x: %zu octets, back %x", (unsigned)codes[i], n, (unsigned)utf8_decode(bytes, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_well_formed_sequences),
		cmocka_unit_test(a_text_is_valid_when_all_of_it_is),
		cmocka_unit_test(codes_become_octets_and_octets_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
