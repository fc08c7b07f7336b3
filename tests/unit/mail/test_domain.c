/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include "filter/base/cleanup.h"
#include "filter/mail/domain.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void knows_what_a_domain_is(void **state)
{
	static const struct {
		const char *name;
		unsigned min_labels;
		bool want;
	} rows[] = {
		{ "example.org", 2, true },
		{ "example.org.", 2, true },
		{ "EXAMPLE.Org", 2, true },
		{ "localhost", 1, true },
		{ "localhost", 2, false },
		{ "localhost.", 2, false },
		{ "a.b.c", 3, true },
		{ "a.b.c", 4, false },
		{ "1.2.3.4", 4, true },
		{ "a-b.example", 2, true },
		{ "xn--bcher-kva.example", 2, true },
		{ "b\xc3\xbc"
		  "cher.example",
			2, true },
		{ "b\xfc"
		  "cher.example",
			2, false },
		{ "", 0, false },
		{ ".", 0, false },
		{ "..", 0, false },
		{ ".example.org", 1, false },
		{ "example..org", 1, false },
		{ "example.org..", 1, false },
		{ "-a.example", 1, false },
		{ "a-.example", 1, false },
		{ "a_b.example", 1, false },
		{ "a b.example", 1, false },
		{ "[192.0.2.1]", 1, false },
		{ "a@b.example", 1, false },
		{ "exam\nple.org", 1, false },
		{ L63 ".example", 2, true },
		{ L63 "a.example", 2, false },
		{ L63 "." L63 "." L63 "."
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			4, true },
		{ L63 "." L63 "." L63 "."
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			4, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (domain_valid(rows[i].name, strlen(rows[i].name), rows[i].min_labels) != rows[i].want)
			fail_msg("'%s', %u labels", rows[i].name, rows[i].min_labels);
	}
	assert_false(domain_valid("a\0b", 3, 1));
	assert_false(domain_valid(NULL, 0, 0));
}

static void counts_labels(void **state)
{
	static const struct {
		const char *name;
		unsigned want;
	} rows[] = { { "", 0 }, { ".", 0 }, { "a", 1 }, { "a.", 1 }, { "a.b", 2 }, { "a.b.c.", 3 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (domain_labels(rows[i].name, strlen(rows[i].name)) != rows[i].want)
			fail_msg("'%s'", rows[i].name);
	}
}

static void compares_names(void **state)
{
	static const struct {
		const char *name, *parent;
		bool within, equal;
	} rows[] = {
		{ "example.org", "example.org", true, true },
		{ "Example.org", "eXample.ORG.", true, true },
		{ "mail.example.org", "example.org", true, false },
		{ "mail.example.org.", "example.org", true, false },
		{ "badexample.org", "example.org", false, false },
		{ "example.org", "mail.example.org", false, false },
		{ "example.org", "", false, false },
		{ "example.org", ".", false, false },
		{ "", "", true, true },
		{ ".", "", true, true },
		{ "", "example.org", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *n = rows[i].name, *p = rows[i].parent;

		if (domain_within(n, strlen(n), p, strlen(p)) != rows[i].within ||
			domain_equal(n, strlen(n), p, strlen(p)) != rows[i].equal)
			fail_msg("'%s' and '%s'", n, p);
	}
}

static void makes_names_of_the_dns(void **state)
{
#define NAME(s) (s), sizeof(s) - 1
	static const struct {
		const char *name;
		size_t len;
		const char *want; /* NULL: it is none */
	} rows[] = {
		{ NAME("Example_.org."), "Example_.org." },
		{ NAME(""), "" },
		{ NAME("B\xc3\x9c"
		       "CHER.example"),
			"xn--bcher-kva.example" },
		{ NAME("mail.b\xc3\xbc"
		       "cher.EXAMPLE"),
			"mail.xn--bcher-kva.example" },
		{ NAME("fa\xc3\x9f.example"), "xn--fa-hia.example" },
		{ NAME("b\xc3.example"), NULL },
		{ NAME("a\0.example"), NULL },
		{ NAME("\xc3\xbc\0.example"), NULL },
		{ NAME("\xe2\x80\x8d.example"), NULL }, /* a joiner that joins nothing */
	};
	char ascii[DOMAIN_ASCII_SIZE], name[DOMAIN_ASCII_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (domain_to_ascii(rows[i].name, rows[i].len, ascii) != !!rows[i].want || strcmp(ascii, rows[i].want ? rows[i].want : "") != 0)
			fail_msg("'%s': '%s'", rows[i].name, ascii);
	memset(name, 'a', sizeof name);
	assert_true(domain_to_ascii(name, sizeof name - 1, ascii));
	assert_int_equal(strlen(ascii), sizeof name - 1);
	assert_false(domain_to_ascii(name, sizeof name, ascii));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_a_domain_is),
		cmocka_unit_test(counts_labels),
		cmocka_unit_test(compares_names),
		cmocka_unit_test(makes_names_of_the_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
