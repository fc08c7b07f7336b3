/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of header fields, its charsets and encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "filter/mail/charset.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/transfer.h"

static void decodes(const char *value, const char *want, size_t want_len)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4096);

	encoded_word_decode(&out, value, strlen(value));
	assert_int_equal(out.len, want_len);
	assert_memory_equal(text_str(&out), want, want_len);
}

#define DECODES(value, want) decodes(value, want, sizeof(want) - 1)

static void test_words(void **state)
{
	(void)state;
	DECODES("plain text", "plain text");
	DECODES(" folded\r\n\ttext ", "folded text");
	DECODES("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße");
	DECODES("=?UTF-8?B?R3LDvMOfZQ==?= aus K=?iso-8859-1?Q?=F6ln?=", "Grüße aus Köln");
	DECODES("=?iso-8859-1?q?a_b=5Fc?=", "a b_c");
	DECODES("=?utf-8?q?a?= =?utf-8?q?b?=\r\n =?utf-8?q?c?= d", "abc d");
	DECODES("=?utf-8?q?a?= =?iso-8859-15?q?=A4?=", "a€");
	/* a character cut between two words, as many write it */
	DECODES("=?utf-8?b?4pw=?= =?utf-8?b?kw==?=", "✓");
	DECODES("=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "日本語");
	DECODES("=?utf-8*de?q?Tag?=", "Tag");
	/* what is none stays what it is */
	DECODES("=?utf-8?x?a?=", "=?utf-8?x?a?=");
	DECODES("=?utf-8?q?a", "=?utf-8?q?a");
	DECODES("=??q?a?=", "=??q?a?=");
	DECODES("a =? b", "a =? b");
	/* what is hidden in one is seen */
	DECODES("=?utf-8?q?ca=00sh?=", "ca\0sh");
	DECODES("\"=?utf-8?q?quoted?=\"", "\"quoted\"");
	DECODES("=?utf-8?b?YQ=?=", "a");
	DECODES("=?utf-8?b?Y!W-I=?=", "ab");
	/* octets that say nothing of themselves */
	DECODES("Gr\xc3\xbc\xc3\x9f" "e", "Grüße");
	DECODES("Gr\xfc\xdf" "e", "Grüße");
	DECODES("=?x-nobody-knows?q?Gr=FC=DFe?=", "Grüße");
}

static void converts(const char *charset, const char *bytes, size_t len, const char *want)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4096);

	charset_to_utf8(&out, charset, strlen(charset), bytes, len);
	assert_string_equal(text_str(&out), want);
}

static void test_charsets(void **state)
{
	(void)state;
	converts("utf-8", "a\xff" "b\xc3", 4, "a\xef\xbf\xbd" "b\xef\xbf\xbd");
	converts("us-ascii", "\x93x\x94", 3, "“x”");
	converts("ISO-8859-1", "\x80", 1, "€");
	converts("windows-1251", "\xcf\xf0", 2, "Пр");
	converts("shift_jis", "\x93\xfa\x96\x7b", 4, "日本");
	converts("gb2312", "\xc4\xe3", 2, "你");
	converts("utf-16le", "a\0b\0", 4, "ab");
	converts("utf-7", "+AGEAYg-", 8, "ab");
	converts("windows-1256", "\xc7", 1, "ا");
	converts("iso-2022-jp", "\x1b$B\xff", 4, "\xef\xbf\xbd");
	assert_true(charset_is_known("Utf-8", 5));
	assert_false(charset_is_known("ISO-2022-CN-EXT", 15));
}

static void test_what_does_not_fit_is_cut_between_characters(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4);

	(void)state;
	charset_to_utf8(&out, "utf-8", 5, "aüöä", 7);
	assert_true(out.failed);
	assert_string_equal(text_str(&out), "aü");
}

static void test_transfer(void **state)
{
	static const struct {
		enum transfer_encoding encoding;
		const char *in, *out;
		bool junk;
	} cases[] = {
		{ TRANSFER_BASE64, "aGVs\r\nbG8=\r\n", "hello", false },
		{ TRANSFER_BASE64, "aG!Vs*bG8=", "hello", true },
		{ TRANSFER_BASE64, "aGVsbG8", "hello", false },
		{ TRANSFER_BASE64, "aGVsbG8=\r\nbW9yZQ==", "hellomore", true },
		{ TRANSFER_QUOTED_PRINTABLE, "a=\r\nb=3D=20\r\n", "ab= \r\n", false },
		{ TRANSFER_QUOTED_PRINTABLE, "a= \r\nb", "ab", false },
		{ TRANSFER_QUOTED_PRINTABLE, "a=zb", "a=zb", true },
		{ TRANSFER_QUOTED_PRINTABLE, "end=", "end", false },
		{ TRANSFER_UUENCODE, "begin 644 x\n#86)C\n`\nend\n", "abc", false },
		{ TRANSFER_UNKNOWN, "as it is=", "as it is=", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(100);

		assert_int_equal(transfer_decode(&out, cases[i].encoding, cases[i].in, strlen(cases[i].in)), !cases[i].junk);
		assert_string_equal(text_str(&out), cases[i].out);
	}
	assert_int_equal(transfer_encoding_of("BASE64", 6), TRANSFER_BASE64);
	assert_int_equal(transfer_encoding_of("base64;", 7), TRANSFER_UNKNOWN);
}

/* Longer than what is decoded at once. */
static void test_transfer_of_much(void **state)
{
	SLUICE_CLEANUP(text_done) struct text in = TEXT_INIT(100000), out = TEXT_INIT(100000), little = TEXT_INIT(1000);

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		text_adds(&in, "YWJj");
	assert_true(transfer_decode(&out, TRANSFER_BASE64, in.bytes, in.len));
	assert_int_equal(out.len, 60000);
	for (size_t i = 0; i < out.len; i++)
		assert_int_equal(out.bytes[i], "abc"[i % 3]);
	assert_false(transfer_decode(&little, TRANSFER_BASE64, in.bytes, in.len));
	assert_in_range(little.len, 900, 1000);
	assert_true(little.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_what_does_not_fit_is_cut_between_characters),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_transfer_of_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
