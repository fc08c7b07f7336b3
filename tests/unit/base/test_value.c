/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/value.h"

static const char *const words[] = { "pass", "fail", NULL };
static const struct value_text items[] = { { "a", 1 }, { "b\"c", 3 } };

static void prints_as_words_and_as_json(void **state)
{
	static const struct {
		struct value value;
		const char *text, *json;
	} rows[] = {
		{ { .known = false, .type = SLUICE_INT }, "unknown", "null" },
		{ { .known = true, .type = SLUICE_BOOL, .yes = true }, "yes", "true" },
		{ { .known = true, .type = SLUICE_BOOL, .yes = false }, "no", "false" },
		{ { .known = true, .type = SLUICE_INT, .number = -12 }, "-12", "-12" },
		{ { .known = true, .type = SLUICE_MILLI, .number = 1500 }, "1.5", "1.5" },
		{ { .known = true, .type = SLUICE_ENUM, .number = 1 }, "fail", "\"fail\"" },
		{ { .known = true, .type = SLUICE_TEXT, .text = { "a\n", 2 } }, "a\n", "\"a\\n\"" },
		{ { .known = true, .type = SLUICE_DOMAIN, .text = { "Example.org", 11 } }, "Example.org",
			"\"Example.org\"" },
		{ { .known = true, .type = SLUICE_ADDRESS, .text = { "u@d", 3 } }, "u@d", "\"u@d\"" },
		{ { .known = true, .type = SLUICE_IP, .ip = { 4, { 192, 0, 2, 1 } } }, "192.0.2.1", "\"192.0.2.1\"" },
		{ { .known = true, .type = SLUICE_TEXTS, .texts = { items, 2 } }, "a, b\"c", "[\"a\",\"b\\\"c\"]" },
		{ { .known = true, .type = SLUICE_TEXTS }, "", "[]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text text = TEXT_INIT(100), json = TEXT_INIT(100);

		value_print(&text, &rows[i].value, words);
		value_json(&json, NULL, &rows[i].value, words);
		if (strcmp(text_str(&text), rows[i].text) != 0 || strcmp(text_str(&json), rows[i].json) != 0)
			fail_msg("row %zu: got %s and %s", i, text_str(&text), text_str(&json));
		text_done(&text);
		text_done(&json);
	}
}

static void every_type_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = SLUICE_BOOL; a <= SLUICE_TEXTS; a++) {
		for (int b = SLUICE_BOOL; b < a; b++)
			assert_string_not_equal(
				value_type_name((enum sluice_type)a), value_type_name((enum sluice_type)b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_as_words_and_as_json),
		cmocka_unit_test(every_type_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
