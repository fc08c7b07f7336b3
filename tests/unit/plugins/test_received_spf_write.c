/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/received_spf/received_spf_write.h"

static const struct sluice_ip client = { 4, { 192, 0, 2, 1 } };

static struct received_spf_part part(const char *s)
{
	return (struct received_spf_part){ s, s ? strlen(s) : 0 };
}

static void says_what_spf_found(void **state)
{
	static const struct {
		const char *result, *domain, *from, *helo, *mechanism;
		bool utf8;
		const char *want;
	} rows[] = {
		{ "pass", "example.net", "a@example.net", "mx.example.net", "ip4:192.0.2.1", false,
			"pass (mx.example.org: 192.0.2.1 is permitted to send mail of example.net)\n\tclient-ip=192.0.2.1;\n"
			"\tenvelope-from=\"a@example.net\";\n\thelo=\"mx.example.net\";\n\tmechanism=\"ip4:192.0.2.1\";\n"
			"\treceiver=mx.example.org; identity=mailfrom" },
		{ "none", NULL, "", NULL, NULL, false,
			"none (mx.example.org: 192.0.2.1 may or may not send mail of a name that is none)\n\tclient-ip=192.0.2.1;\n"
			"\tenvelope-from=\"\";\n\treceiver=mx.example.org; identity=mailfrom" },
		{ "fail", "a)b(c", "\"x\\y\"@a", "\r\nX: y", NULL, false,
			"fail (mx.example.org: 192.0.2.1 is not permitted to send mail of a\\)b\\(c)\n\tclient-ip=192.0.2.1;\n"
			"\tenvelope-from=\"\\\"x\\\\y\\\"@a\";\n\thelo=\"??X: y\";\n\treceiver=mx.example.org; identity=mailfrom" },
		{ "softfail", "x", "\xc3\xbc@x", NULL, NULL, false,
			"softfail (mx.example.org: 192.0.2.1 is hardly permitted to send mail of x)\n\tclient-ip=192.0.2.1;\n"
			"\tenvelope-from=\"?@x\";\n\treceiver=mx.example.org; identity=mailfrom" },
		{ "neutral", "x", "\xc3\xbc\xff@x", NULL, NULL, true,
			"neutral (mx.example.org: 192.0.2.1 is neither permitted nor denied to send mail of x)\n\tclient-ip=192.0.2.1;\n"
			"\tenvelope-from=\"\xc3\xbc?@x\";\n\treceiver=mx.example.org; identity=mailfrom" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(RECEIVED_SPF_MAX_BYTES);
		const struct received_spf r = { rows[i].result, "mailfrom", "mx.example.org", &client, part(rows[i].domain), part(rows[i].from),
			part(rows[i].helo), part(rows[i].mechanism) };

		received_spf_write(&out, &r, rows[i].utf8);
		assert_string_equal(text_str(&out), rows[i].want);
	}
}

static void a_part_that_is_too_long_is_left_out(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(RECEIVED_SPF_MAX_BYTES);
	char long_name[RECEIVED_SPF_PART_MAX + 1];
	struct received_spf r = { "pass", "helo", "mx.example.org", &client, { long_name, sizeof long_name }, { long_name, sizeof long_name },
		{ long_name, sizeof long_name - 1 }, { NULL, 0 } };

	(void)state;
	memset(long_name, '"', sizeof long_name);
	received_spf_write(&out, &r, false);
	assert_false(out.failed);
	assert_null(strstr(text_str(&out), "envelope-from"));
	assert_non_null(strstr(text_str(&out), "helo=\"\\\""));
	assert_non_null(strstr(text_str(&out), "a name that is none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_spf_found),
		cmocka_unit_test(a_part_that_is_too_long_is_left_out),
	};

	return cmocka_run_group_tests_name("received_spf_write", tests, NULL, NULL);
}
