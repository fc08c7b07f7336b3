/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "filter/base/text.h"
#include "plugins/sign/sign_table.h"

static const char keys[] = "# who signs\n"
			   "\n"
			   "k1 example.org:s1:/keys/s1.pem\n"
			   " \tK2\t example.net:a.b:./s2.pem  # the second\r\n"
			   "any %:s3:/keys/any key.pem\n"
			   "by-domain example.com:s4:/keys/%/s4.pem";

static void reads_a_key_table(void **state)
{
	static const struct key_row want[] = {
		{ "k1", "example.org", "s1", "/keys/s1.pem", 3 },
		{ "K2", "example.net", "a.b", "./s2.pem", 4 },
		{ "any", NULL, "s3", "/keys/any key.pem", 5 },
		{ "by-domain", "example.com", "s4", "/keys/%/s4.pem", 6 },
	};
	struct key_table t;
	struct err err;

	(void)state;
	assert_int_equal(key_table_parse("KeyTable", keys, strlen(keys), &t, &err), 0);
	assert_int_equal(t.rows.len, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct key_row *row = &t.rows.items[i];

		assert_string_equal(row->name, want[i].name);
		assert_string_equal(row->domain ? row->domain : "%", want[i].domain ? want[i].domain : "%");
		assert_string_equal(row->selector, want[i].selector);
		assert_string_equal(row->path, want[i].path);
		assert_int_equal(row->line, want[i].line);
	}
	assert_ptr_equal(key_table_find(&t, "k2x", 2), &t.rows.items[1]);
	assert_null(key_table_find(&t, "k3", 2));
	key_table_done(&t);
}

