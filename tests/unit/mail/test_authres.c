/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/authres.h"

static void recognises_what_claims_to_be_ours(void **state)
{
	static const struct {
		const char *value;
		bool want;
	} rows[] = {
		{ "mx.example.org; spf=pass", true },
		{ "MX.Example.ORG; none", true },
		{ "mx.example.org", true },
		{ " \r\n\tmx.example.org ; none", true },
		{ "mx.example.org 1; none", true },
		{ "(c) mx.example.org (d) 1 (e); none", true },
		{ "(c(d\\)e)) mx.example.org; none", true },
		{ "\"mx.example.org\"; none", true },
		{ "\"mx.ex\\ample.org\"; none", true },
		{ "\"mx.example.org; spf=pass", true },
		{ "; mx.example.org; spf=pass", true },
		{ ")mx.example.org; spf=pass", true },
		{ "\x01mx.example.org; none", true },
		{ "mx.example.org;;;", true },
		{ "other.example; spf=pass", false },
		{ "other.example; x=mx.example.org", false },
		{ "(mx.example.org) other.example; none", false },
		{ "mx.example.org.evil.example; none", false },
		{ "xmx.example.org; none", false },
		{ "mx.example.or; none", false },
		{ "", false },
		{ ";;;", false },
		{ "(", false },
		{ "\"", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (authres_claims(rows[i].value, strlen(rows[i].value), "mx.example.org") != rows[i].want)
			fail_msg("'%s'", rows[i].value);
	}
	assert_true(authres_claims("\0mx.example.org", 15, "mx.example.org"));
	assert_false(authres_claims("mx.example.org\0; none", 8, "mx.example.org"));
	assert_false(authres_claims(NULL, 0, "mx.example.org"));
}

static void writes_one_method_a_line(void **state)
{
	static const struct sluice_authres_property spf[] = {
		{ "smtp.mailfrom", "user@example.org", 16 },
		{ "smtp.helo", "mx1.example.org", 15 },
		{ .name = NULL },
	};
	static const struct sluice_authres_property iprev[] = { { "policy.iprev", "2001:db8::1", 11 },
		{ .name = NULL } };
	static const struct authres_entry entries[] = {
		{ "spf", "pass", NULL, spf },
		{ "iprev", "fail", "no such \"name\"", iprev },
		{ "dkim", "none", NULL, NULL },
	};
	struct text t = TEXT_INIT(1000);

	(void)state;
	authres_write(&t, "mx.example.org", entries, 3, false);
	assert_string_equal(text_str(&t), "mx.example.org;\n"
					  "\tspf=pass smtp.mailfrom=user@example.org smtp.helo=mx1.example.org;\n"
					  "\tiprev=fail reason=\"no such \\\"name\\\"\" policy.iprev=\"2001:db8::1\";\n"
					  "\tdkim=none");
	text_clear(&t);
	authres_write(&t, "mx.example.org", NULL, 0, false);
	assert_string_equal(text_str(&t), "mx.example.org; none");
	text_done(&t);
}

static void values_are_bare_or_quoted(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		bool utf8;
		const char *want;
	} rows[] = {
		{ "token", 5, false, "token" },
		{ "a.b@c.example", 13, false, "a.b@c.example" },
		{ "@c.example", 10, false, "@c.example" },
		{ "a b@c.example", 13, false, "\"a b@c.example\"" },
		{ ".a@c.example", 12, false, "\".a@c.example\"" },
		{ "a@b@c.example", 13, false, "\"a@b@c.example\"" },
		{ "a@", 2, false, "\"a@\"" },
		{ "<a@b>", 5, false, "\"<a@b>\"" },
		{ "a;dkim=pass", 11, false, "\"a;dkim=pass\"" },
		{ "", 0, false, "\"\"" },
		{ "a\r\nX: y", 7, false, "\"a??X: y\"" },
		{ "a\0b\x7f", 4, false, "\"a?b?\"" },
		{ "\\\"", 2, false, "\"\\\\\\\"\"" },
		{ "gr\xc3\xbcn", 5, false, "\"gr?n\"" },
		{ "gr\xc3\xbcn", 5, true, "gr\xc3\xbcn" },
		{ "a@b\xc3\xbc.example", 13, true, "a@b\xc3\xbc.example" },
		{ "\xfc", 1, true, "\"?\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sluice_authres_property properties[] = { { "x.y", rows[i].value, rows[i].len },
			{ .name = NULL } };
		const struct authres_entry entry = { "m", "r", NULL, properties };
		struct text t = TEXT_INIT(1000);
		char want[200] = "id;\n\tm=r x.y=";

		authres_write(&t, "id", &entry, 1, rows[i].utf8);
		strcat(want, rows[i].want);
		if (strcmp(text_str(&t), want) != 0)
			fail_msg("row %zu: got '%s'", i, text_str(&t));
		text_done(&t);
	}
}

