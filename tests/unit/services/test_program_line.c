/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/services/program_line.h"

static const struct { const char *line; uint64_t id; const char *why; } lines[] = {
	{ "{\"id\": 1, \"facts\": {}}", 1, NULL },
	{ " {\"facts\": {}, \"id\": 9223372036854775807} \r", INT64_MAX, NULL },
	{ "", 0, "no JSON" },
	{ "hello\x1b[31m world", 0, ": hello?[31m world" },
	{ "{\"id\": 1} {\"id\": 2}", 0, "no JSON" },
	{ "{\"id\": 1, \"id\": 2}", 0, "no JSON" },
	{ "{\"id\": 1", 0, "no JSON" },
	{ "[{\"id\": 1}]", 0, "no JSON object" },
	{ "{\"id\": \"1\"}", 0, "\"id\", the number of a question, is not in it" },
	{ "{\"id\": 0}", 0, "\"id\"" },
	{ "{\"id\": -1}", 0, "\"id\"" },
	{ "{\"id\": 1.0}", 0, "\"id\"" },
	{ "{\"id\": 9223372036854775808}", 0, "no JSON" },
	{ "{\"ID\": 1, \"text\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}", 0, "xxx..." },
};

static void finds_the_question_that_is_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char why[PROGRAM_LINE_WHY_MAX] = "";
		uint64_t id = 0;
		bool good = program_line_id(lines[i].line, strlen(lines[i].line), &id, why);

		if (good != !lines[i].why || id != lines[i].id || (lines[i].why && !strstr(why, lines[i].why)))
			fail_msg("'%s': %d, id %llu, '%s'", lines[i].line, good, (unsigned long long)id, why);
	}
}

static void a_line_that_is_all_brackets_is_none(void **state)
{
	static char deep[65536];
	char why[PROGRAM_LINE_WHY_MAX];
	uint64_t id;

	(void)state;
	memset(deep, '[', sizeof deep);
	assert_false(program_line_id(deep, sizeof deep, &id, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds_the_question_that_is_answered), cmocka_unit_test(a_line_that_is_all_brackets_is_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