static void a_bad_line_names_itself_and_the_remedy(void **state)
{
	static const struct {
		const char *keys, *want;
	} rows[] = {
		{ "\nk1\n", "KeyTable:2: a line is NAME DOMAIN:SELECTOR:PATH" },
		{ "k1 example.org\n", "KeyTable:1: a line is NAME" },
		{ "k1 example.org:s1", "KeyTable:1: a line is NAME" },
		{ "k1 example:s1:/a", "KeyTable:1: 'example' is no domain" },
		{ "k1 :s1:/a", "KeyTable:1: '' is no domain" },
		{ "k1 example.org:a/b:/a", "KeyTable:1: 'a/b' is no selector" },
		{ "k1 example.org::/a", "KeyTable:1: '' is no selector" },
		{ "k1 example.org:s1:MIIEpAIBAAKCAQEA", "KeyTable:1: behind the selector stands no path" },
		{ "k1 example.org:s1:", "KeyTable:1: behind the selector stands no path" },
		{ "k1 %:s1:/keys/%/a", "KeyTable:1: domain and path both depend on the sender" },
		{ "k1 example.org:s1:/a\nK1 example.net:s1:/a", "KeyTable:2: key K1 stands in line 1 too" },
		{ "k1 example.org:s1:/a\x01\n", "KeyTable:1: a line has at most 1024 octets, and no control characters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct key_table t;
		struct err err = { "" };

		if (key_table_parse("KeyTable", rows[i].keys, strlen(rows[i].keys), &t, &err) != -EINVAL)
			fail_msg("row %zu is taken", i);
		if (strncmp(err.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("row %zu: %s", i, err.text);
	}
}

/* The keys of a sender, with blanks between. */
static void match(const struct signing_table *t, const char *sender, struct text *out)
{
	const struct signing_row *found[SIGN_MAX_KEYS];
	const char *at = strrchr(sender, '@');
	size_t count = signing_table_match(t, sender, (size_t)(at - sender), at + 1, strlen(at + 1), found);

	for (size_t i = 0; i < count; i++)
		text_addf(out, "%s%s", i ? " " : "", found[i]->key);
}

struct sender_row {
	const char *sender, *want;
};

static void check(const char *table, const struct sender_row *rows)
{
	struct signing_table t;
	struct err err = { "" };

	if (signing_table_parse("SigningTable", table, strlen(table), &t, &err) < 0)
		fail_msg("%s", err.text);
	for (; rows->sender; rows++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(256);

		match(&t, rows->sender, &got);
		if (strcmp(text_str(&got), rows->want) != 0)
			fail_msg("%s is signed by '%s', not by '%s'", rows->sender, text_str(&got), rows->want);
	}
	signing_table_done(&t);
}

static void the_closest_pattern_wins(void **state)
{
	static const struct sender_row rows[] = {
		{ "ceo@example.org", "address" },
		{ "CEO@Example.ORG", "address" },
		{ "other@example.org", "domain" },
		{ "ceo@a.example.org", "user-below" },
		{ "other@a.example.org", "below" },
		{ "other@b.a.example.org", "below-a" },
		{ "ceo@b.a.example.org", "below-a" },
		{ "root@elsewhere.example", "user" },
		{ "other@elsewhere.example", "any" },
		{ "other@badexample.org", "any" },
		{ NULL, NULL },
	};

	(void)state;
	check("* any\n"
	      "root@* user\n"
	      ".example.org below\n"
	      ".a.example.org below-a\n"
	      "ceo@.example.org user-below\n"
	      "example.org domain\n"
	      "ceo@example.org address\n",
		rows);
}

static void with_wildcards_the_first_pattern_wins(void **state)
{
	static const struct sender_row rows[] = {
		{ "president@example.com", "pres" },
		{ "clerk@example.com", "com" },
		{ "a@b.example.net", "net" },
		{ "a@example.net", "all" },
		{ "list-owner@lists.example", "lists" },
		{ "list-owner@lists.example.org", "all" },
		{ "list@lists.example", "all" },
		{ NULL, NULL },
	};

	(void)state;
	check("president@example.com pres\n"
	      "*@EXAMPLE.com com\n"
	      "*@*.example.net net\n"
	      "*-owner@lists.* never\n"
	      "* all\n",
		(const struct sender_row[]){ { "x-owner@lists.example", "never" }, { NULL, NULL } });
	check("president@example.com pres\n"
	      "*@EXAMPLE.com com\n"
	      "*@*.example.net net\n"
	      "list-*@lists.example lists\n"
	      "* all\n"
	      "example.net too-late\n",
		rows);
	check("*a*b*@*.example x", (const struct sender_row[]){ { "aab@c.example", "x" }, { "aac@c.example", "" }, { "b@a.example", "" }, { NULL, NULL } });
}

static void several_keys_are_several_signatures(void **state)
{
	static const struct sender_row rows[] = {
		{ "a@example.org", "rsa ed" },
		{ "a@example.net", "rsa ed third" },
		{ "a@example.com", "signer" },
		{ "a@example.de", "%" },
		{ "a@elsewhere.example", "" },
		{ NULL, NULL },
	};

	(void)state;
	check("*@example.org rsa\n"
	      "*@example.net rsa,ed\n"
	      "*@EXAMPLE.org ed\n"
	      "*@example.net third\n"
	      "*@example.com signer:%@example.com\n"
	      "*@example.de %\n",
		rows);
}

static void a_bad_pattern_names_itself_and_the_remedy(void **state)
{
	static const struct {
		const char *table, *want;
	} rows[] = {
		{ "example.org\n", "SigningTable:1: a line is PATTERN NAME" },
		{ "\n\nexample.org k1 k2\n", "SigningTable:3: a line is PATTERN NAME" },
		{ "example.org k1,,k2\n", "SigningTable:1: a key without a name" },
		{ "example.org :a@example.org\n", "SigningTable:1: a key without a name" },
		{ "a@ k1\n", "SigningTable:1: 'a@' is no pattern" },
		{ ". k1\n", "SigningTable:1: '.' is no pattern" },
		{ "a@exam_ple.org k1\n", "SigningTable:1: 'a@exam_ple.org' is no pattern" },
		{ "example.org 1,2,3,4,5\nEXAMPLE.org 6,7,8,9", "SigningTable:2: one pattern has at most 8 keys" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct signing_table t;
		struct err err = { "" };

		if (signing_table_parse("SigningTable", rows[i].table, strlen(rows[i].table), &t, &err) != -EINVAL)
			fail_msg("row %zu is taken", i);
		if (strncmp(err.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void tables_have_limits(void **state)
{
	static char big[SIGN_TABLE_MAX_BYTES + 2];
	struct signing_table signing;
	struct key_table t;
	struct err err;

	(void)state;
	memset(big, '#', sizeof big - 1);
	assert_int_equal(key_table_parse("KeyTable", big, sizeof big - 1, &t, &err), -EINVAL);
	assert_int_equal(key_table_parse("KeyTable", big, sizeof big - 2, &t, &err), 0);
	key_table_done(&t);
	for (size_t i = 0; i + 4 < sizeof big; i += 4)
		memcpy(big + i, "a b\n", 4);
	assert_int_equal(signing_table_parse("SigningTable", big, 5 * SIGN_TABLE_MAX_ROWS, &signing, &err), -EINVAL);
	memset(big, 'a', SIGN_LINE_MAX_BYTES + 1);
	assert_int_equal(signing_table_parse("SigningTable", big, SIGN_LINE_MAX_BYTES + 1, &signing, &err), -EINVAL);
	assert_int_equal(key_table_parse("KeyTable", NULL, 0, &t, &err), 0);
	key_table_done(&t);
	key_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_key_table),
		cmocka_unit_test(a_bad_line_names_itself_and_the_remedy),
		cmocka_unit_test(the_closest_pattern_wins),
		cmocka_unit_test(with_wildcards_the_first_pattern_wins),
		cmocka_unit_test(several_keys_are_several_signatures),
		cmocka_unit_test(a_bad_pattern_names_itself_and_the_remedy),
		cmocka_unit_test(tables_have_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
