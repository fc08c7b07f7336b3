/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "filter/mail/token_char.h"

static const struct {
	uint32_t code;
	enum token_char want;
	uint32_t want_code;
} rows[] = {
	{ 'A', TOKEN_CHAR_WORD, 'a' },
	{ '7', TOKEN_CHAR_WORD, '7' },
	{ '-', TOKEN_CHAR_GAP, '-' },
	{ 0, TOKEN_CHAR_GAP, 0 },
	{ 0xa0, TOKEN_CHAR_GAP, 0xa0 },
	{ 0xa3, TOKEN_CHAR_WORD, 0xa3 }, /* pound sign */
	{ 0xad, TOKEN_CHAR_NOTHING, 0xad },
	{ 0xc5, TOKEN_CHAR_WORD, 'a' },
	{ 0xc6, TOKEN_CHAR_WORD, 0xe6 }, /* ae */
	{ 0xdf, TOKEN_CHAR_WORD, 0xdf }, /* sharp s */
	{ 0xf8, TOKEN_CHAR_WORD, 'o' },
	{ 0x131, TOKEN_CHAR_WORD, 'i' },
	{ 0x152, TOKEN_CHAR_WORD, 0x153 }, /* oe */
	{ 0x17f, TOKEN_CHAR_WORD, 's' },
	{ 0x301, TOKEN_CHAR_NOTHING, 0x301 },
	{ 0x391, TOKEN_CHAR_WORD, 0x3b1 },
	{ 0x3ac, TOKEN_CHAR_WORD, 0x3b1 },
	{ 0x3c2, TOKEN_CHAR_WORD, 0x3c3 },
	{ 0x401, TOKEN_CHAR_WORD, 0x435 },
	{ 0x402, TOKEN_CHAR_WORD, 0x452 },
	{ 0x416, TOKEN_CHAR_WORD, 0x436 },
	{ 0x490, TOKEN_CHAR_WORD, 0x491 },
	{ 0x4c1, TOKEN_CHAR_WORD, 0x4c2 },
	{ 0x4c2, TOKEN_CHAR_WORD, 0x4c2 },
	{ 0x531, TOKEN_CHAR_WORD, 0x561 },
	{ 0x5d0, TOKEN_CHAR_WORD, 0x5d0 },
	{ 0x5b0, TOKEN_CHAR_NOTHING, 0x5b0 },
	{ 0x627, TOKEN_CHAR_WORD, 0x627 },
	{ 0x640, TOKEN_CHAR_NOTHING, 0x640 },
	{ 0x915, TOKEN_CHAR_WORD, 0x915 },
	{ 0xe01, TOKEN_CHAR_RUN, 0xe01 },
	{ 0x1ea4, TOKEN_CHAR_WORD, 'a' },
	{ 0x200d, TOKEN_CHAR_NOTHING, 0x200d },
	{ 0x2014, TOKEN_CHAR_GAP, 0x2014 },
	{ 0x20ac, TOKEN_CHAR_WORD, 0x20ac }, /* euro sign */
	{ 0x24b6, TOKEN_CHAR_WORD, 'a' },
	{ 0x24e9, TOKEN_CHAR_WORD, 'z' },
	{ 0x2605, TOKEN_CHAR_ALONE, 0x2605 },
	{ 0x3001, TOKEN_CHAR_GAP, 0x3001 },
	{ 0x3042, TOKEN_CHAR_RUN, 0x3042 },
	{ 0x30fc, TOKEN_CHAR_RUN, 0x30fc },
	{ 0x4e00, TOKEN_CHAR_RUN, 0x4e00 },
	{ 0xac00, TOKEN_CHAR_WORD, 0xac00 }, /* Korean has blanks */
	{ 0xff21, TOKEN_CHAR_WORD, 'a' },
	{ 0xff01, TOKEN_CHAR_GAP, '!' },
	{ 0xfffd, TOKEN_CHAR_GAP, 0xfffd },
	{ 0x1d400, TOKEN_CHAR_WORD, 'a' },
	{ 0x1d6a3, TOKEN_CHAR_WORD, 'z' },
	{ 0x1d7ff, TOKEN_CHAR_WORD, '9' },
	{ 0x1f130, TOKEN_CHAR_WORD, 'a' },
	{ 0x1f189, TOKEN_CHAR_WORD, 'z' },
	{ 0x1f525, TOKEN_CHAR_ALONE, 0x1f525 },
	{ 0x20000, TOKEN_CHAR_RUN, 0x20000 },
	{ 0xe0041, TOKEN_CHAR_NOTHING, 0xe0041 },
	{ 0x10ffff, TOKEN_CHAR_NOTHING, 0x10ffff },
};

static void knows_what_is_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t code = rows[i].code;
		enum token_char got = token_char_fold(&code);

		if (got != rows[i].want || code != rows[i].want_code)
			fail_msg("U+%04X: got %d, U+%04X; want %d, U+%04X", rows[i].code, (int)got, code, (int)rows[i].want, rows[i].want_code);
	}
}

/* What was folded stays as it is: else a word would depend on how often it went through. */
static void folds_once_and_for_all(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t once = c, twice;
		enum token_char type = token_char_fold(&once);

		twice = once;
		if (type == TOKEN_CHAR_WORD && (token_char_fold(&twice) != type || twice != once))
			fail_msg("U+%04X: U+%04X, then U+%04X", c, once, twice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_is_meant),
		cmocka_unit_test(folds_once_and_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
