/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/base/text.h"
#include "filter/mail/dmarc_uri.h"

static const struct {
	const char *list, *want; /* addresses, with the limit where there is one */
} rows[] = {
	{ "mailto:a@example.net", "a@example.net\n" },
	{ " mailto:a@example.net , MAILTO:b@Example.ORG ", "a@example.net\nb@example.org\n" },
	{ "mailto:a@example.net!10m,mailto:b@example.net!50K,mailto:c@example.net!7",
		"a@example.net 10485760\nb@example.net 51200\nc@example.net 7\n" },
	{ "mailto:a@example.net!2g,mailto:b@example.net!1t",
		"a@example.net 2147483648\nb@example.net 1099511627776\n" },
	{ "mailto:a@example.net,mailto:A@example.net,mailto:a@EXAMPLE.net", "a@example.net\nA@example.net\n" },
	{ "mailto:a%2Bb@example.net,mailto:a+b@example.com", "a+b@example.net\na+b@example.com\n" },
	{ "mailto:a%21b@example.net", "a!b@example.net\n" },
	{ "mailto:a@example.net?subject=x%0d%0abcc", "a@example.net\n" },
	{ "mailto:a@b\xc3\xbc"
	  "cher.example",
		"a@xn--bcher-kva.example\n" },
	/* not for mail, or for no address that is one */
	{ "", "" },
	{ ",", "" },
	{ "mailto:", "" },
	{ "mailto:@example.net", "" },
	{ "mailto:a", "" },
	{ "mailto:a@", "" },
	{ "mailto:a@localhost", "" },
	{ "mailto:a@example.net.", "" },
	{ "mailto:a@[192.0.2.1]", "" },
	{ "mailto:a@192.0.2.1 x", "" },
	{ "mailto:a@example..net", "" },
	{ "mailto:.a@example.net,mailto:a.@example.net,mailto:a..b@example.net", "" },
	{ "mailto:\"a b\"@example.net", "" },
	{ "mailto:a%20b@example.net", "" },
	{ "mailto:a%0D%0Abcc:b@example.net", "" },
	{ "mailto:a%00@example.net", "" },
	{ "mailto:a%2Cb@example.net", "" },
	{ "mailto:a%3Cb%3E@example.net", "" },
	{ "mailto:a%2@example.net,mailto:a%@example.net,mailto:a%zz@example.net,mailto:a@example.net%", "" },
	{ "mailto:a@example.net!,mailto:a@example.net!m,mailto:a@example.net!-1,mailto:a@example.net!1x", "" },
	{ "mailto:a@example.net!99999999999999999999,mailto:a@example.net!18446744073709551615k", "" },
	{ "https://example.net/,ftp:a@example.net,a@example.net", "" },
};

static void print(struct text *out, const char *list, size_t len)
{
	struct dmarc_uri uris[DMARC_URIS_MAX];
	char *copy = malloc(len ? len : 1); /* so that a sanitizer sees who reads on */
	size_t count;

	assert_non_null(copy);
	memcpy(copy, list, len);
	count = dmarc_uris_read(copy, len, uris);
	free(copy);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(uris[i].domain, strrchr(uris[i].address, '@') + 1);
		text_adds(out, uris[i].address);
		if (uris[i].max_bytes != UINT64_MAX)
			text_addf(out, " %llu", (unsigned long long)uris[i].max_bytes);
		text_addc(out, '\n');
	}
}

static void reads_addresses_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(10000);

		print(&got, rows[i].list, strlen(rows[i].list));
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].list, text_str(&got), rows[i].want);
	}
}

static void there_are_ten_at_most(void **state)
{
	SLUICE_CLEANUP(text_done) struct text list = TEXT_INIT(100000), got = TEXT_INIT(100000);
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		text_addf(&list, "mailto:a%d@example.net,", i);
	print(&got, list.bytes, list.len);
	for (size_t i = 0; i < got.len; i++)
		lines += got.bytes[i] == '\n';
	assert_int_equal(lines, DMARC_URIS_MAX);
	text_clear(&got);
	for (int i = 0; i < 1000; i++)
		text_adds(&list, ",,,,");
	print(&got, list.bytes, list.len);
	assert_int_equal(got.len, 0); /* too long */
}

static void what_is_too_long_is_no_address(void **state)
{
	SLUICE_CLEANUP(text_done) struct text list = TEXT_INIT(100000), got = TEXT_INIT(100000);

	(void)state;
	text_addf(&list, "mailto:%065d@example.net,mailto:%064d@example.net,mailto:a@", 1, 2);
	for (int i = 0; i < 130; i++)
		text_adds(&list, "a.");
	text_adds(&list, "example,mailto:a@example.net");
	print(&got, list.bytes, list.len);
	assert_string_equal(text_str(&got),
		"0000000000000000000000000000000000000000000000000000000000000002@example.net\n"
		"a@example.net\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_and_nothing_else),
		cmocka_unit_test(there_are_ten_at_most),
		cmocka_unit_test(what_is_too_long_is_no_address),
	};

	return cmocka_run_group_tests_name("dmarc_uri", tests, NULL, NULL);
}
