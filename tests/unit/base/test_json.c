/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/json.h"

static void commas_stand_where_they_belong(void **state)
{
	struct text t = TEXT_INIT(1000);

	(void)state;
	json_open(&t, NULL, '{');
	json_str(&t, "a", "x");
	json_str(&t, "n", NULL);
	json_int(&t, "i", INT64_MIN);
	json_open(&t, "empty", '[');
	json_close(&t, ']');
	json_open(&t, "list", '[');
	json_bool(&t, NULL, true);
	json_bool(&t, NULL, false);
	json_milli(&t, NULL, -1500);
	json_open(&t, NULL, '{');
	json_str(&t, ":", ",{");
	json_str(&t, "", "");
	json_close(&t, '}');
	json_close(&t, ']');
	json_milli(&t, "m", 2000);
	json_close(&t, '}');
	text_addc(&t, '\n');
	json_open(&t, NULL, '{');
	json_close(&t, '}');
	assert_string_equal(text_str(&t), "{\"a\":\"x\",\"n\":null,\"i\":-9223372036854775808,\"empty\":[],"
					  "\"list\":[true,false,-1.5,{\":\":\",{\",\"\":\"\"}],\"m\":2}\n{}");
	text_done(&t);
}

static void any_octets_make_a_string(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want;
	} rows[] = {
		{ "plain", 5, "\"plain\"" },
		{ "q\"b\\s/", 6, "\"q\\\"b\\\\s/\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\"" },
		{ "\xc2\x9b\xc2\xa0", 4, "\"\\u009b\xc2\xa0\"" },
		{ "gr\xc3\xbcn", 5, "\"gr\xc3\xbcn\"" },
		{ "\xf0\x9f\x93\xa7", 4, "\"\xf0\x9f\x93\xa7\"" },
		{ "a\xe4z", 3, "\"a\xef\xbf\xbdz\"" },
		{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xc3", 1, "\"\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t = TEXT_INIT(100);

		json_text(&t, NULL, rows[i].bytes, rows[i].len);
		if (strcmp(text_str(&t), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&t));
		text_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_where_they_belong),
		cmocka_unit_test(any_octets_make_a_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
