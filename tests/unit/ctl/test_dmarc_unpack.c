/* SPDX-License-Identifier: BSD-2-Clause */
/* Archives and mails that are made by others' programs are in tests/ctl/test_dmarc_read.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/ctl/dmarc_unpack.h"

static void on_xml(void *arg, const char *xml, size_t len)
{
	struct text *found = arg;

	text_add(found, xml, len);
	text_addc(found, '|');
}

static int unpack(const char *bytes, size_t len, struct text *found, struct err *err)
{
	char *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	*err = (struct err){ "" };
	r = dmarc_unpack(copy, len, on_xml, found, err);
	free(copy);
	return r;
}

#define GZIP "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03" /* and nothing of it */
#define MIME "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
#define B64  "PHgvPg==" /* <x/> */

static const struct {
	const char *bytes;
	size_t len; /* 0: a C string */
	const char *found, *error;
} rows[] = {
	{ "<x/>", 0, "<x/>|", NULL },
	{ "\n\t <x/>", 0, "\n\t <x/>|", NULL },
	{ "", 0, "", "it is empty" },
	{ GZIP, sizeof GZIP - 1, "", "it is cut off or damaged" },
	{ "\x1f\x8b", 2, "", "it is cut off or damaged" },
	{ "PK\x03\x04", 4, "", "the zip archive cannot be read" },
	{ "PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "", "there is no file in the archive" },
	{ "\0\1\2\3", 4, "", "it is no report, and no mail with one" },
	{ "hello", 0, "", "it is no report, and no mail with one" },
	{ "Subject: x\r\n\r\n<x/>\r\n", 0, "", "it is no report, and no mail with one" },
	/* mails */
	{ "Content-Type: text/xml\r\n\r\n<x/>", 0, "<x/>|", NULL },
	{ "Content-Type: application/octet-stream; name=\"a!b!1!2.XML\"\nContent-Transfer-Encoding: base64\n\n" B64
	  "\n",
		0, "<x/>|", NULL },
	{ "From a@b Thu Jan  1 00:00:00 1970\nContent-Type: text/xml\n\n<x/>", 0, "<x/>|", NULL },
	{ MIME "--x\r\n\r\nhello\r\n--x\r\nContent-Type: APPLICATION/XML\r\nContent-Transfer-Encoding: "
	       "base64\r\n\r\n" B64 "\r\n--x--\r\n",
		0, "<x/>|", NULL },
	{ MIME "--x\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--x\r\nContent-Type: text/xml\r\n\r\n<b/>\r\n--x--\r\n", 0,
		"<a/>|<b/>|", NULL },
	{ MIME "--x\r\nContent-Type: text/html\r\n\r\n<x/>\r\n--x--\r\n", 0, "", "no mail with one" },
	{ MIME "--x\r\nContent-Type: application/gzip\r\n\r\nnot\r\n--x--\r\n", 0, "", "no mail with one" },
	{ MIME "--x\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: "
	       "base64\r\n\r\nH4sIAAAAAAACAw==\r\n--x--\r\n",
		0, "", "it is cut off or damaged" },
	{ MIME, 0, "", "no mail with one" },
	{ MIME "--x", 0, "", "no mail with one" },
};

static void finds_the_xml(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text found = TEXT_INIT(10000);
		struct err err;
		int r = unpack(rows[i].bytes, rows[i].len ? rows[i].len : strlen(rows[i].bytes), &found, &err);

		if (strcmp(text_str(&found), rows[i].found) != 0 || (r < 0) != (rows[i].error != NULL) ||
			(r < 0 && !strstr(err.text, rows[i].error)))
			fail_msg("row %zu: %d '%s' found '%s'", i, r, err.text, text_str(&found));
	}
}

static void a_mail_of_many_levels_is_not_read(void **state)
{
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(64 << 20), found = TEXT_INIT(10000);
	struct err err;

	(void)state;
	for (int i = 0; i < 200000; i++)
		text_addf(&mail, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	assert_true(unpack(mail.bytes, mail.len, &found, &err) < 0);
	assert_non_null(strstr(err.text, "parts within parts"));
	text_clear(&mail);
	for (int i = 0; i < 200000; i++)
		text_adds(&mail, "Content-Type: MESSAGE/rfc822\n\n");
	assert_true(unpack(mail.bytes, mail.len, &found, &err) < 0);
	assert_non_null(strstr(err.text, "parts within parts"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_xml),
		cmocka_unit_test(a_mail_of_many_levels_is_not_read),
	};

	return cmocka_run_group_tests_name("dmarc_unpack", tests, NULL, NULL);
}
