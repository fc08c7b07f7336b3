/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/observe/token.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static const struct { const char *line; bool want; } lines[] = {
	{ "a read " ZEROS, true }, { "a-b_c.9\toperate  " ZEROS " ", true }, { "a admin " ZEROS, true },
	{ "a read " ZEROS "0", false }, { "a read 00", false }, { "a root " ZEROS, false }, { "a Read " ZEROS, false }, { "read " ZEROS, false },
	{ "a read " ZEROS " x", false }, { "a/b read " ZEROS, false }, { "", false }, { "a", false }, { "a read g" ZEROS, false },
	{ "0123456789012345678901234567890123456789012345678901234567890123 read " ZEROS, false },
};

static void lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct http_token t;

		if (token_line_read(lines[i].line, strlen(lines[i].line), &t) != lines[i].want)
			fail_msg("'%s'", lines[i].line);
	}
}

static void what_is_written_is_read(void **state)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(4096);
	struct http_token t = { .name = "grafana", .scope = TOKEN_OPERATE }, found;
	struct err err;

	(void)state;
	token_hash("secret", t.hash);
	text_adds(&file, "# a comment\n\nother admin " ZEROS "\n");
	token_line_write(&file, &t);
	assert_true(token_find(&file, "secret", &found, &err));
	assert_string_equal(found.name, "grafana");
	assert_int_equal(found.scope, TOKEN_OPERATE);
	assert_memory_equal(found.hash, t.hash, sizeof t.hash);
	assert_false(token_find(&file, "secre", &found, &err));
	assert_false(token_find(&file, "", &found, &err));
	assert_string_equal(err.text, "");
}

static void a_broken_file_lets_nobody_in(void **state)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(4096);
	struct http_token t = { .name = "a" }, found;
	struct err err;

	(void)state;
	token_hash("secret", t.hash);
	token_line_write(&file, &t);
	text_adds(&file, "nonsense\n");
	assert_false(token_find(&file, "secret", &found, &err));
	assert_non_null(strstr(err.text, "line 2 is no"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines_are_read), cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(a_broken_file_lets_nobody_in) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
