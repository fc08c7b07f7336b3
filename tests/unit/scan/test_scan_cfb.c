/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "filter/scan/scan_cfb.h"

#define SECTOR 512

/* Header, FAT (sector 0), directory (1), and the eight sectors of one stream (2 to 9). */
struct file {
	unsigned char bytes[SECTOR * 11];
};

static void put16(unsigned char *at, unsigned v)
{
	at[0] = (unsigned char)v;
	at[1] = (unsigned char)(v >> 8);
}

static void put32(unsigned char *at, uint32_t v)
{
	put16(at, v & 0xffff);
	put16(at + 2, v >> 16);
}

static void put_entry(struct file *f, unsigned i, const char *name, uint32_t start)
{
	unsigned char *e = f->bytes + SECTOR * 2 + i * 128;

	for (size_t k = 0; name[k]; k++)
		e[2 * k] = (unsigned char)name[k];
	put16(e + 64, (unsigned)(strlen(name) + 1) * 2);
	e[66] = 2;
	put32(e + 116, start);
}

static struct file *file_new(const char *name)
{
	struct file *f = calloc(1, sizeof *f);

	assert_non_null(f);
	memcpy(f->bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	put16(f->bytes + 30, 9);
	put32(f->bytes + 48, 1);
	put32(f->bytes + 68, 0xfffffffe);
	put32(f->bytes + SECTOR, 0xfffffffd);
	put32(f->bytes + SECTOR + 4, 0xfffffffe);
	for (uint32_t i = 2; i < 10; i++)
		put32(f->bytes + SECTOR + 4 * i, i < 9 ? i + 1 : 0xfffffffe);
	put_entry(f, 0, "Root Entry", 0xfffffffe);
	put_entry(f, 1, name, 2);
	return f;
}

static struct scan_cfb scan(const struct file *f)
{
	struct scan_cfb got;

	assert_true(scan_cfb_read((const char *)f->bytes, sizeof f->bytes, &got));
	return got;
}

static void only_what_begins_as_one_is_one(void **state)
{
	struct scan_cfb got;

	(void)state;
	assert_false(scan_cfb_read("", 0, &got));
	assert_false(scan_cfb_read("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, &got));
}

static void names_say_what_is_in_it(void **state)
{
	static const struct {
		const char *name;
		bool macro, encrypted, embedded;
	} rows[] = {
		{ "WordDocument", false, false, false }, { "_VBA_PROJECT", true, false, false }, { "vba", true, false, false }, { "Macros", true, false, false },
		{ "EncryptedPackage", false, true, false }, { "\1Ole10Native", false, false, true }, { "VBAX", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct file *f = file_new(rows[i].name);
		struct scan_cfb got = scan(f);

		free(f);
		if (got.broken || !got.macro != !rows[i].macro || !got.encrypted != !rows[i].encrypted || !got.embedded != !rows[i].embedded)
			fail_msg("%s", rows[i].name);
	}
}

/* A record that reaches over the end of a sector, then the sheet. */
static void sheets_of_macros_are_found_behind_long_records(void **state)
{
	struct file *f = file_new("Workbook");
	unsigned char *at = f->bytes + SECTOR * 3;
	struct scan_cfb got;

	(void)state;
	put16(at, 0x809);
	put16(at + 2, 700);
	at += 704;
	put16(at, 0x85);
	put16(at + 2, 8);
	at[4 + 5] = 1;
	got = scan(f);
	assert_string_equal(got.macro, "Excel 4.0 macros");
	at[4 + 5] = 0;
	got = scan(f);
	assert_null(got.macro);
	free(f);
}

static void a_broken_directory_hides_nothing(void **state)
{
	struct file *f = file_new("_VBA_PROJECT");
	struct scan_cfb got;

	(void)state;
	put32(f->bytes + 48, 500);
	got = scan(f);
	assert_true(got.broken);
	assert_non_null(got.macro);
	free(f);
}

static void loops_end(void **state)
{
	struct file *f = file_new("Workbook");

	(void)state;
	put32(f->bytes + SECTOR + 4, 1);
	put32(f->bytes + SECTOR + 8, 2);
	assert_true(scan(f).broken);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_begins_as_one_is_one),
		cmocka_unit_test(names_say_what_is_in_it),
		cmocka_unit_test(sheets_of_macros_are_found_behind_long_records),
		cmocka_unit_test(a_broken_directory_hides_nothing),
		cmocka_unit_test(loops_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