static void lines_and_lists_have_limits(void **state)
{
	static char long_value[AUTHRES_MAX_VALUE_BYTES + 1];
	struct sluice_authres_property properties[AUTHRES_MAX_PROPERTIES + 3];
	struct authres_entry entries[AUTHRES_MAX_METHODS + 2];
	struct text t = TEXT_INIT(1 << 20);
	size_t lines = 0, line = 0;

	(void)state;
	memset(long_value, '"', sizeof long_value);
	for (size_t i = 0; i < ARRAY_LEN(properties) - 1; i++)
		properties[i] = (struct sluice_authres_property){ "x.y", long_value, AUTHRES_MAX_VALUE_BYTES };
	properties[0].len++;
	properties[ARRAY_LEN(properties) - 1].name = NULL;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		entries[i] = (struct authres_entry){ "m", "r", NULL, properties };
	authres_write(&t, "id", entries, ARRAY_LEN(entries), false);
	for (size_t i = 0; i < t.len; i++) {
		line = t.bytes[i] == '\n' ? 0 : line + 1;
		lines += t.bytes[i] == '\n';
		if (line > 1050)
			fail_msg("line %zu is long", lines);
	}
	assert_int_equal(lines, AUTHRES_MAX_METHODS * AUTHRES_MAX_PROPERTIES);
	text_done(&t);
}

static void finds_methods_and_their_properties(void **state)
{
	static const struct {
		const char *value, *property, *want; /* of dmarc; NULL: it is not there */
	} rows[] = {
		{ "mx.example.org; dmarc=pass", NULL, "pass" },
		{ "mx.example.org; spf=fail smtp.mailfrom=x; dmarc=fail (p=none) header.from=example.net", NULL, "fail" },
		{ "mx.example.org; spf=fail smtp.mailfrom=x; dmarc=fail (p=none) header.from=example.net", "header.from", "example.net" },
		{ "mx.example.org 1; DMARC / 1 = pass", NULL, NULL }, /* the version belongs to the method, without blanks */
		{ "mx.example.org 1; DMARC/1 = pass", NULL, "pass" },
		{ " mx.example.org;\r\n\tdmarc=pass\r\n\t header.from = \"a b\"", "header.from", "a b" },
		{ "mx.example.org; spf=pass header.from=no; dmarc=none", "header.from", NULL },
		{ "mx.example.org; dmarc=none; dkim=pass header.from=no", "header.from", NULL },
		{ "mx.example.org; dmarc=none; dmarc=pass", NULL, "none" },
		{ "mx.example.org; spf=pass reason=\"; dmarc=pass\"", NULL, NULL },
		{ "mx.example.org; (dmarc=pass)", NULL, NULL },
		{ "dmarc=pass", NULL, NULL }, /* the authserv-id */
		{ "mx.example.org; spf=pass dmarc=pass", NULL, NULL },
		{ "mx.example.org; dmarc", NULL, NULL },
		{ "mx.example.org; dmarc=", NULL, NULL },
		{ "mx.example.org; =dmarc; dmarc=pass", NULL, "pass" },
		{ "mx.example.org; dmarc=\"pass", NULL, NULL },
		{ "mx.example.org; none", NULL, NULL },
		{ "", NULL, NULL },
		{ ";;;=;", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len;
		const char *got = authres_find(rows[i].value, strlen(rows[i].value), "dmarc", rows[i].property, &len);

		if (!got != !rows[i].want || (got && (len != strlen(rows[i].want) || memcmp(got, rows[i].want, len) != 0)))
			fail_msg("'%s': got '%.*s'", rows[i].value, got ? (int)len : 3, got ? got : "not");
	}
}

static void methods_are_what_is_behind_the_name(void **state)
{
	static const char *const rows[][2] = {
		{ "mx.example.org; spf=pass; dkim=none \r\n", "spf=pass; dkim=none" },
		{ "mx.example.org 1 (a;b);none", "none" },
		{ "mx.example.org", "" },
		{ "mx.example.org;", "" },
		{ "", "" },
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = authres_methods(rows[i][0], strlen(rows[i][0]), &len);

		assert_int_equal(len, strlen(rows[i][1]));
		assert_memory_equal(got, rows[i][1], len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognises_what_claims_to_be_ours),
		cmocka_unit_test(finds_methods_and_their_properties),
		cmocka_unit_test(methods_are_what_is_behind_the_name),
		cmocka_unit_test(writes_one_method_a_line),
		cmocka_unit_test(values_are_bare_or_quoted),
		cmocka_unit_test(lines_and_lists_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
