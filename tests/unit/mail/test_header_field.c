/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/header_field.h"

static void names_are_compared_without_case(void **state)
{
	(void)state;
	assert_true(header_field_is("Subject", 7, "subject"));
	assert_true(header_field_is("Subject \t", 9, "Subject"));
	assert_false(header_field_is(" Subject", 8, "Subject"));
	assert_false(header_field_is("Subject", 6, "Subject"));
	assert_false(header_field_is("", 0, "Subject"));
}

static void unfolds(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *want;
	} rows[] = {
		{ "", 0, "" },
		{ " a ", 3, "a" },
		{ "a\r\n b", 5, "a b" },
		{ "a\n\tb", 4, "a b" },
		{ "a\r\n \r\n b", 8, "a  b" },
		{ "a\r\nb", 4, "a  b" },
		{ "a\nb", 3, "a b" },
		{ "a\rb", 3, "a b" },
		{ "\r\n a\r\n ", 7, "a" },
		{ "a\0b\x1b[1m\x7f", 8, "a b [1m " },
		{ "\xe4\xf6", 2, "\xe4\xf6" },
		{ "\r\n", 2, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t = TEXT_INIT(100);

		header_field_unfold(&t, rows[i].value, rows[i].len);
		if (strcmp(text_str(&t), rows[i].want) != 0)
			fail_msg("row %zu: got '%s'", i, text_str(&t));
		text_done(&t);
	}
}

/* The tokens of a value as one line: atoms bare, "quoted", 'special', ! for bad. */
static void show(struct text *out, const char *value, size_t len)
{
	struct header_lexer l = { value, value + len };

	for (size_t i = 0; i <= len; i++) {
		struct header_token t = header_lexer_next(&l, ";=");
		const char *mark = t.type == HEADER_TOKEN_QUOTED ? "\"" : t.type == HEADER_TOKEN_SPECIAL ? "'" : "";

		if (t.type == HEADER_TOKEN_END)
			return;
		if (i > 0)
			text_addc(out, ' ');
		if (t.type == HEADER_TOKEN_BAD)
			text_addc(out, '!');
		else
			text_addf(out, "%s%.*s%s", mark, (int)t.len, t.bytes, mark);
	}
	fail_msg("no end");
}

static void finds_tokens(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "", "" },
		{ "  \r\n\t", "" },
		{ "a", "a" },
		{ "a b", "a b" },
		{ "a=b;c", "a '=' b ';' c" },
		{ "a (x) b(y)c", "a b c" },
		{ "(a(b(c)d)e) f", "f" },
		{ "(a\\)b) c", "c" },
		{ "(a\"b) c", "c" },
		{ "\"a b\";", "\"a b\" ';'" },
		{ "\"a\\\"b\" c", "\"a\\\"b\" c" },
		{ "\"(a)\"", "\"(a)\"" },
		{ "\"\"", "\"\"" },
		{ "a\"b\"c", "a \"b\" c" },
		{ "\"a b", "! a b" },
		{ "(a b", "! a b" },
		{ "(a\\", "! a\\" },
		{ "a) b", "a ! b" },
		{ "a\\ b c", "a\\ b c" },
		{ "a\x01"
		  "b",
			"a ! b" },
		{ "\xe4=\xf6", "\xe4 '=' \xf6" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t = TEXT_INIT(200);

		show(&t, rows[i].value, strlen(rows[i].value));
		if (strcmp(text_str(&t), rows[i].want) != 0)
			fail_msg("'%s': got <%s>", rows[i].value, text_str(&t));
		text_done(&t);
	}
}

static void comments_have_a_depth(void **state)
{
	char value[2 * HEADER_COMMENT_MAX_DEPTH + 4];
	size_t n = HEADER_COMMENT_MAX_DEPTH;
	struct header_lexer l = { value, value + 2 * n + 1 };

	(void)state;
	memset(value, '(', n);
	memset(value + n, ')', n);
	value[2 * n] = 'a';
	assert_int_equal(header_lexer_next(&l, "").type, HEADER_TOKEN_ATOM);
	assert_int_equal(header_lexer_next(&l, "").type, HEADER_TOKEN_END);

	n++;
	memset(value, '(', n);
	memset(value + n, ')', n);
	l = (struct header_lexer){ value, value + 2 * n };
	assert_int_equal(header_lexer_next(&l, "").type, HEADER_TOKEN_BAD);
}

static void a_nul_is_bad_and_no_special(void **state)
{
	struct header_lexer l = { "\0;", NULL };

	(void)state;
	l.end = l.at + 2;
	assert_int_equal(header_lexer_next(&l, ";").type, HEADER_TOKEN_BAD);
	assert_int_equal(header_lexer_next(&l, ";").type, HEADER_TOKEN_SPECIAL);
	assert_int_equal(header_lexer_next(&l, ";").type, HEADER_TOKEN_END);
	assert_int_equal(header_lexer_next(&l, ";").type, HEADER_TOKEN_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_compared_without_case),
		cmocka_unit_test(unfolds),
		cmocka_unit_test(finds_tokens),
		cmocka_unit_test(comments_have_a_depth),
		cmocka_unit_test(a_nul_is_bad_and_no_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
