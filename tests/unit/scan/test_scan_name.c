/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/scan/scan_name.h"

static const struct {
	const char *name, *extension;
	bool program, disguised, slips;
} cases[] = {
	{ "", "" },
	{ "a", "" },
	{ "a.txt", "txt" },
	{ "a.TAR.Gz", "gz" },
	{ ".exe", "exe", .program = true },
	{ "a.exe.", "exe", .program = true },
	{ "a.exe . .", "exe", .program = true },
	{ "folder.exe/a.txt", "txt" },
	{ "folder\\a.Js", "js", .program = true },
	{ "a.verylongextension", "" },
	{ "a.settingcontent-ms", "", .program = true },
	{ "invoice.pdf.exe", "exe", .program = true, .disguised = true },
	{ "invoice.PDF .scr", "scr", .program = true, .disguised = true },
	{ "x.2026.exe", "exe", .program = true },
	{ "x     .exe", "exe", .program = true, .disguised = true },
	{ "x\xe2\x80\xae" "fdp.exe", "exe", .program = true, .disguised = true },
	{ "x\xe2\x80\xae" "exe.pdf", "pdf" },
	{ "invoice.exe.pdf", "pdf" },
	{ "..", "", .slips = true },
	{ "../a", "", .slips = true },
	{ "a/../../b", "", .slips = true },
	{ "a/..", "", .slips = true },
	{ "a\\..\\b", "", .slips = true },
	{ "/a", "", .slips = true },
	{ "\\\\server\\a", "", .slips = true },
	{ "c:a", "", .slips = true },
	{ "a/.../b", "" },
	{ "a..b/c", "" },
	{ "1:a", "" },
};

static void says_what_a_name_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name = cases[i].name;
		char extension[SCAN_EXTENSION_MAX + 1];

		scan_name_extension(name, strlen(name), extension);
		if (strcmp(extension, cases[i].extension) != 0)
			fail_msg("'%s': the extension is '%s', not '%s'", name, cases[i].extension, extension);
		if ((scan_name_program(name, strlen(name)) != NULL) != cases[i].program)
			fail_msg("'%s': is it a program?", name);
		if (scan_name_disguised(name, strlen(name)) != cases[i].disguised)
			fail_msg("'%s': is it disguised?", name);
		if (scan_name_slips(name, strlen(name)) != cases[i].slips)
			fail_msg("'%s': does it leave its folder?", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(says_what_a_name_says) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
