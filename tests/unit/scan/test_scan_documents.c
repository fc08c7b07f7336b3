/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/scan/scan_office.h"
#include "filter/scan/scan_onenote.h"
#include "filter/scan/scan_rtf.h"

/* ---- RTF ---- */

static const struct {
	const char *text;
	bool embedded, external;
} rtf[] = {
	{ "{\\rtf1 hello}", false, false },
	{ "{\\rt\\*\\objdata 01}", true, false },
	{ "{\\rtf1{\\object\\OBJUPDATE}}", true, false },
	{ "{\\rtf1\\objdatax}", false, false },
	{ "{\\rtf1{\\*\\template C:\\x.dot}}", false, false },
	{ "{\\rtf1{\\*\\template http://x.example/x.dot}}", false, true },
	{ "{\\rtf1{\\*\\template \\\\\\\\server\\x.dot}}", false, true },
	{ "{\\rtf1{\\field DDEAUTO cmd}}", false, true },
	{ "{\\rtf1\\", false, false },
};

static void objects_of_rtf_are_found(void **state)
{
	struct scan_rtf got;

	(void)state;
	assert_false(scan_rtf_read("{\\r", 3, &got));
	for (size_t i = 0; i < ARRAY_LEN(rtf); i++) {
		assert_true(scan_rtf_read(rtf[i].text, strlen(rtf[i].text), &got));
		if (!got.embedded != !rtf[i].embedded || !got.external != !rtf[i].external)
			fail_msg("%s", rtf[i].text);
	}
}

/* ---- Office ---- */

#define EXTERNAL(type) "<Relationship TargetMode=\"External\" Target=\"http://x.example/\" Type=\"http://schemas.example/relationships/" type "\"/>"

static const struct {
	const char *name, *content;
	bool macro, embedded, external;
} parts[] = {
	{ "word/document.xml", "<w:document/>", false, false, false },
	{ "word/vbaProject.bin", "", true, false, false },
	{ "XL/MACROSHEETS/sheet1.xml", "", true, false, false },
	{ "[Content_Types].xml", "<Override ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/>", true, false, false },
	{ "x.xml", "macroEnabled", false, false, false },
	{ "word/embeddings/a.bin", "", false, true, false },
	{ "word/_rels/x.rels", EXTERNAL("attachedTemplate"), false, false, true },
	{ "word/_rels/x.rels", EXTERNAL("hyperlink"), false, false, false },
	{ "word/_rels/x.rels", "<Relationship Target=\"x\" Type=\"x/attachedTemplate\"/>", false, false, false },
	{ "word/document.xml", "<w:instrText>DDEAUTO cmd</w:instrText>", false, false, true },
	{ "Basic/Standard/script-lb.xml", "", true, false, false },
};

static void parts_of_documents_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct scan_office got = { 0 };

		scan_office_part(&got, parts[i].name, strlen(parts[i].name), parts[i].content, strlen(parts[i].content));
		if (!got.macro != !parts[i].macro || !got.embedded != !parts[i].embedded || !got.external != !parts[i].external)
			fail_msg("%zu: %s", i, parts[i].name);
	}
}

static void only_markup_is_taken_for_markup(void **state)
{
	(void)state;
	assert_true(scan_office_markup("a.xml", 5, "<?xml", 5));
	assert_true(scan_office_markup("a.rels", 6, "\xef\xbb\xbf<x", 5));
	assert_true(scan_office_markup("a.xml", 5, "\xff\xfe<\0x\0", 6));
	assert_false(scan_office_markup("a.xml", 5, "MZ", 2));
	assert_false(scan_office_markup("a.bin", 5, "<?xml", 5));
	assert_false(scan_office_markup("a.xml", 5, "", 0));
}

/* ---- OneNote ---- */

static void files_of_a_notebook_are_found(void **state)
{
	static const char book[] = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3"
				   "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac\3\0\0\0\0\0\0\0............abc...."
				   "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac\xff\xff\xff\xff\xff\xff\xff\xff............end";
	const char *file;
	size_t at = 0, len;

	(void)state;
	assert_true(scan_onenote_is(book, sizeof book - 1));
	assert_false(scan_onenote_is(book, 15));
	assert_true(scan_onenote_next(book, sizeof book - 1, &at, &file, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(file, "abc", 3);
	assert_true(scan_onenote_next(book, sizeof book - 1, &at, &file, &len)); /* a length beyond the end is cut */
	assert_int_equal(len, 3);
	assert_memory_equal(file, "end", 3);
	assert_false(scan_onenote_next(book, sizeof book - 1, &at, &file, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_rtf_are_found),
		cmocka_unit_test(parts_of_documents_are_read),
		cmocka_unit_test(only_markup_is_taken_for_markup),
		cmocka_unit_test(files_of_a_notebook_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
