/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/base64.h"

static void encodes_and_decodes(void **state)
{
	static const struct {
		const char *plain, *base64;
	} rows[] = {
		/* RFC 4648 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd\xfc", "//79/A==" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text base64 = TEXT_INIT(100), plain = TEXT_INIT(100);

		base64_encode(&base64, rows[i].plain, strlen(rows[i].plain));
		assert_string_equal(text_str(&base64), rows[i].base64);
		assert_true(base64_decode(&plain, rows[i].base64, strlen(rows[i].base64)));
		assert_string_equal(text_str(&plain), rows[i].plain);
	}
}

static void is_as_patient_as_mail_needs_and_no_more(void **state)
{
	static const struct {
		const char *base64;
		bool good;
		const char *plain;
	} rows[] = {
		{ " Zm9v\r\n\tYmFy ", true, "foobar" },
		{ "Zg", true, "f" },
		{ "Zm8", true, "fo" },
		{ "Zg=", true, "f" },
		{ "Z g = =", true, "f" },
		/* what can be read of it is read all the same */
		{ "Zg===", false, "f" },
		{ "Zm9v=", false, "foo" },
		{ "Zg==Zg==", false, "ff" },
		{ "Z", false, "" },
		{ "Zm9v!", false, "foo" },
		{ "Zm9v-_", false, "foo" },
		{ "Zm\x80v", false, "fk" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text plain = TEXT_INIT(100);
		bool good = base64_decode(&plain, rows[i].base64, strlen(rows[i].base64));

		if (good != rows[i].good || strcmp(text_str(&plain), rows[i].plain) != 0)
			fail_msg("'%s': got %d '%s'", rows[i].base64, good, text_str(&plain));
	}
}

static void what_does_not_fit_is_said(void **state)
{
	SLUICE_CLEANUP(text_done) struct text plain = TEXT_INIT(2);

	(void)state;
	assert_false(base64_decode(&plain, "Zm9v", 4));
	assert_true(plain.failed);
}

static void any_length_comes_back(void **state)
{
	char octets[300];

	(void)state;
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (char)(i * 7);
	for (size_t len = 0; len <= sizeof octets; len++) {
		SLUICE_CLEANUP(text_done) struct text base64 = TEXT_INIT(500), back = TEXT_INIT(300);

		base64_encode(&base64, octets, len);
		assert_true(base64_decode(&back, text_str(&base64), base64.len));
		assert_int_equal(back.len, len);
		assert_memory_equal(text_str(&back), octets, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(any_length_comes_back),
		cmocka_unit_test(is_as_patient_as_mail_needs_and_no_more),
		cmocka_unit_test(what_does_not_fit_is_said),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
