/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>
#include <zlib.h>

#include "filter/base/cleanup.h"
#include "filter/base/text.h"
#include "filter/scan/scan_pdf.h"

enum { SCRIPT = 1, LAUNCH = 2, OPENS = 4, EMBEDDED = 8, ENCRYPTED = 16, UNREAD = 32 };

static int bits(const struct scan_pdf *p)
{
	return p->script * SCRIPT | p->launch * LAUNCH | p->opens * OPENS | p->embedded * EMBEDDED | p->encrypted * ENCRYPTED | p->unread * UNREAD;
}

static const struct {
	const char *text;
	int want;
} cases[] = {
	{ "%PDF-1.4 <</Type /Catalog>>", 0 },
	{ "\n\n junk %PDF-1.4 /JavaScript ", SCRIPT },
	{ "%PDF /JS(", SCRIPT },
	{ "%PDF /JSX", 0 },
	{ "%PDF /#4aavaScrip#74", SCRIPT },
	{ "%PDF /Java#5", 0 },
	{ "%PDF <</S/Launch/F(cmd)>>", LAUNCH },
	{ "%PDF /OpenAction 3 0 R", OPENS },
	{ "%PDF /AA<<", OPENS },
	{ "%PDF /EmbeddedFile", EMBEDDED },
	{ "%PDF /EmbeddedFiles", 0 },
	{ "%PDF /Encrypt 4 0 R", ENCRYPTED },
	{ "%PDF <<>> stream\n/JS /AA \nendstream /x", 0 },
	{ "%PDF <<>> stream\n/JavaScript \nendstream", SCRIPT }, /* no chance makes this: somebody hides it */
	{ "%PDF <<>> stream\nx endstream /JS ", SCRIPT },
	{ "%PDF <</Type/ObjStm>> stream\n/JS \nendstream", SCRIPT },
	{ "%PDF <</Type/ObjStm/Filter/LZWDecode>> stream\nx endstream", UNREAD },
	{ "%PDF <</Type/ObjStm/Filter/FlateDecode>> stream\nx endstream", UNREAD },
	{ "%PDF /", 0 },
	{ "%PDF /#", 0 },
};

static void names_say_what_it_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct scan_pdf got;

		assert_true(scan_pdf_read(cases[i].text, strlen(cases[i].text), &got));
		if (bits(&got) != cases[i].want)
			fail_msg("'%s': got %d, want %d", cases[i].text, bits(&got), cases[i].want);
	}
}

static void other_files_are_none(void **state)
{
	struct scan_pdf got;

	(void)state;
	assert_false(scan_pdf_read("", 0, &got));
	assert_false(scan_pdf_read("PDF /JavaScript", 15, &got));
}

/* A file with one stream of objects: `before` octets of blanks, and then a name. */
static struct scan_pdf with_objects(size_t before)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(64u << 20);
	char *plain = malloc(before + 4);
	uLongf packed_len = compressBound(before + 4);
	Bytef *packed = malloc(packed_len);
	struct scan_pdf got;

	assert_non_null(plain);
	assert_non_null(packed);
	memset(plain, ' ', before);
	memcpy(plain + before, "/JS ", 4);
	assert_int_equal(compress(packed, &packed_len, (const Bytef *)plain, before + 4), Z_OK);
	text_adds(&file, "%PDF-1.7 <</Type /ObjStm /Filter /FlateDecode>>\nstream\r\n");
	text_add(&file, packed, packed_len);
	text_adds(&file, "\nendstream");
	assert_true(scan_pdf_read(file.bytes, file.len, &got));
	free(plain);
	free(packed);
	return got;
}

static void streams_of_objects_are_inflated_up_to_a_limit(void **state)
{
	struct scan_pdf got = with_objects(0);

	(void)state;
	assert_int_equal(bits(&got), SCRIPT);
	got = with_objects(300000);
	assert_int_equal(bits(&got), SCRIPT);
	got = with_objects(SCAN_PDF_INFLATED_MAX + 1);
	assert_int_equal(bits(&got), UNREAD);
	assert_int_equal(got.inflated_bytes, SCAN_PDF_INFLATED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_say_what_it_does),
		cmocka_unit_test(other_files_are_none),
		cmocka_unit_test(streams_of_objects_are_inflated_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
