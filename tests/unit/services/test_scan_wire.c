/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "filter/base/cleanup.h"
#include "filter/services/scan_wire.h"

static void an_answer_comes_out_as_it_went_in(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SCAN_ANSWER_MAX);
	struct sluice_scan_answer *a;

	(void)state;
	scan_answer_file(&out, 0, "application/zip", "a.zip", 5);
	scan_answer_found(&out, SLUICE_SCAN_SLIP, "it leaves", "a.zip/../x", 10);
	scan_answer_file(&out, 1, "text/plain", "", 0);
	scan_answer_end(&out, 12345);
	a = scan_answer_read(out.bytes, out.len);
	assert_non_null(a);
	assert_int_equal(a->status, SLUICE_SCAN_OK);
	assert_int_equal(a->file_count, 2);
	assert_string_equal(a->files[0].type, "application/zip");
	assert_string_equal(a->files[0].name, "a.zip");
	assert_int_equal(a->files[1].depth, 1);
	assert_string_equal(a->files[1].name, "");
	assert_int_equal(a->finding_count, 1);
	assert_int_equal(a->findings[0].kind, SLUICE_SCAN_SLIP);
	assert_string_equal(a->findings[0].text, "it leaves");
	assert_string_equal(a->findings[0].name, "a.zip/../x");
	assert_int_equal(a->unpacked_bytes, 12345);
	free(a);
}

static void names_are_made_safe(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = { { "a\tb\nc\x7f", "a?b?c?" }, { "\xff\xc3\xa4", "?\xc3\xa4" }, { "\xc2\x85x", "?x" }, { "\xc2\xa0", "\xc2\xa0" }, { "a\x1b[31m", "a?[31m" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(100);

		text_add_safe(&out, rows[i].name, strlen(rows[i].name), 50);
		assert_string_equal(text_str(&out), rows[i].want);
	}
}

static void names_are_cut_between_characters(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(100);

	(void)state;
	text_add_safe(&out, "ab\xc3\xa4", 4, 3);
	assert_string_equal(text_str(&out), "ab");
}

static const char *const no_answers[] = {
	"", "end", "end\t", "end\t1\n", "file\t0\ttext/plain\ta\n", "file\t0\ttext/plain\ta\nend\t1\nx", "file\t0\ttext/plain\ta\nend\t1\nend\t1\n",
	"file\tx\ttext/plain\ta\nend\t1\n", "file\t-1\ttext/plain\ta\nend\t1\n", "file\t101\ttext/plain\ta\nend\t1\n", "file\t0\ttext\ta\nend\t1\n",
	"file\t0\tText/plain\ta\nend\t1\n", "file\t0\ttext/pl in\ta\nend\t1\n", "file\t0\ttext/plain\ta\x01\nend\t1\n", "file\t0\ttext/plain\ta\xff\nend\t1\n",
	"file\t0\ttext/plain\ta\nfound\tnonsense\tx\ta\nend\t1\n", "file\t0\ttext/plain\ta\nfound\tmacro\tx\nend\t1\n", "file\t0\ttext/plain\ta\nother\t1\nend\t1\n",
	"file\t0\ttext/plain\ta\nend\t99999999999999999999\n",
};

static void all_else_is_no_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no_answers); i++)
		if (scan_answer_read(no_answers[i], strlen(no_answers[i])))
			fail_msg("row %zu was taken", i);
	assert_null(scan_answer_read("file\t0\ttext/plain\ta\0\nend\t1\n", 27));
}

static void an_answer_has_limits(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1u << 20), longer = TEXT_INIT(1u << 20);
	struct sluice_scan_answer *a;
	char name[SCAN_NAME_MAX + 2];

	(void)state;
	for (unsigned i = 0; i < SLUICE_SCAN_MAX_FILES; i++)
		scan_answer_file(&out, 0, "text/plain", "a", 1);
	for (unsigned i = 0; i < SLUICE_SCAN_MAX_FINDINGS; i++)
		scan_answer_found(&out, SLUICE_SCAN_MACRO, "x", "a", 1);
	text_add(&longer, out.bytes, out.len);
	scan_answer_end(&out, 0);
	a = scan_answer_read(out.bytes, out.len);
	assert_non_null(a);
	free(a);
	scan_answer_found(&longer, SLUICE_SCAN_MACRO, "x", "a", 1);
	scan_answer_end(&longer, 0);
	assert_null(scan_answer_read(longer.bytes, longer.len));

	memset(name, 'a', sizeof name);
	text_clear(&out);
	text_addf(&out, "file\t0\ttext/plain\t%.*s\nend\t0\n", SCAN_NAME_MAX + 1, name);
	assert_null(scan_answer_read(out.bytes, out.len));
}

static void a_request_comes_out_as_it_went_in(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SCAN_REQUEST_MAX);
	struct scan_request rq;

	(void)state;
	scan_request_write(&out, 77, "application/pdf", "a b.pdf", 7);
	assert_true(scan_request_read(out.bytes, out.len, &rq));
	assert_int_equal(rq.len, 77);
	assert_string_equal(rq.type, "application/pdf");
	assert_string_equal(rq.name, "a b.pdf");
	assert_false(scan_request_read("77\tx", 4, &rq));
	assert_false(scan_request_read("\t\t", 2, &rq));
	assert_false(scan_request_read("-1\t\t", 4, &rq));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_out_as_it_went_in),
		cmocka_unit_test(names_are_made_safe),
		cmocka_unit_test(names_are_cut_between_characters),
		cmocka_unit_test(all_else_is_no_answer),
		cmocka_unit_test(an_answer_has_limits),
		cmocka_unit_test(a_request_comes_out_as_it_went_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
