/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/scan/scan_type.h"

#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *type, *want; /* NULL: no program */
} programs[] = {
	{ TEXT(""), "inode/x-empty", NULL },
	{ TEXT("MZ is how this text begins, and it goes on for so long that a header might be in it"), "text/plain", NULL },
	{ TEXT("MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0PE\0\0"),
		"application/octet-stream", "a program for Windows" },
	{ TEXT("MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff"),
		"application/octet-stream", "a program for DOS" },
	{ TEXT("\x7f" "ELF"), "application/octet-stream", "a program for Unix" },
	{ TEXT("\xca\xfe\xba\xbe\0\0\0\2"), "application/octet-stream", "a program for macOS" },
	{ TEXT("\xca\xfe\xba\xbe\0\0\0\x34"), "application/octet-stream", "a Java program" },
	{ TEXT("\xca\xfe\xba\xbe"), "application/octet-stream", NULL },
	{ TEXT("#!/bin/sh\n"), "text/x-shellscript", NULL },
	{ TEXT("\xeb \r\n\r\n, text in windows-1251"), "application/x-dosexec", NULL },
	{ TEXT("x"), "text/x-msdos-batch", "a batch file" },
	{ TEXT("\xef\xbb\xbf <HTML><HTA:APPLICATION id=x>"), "text/html", "an HTML application" },
	{ TEXT("<package><job id=x><SCRIPT language=x>"), "text/plain", "a script of the Windows Script Host" },
	{ TEXT("<component id=x><registration/><script>"), "text/xml", "a script of the Windows Script Host" },
	{ TEXT("<component><scripts>"), "text/xml", NULL },
	{ TEXT("<jobs>"), "text/xml", NULL },
	{ TEXT("a text that tells of <job>"), "text/plain", NULL },
	{ TEXT("[InternetShortcut]\r\nURL=http://x.example/"), "text/plain", "a shortcut" },
};

static void knows_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		const char *got = scan_type_program(programs[i].bytes, programs[i].len, programs[i].type);

		if ((!got != !programs[i].want) || (got && strcmp(got, programs[i].want) != 0))
			fail_msg("row %zu: got %s, want %s", i, got ? got : "none", programs[i].want ? programs[i].want : "none");
	}
}

static void knows_scripts(void **state)
{
	(void)state;
	assert_true(scan_type_script(TEXT("#!/bin/sh\n"), "text/plain"));
	assert_true(scan_type_script(TEXT("#! /usr/bin/env python3\n"), "text/x-script.python"));
	assert_true(scan_type_script(TEXT("x"), "text/x-shellscript"));
	assert_false(scan_type_script(TEXT("#! no path\n"), "text/plain"));
	assert_false(scan_type_script(TEXT("#!"), "text/plain"));
}

static const struct {
	const char *type, *declared, *extension;
	bool fits_declared, fits_extension;
} fits[] = {
	{ "application/pdf", "application/pdf", "pdf", true, true },
	{ "image/png", "application/pdf", "pdf", false, false },
	{ "application/octet-stream", "application/pdf", "pdf", true, true },
	{ "inode/x-empty", "image/png", "png", true, true },
	{ "application/x-dosexec", "text/plain", "txt", true, true },
	{ "image/png", "application/octet-stream", "bin", true, true },
	{ "image/png", NULL, "", true, true },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", "docx", true, true },
	{ "application/zip", "application/msword", "docx", false, true },
	{ "text/html", "application/vnd.ms-excel", "xls", false, false },
	{ "text/html", "text/plain", "htm", true, true },
	{ "application/vnd.microsoft.portable-executable", "text/plain", "txt", false, false },
	{ "image/png", "pdf", "application/pdf", true, true }, /* an extension is no type, and no type an extension */
};

static void compares_what_is_said_with_what_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fits); i++)
		if (scan_type_fits_declared(fits[i].type, fits[i].declared) != fits[i].fits_declared ||
			scan_type_fits_extension(fits[i].type, fits[i].extension) != fits[i].fits_extension)
			fail_msg("row %zu: %s", i, fits[i].type);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(knows_programs), cmocka_unit_test(knows_scripts), cmocka_unit_test(compares_what_is_said_with_what_is) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
