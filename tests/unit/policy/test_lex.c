/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/policy/lex.h"

static const char *const type_names[] = { "end", "nl", "word", "string", "{", "}", "[", "]", "(", ")", ",", "op" };

/* The tokens of a text: type, and what they hold, with blanks between; an error ends it. */
static void tokens(const char *text, size_t len, struct text *out)
{
	struct arena *arena = arena_new(1u << 20);
	struct source *source;
	struct lexer l;
	struct err err;
	int r;

	assert_int_equal(source_from("f", text, len, &source, &err), 0);
	for (r = lexer_init(&l, source, arena, &err); r == 0 && l.token.type != TOKEN_END; r = lexer_next(&l, &err))
		text_addf(out, "%s%s%s ", type_names[l.token.type], l.token.len ? ":" : "", l.token.text);
	if (r < 0)
		text_addf(out, "error %.*s", (int)strcspn(err.text, "\n"), err.text);
	source_free(source);
	arena_free(arena);
}

static const struct {
	const char *text, *want;
} rows[] = {
	{ "", "" },
	{ "a b", "word:a word:b " },
	{ "a # b\nc", "word:a nl word:c " },
	{ "a#b", "word:a#b " },
	{ "2001:db8::/32 a@b.c x-y_z.w", "word:2001:db8::/32 word:a@b.c word:x-y_z.w " },
	{ "{}[](),", "{ } [ ] ( ) , " },
	{ "a==b!=c<=d>=e<f>g", "word:a op:== word:b op:!= word:c op:<= word:d op:>= word:e op:< word:f op:> word:g " },
	{ "a!b!c", "word:a!b!c " },
	{ "\"a b\"\"\"", "string:a b string " },
	{ "\"\\\"\\\\\\t\\{\\}\"", "string:\"\\\t\\{\\} " },
	{ "\"a", "error f:1:1: this string has no end: put a \" at its end, on the same line" },
	{ "\"a\nb\"", "error f:1:1: this string has no end: put a \" at its end, on the same line" },
	{ "\"\\x\"", "error f:1:2: unknown escape: there are \\\" \\\\ \\t \\{ \\}" },
	{ "a\n  b = c", "word:a nl word:b error f:2:5: '=' compares nothing: a comparison is '==', a setting is 'key value'" },
	{ "\001", "error f:1:1: a character that has no meaning here" },
	{ "caf\xc3\xa9", "word:caf\xc3\xa9 " },
	{ "caf\xe9", "error f:1:1: a word that is not UTF-8" },
	{ "a\r\nb", "word:a nl word:b " },
};

static void splits_text_into_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

		tokens(rows[i].text, strlen(rows[i].text), &got);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("row %zu '%s': got '%s'", i, rows[i].text, text_str(&got));
	}
}

static void a_nul_in_the_file_is_an_error(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

	(void)state;
	tokens("a\0b", 3, &got);
	assert_string_equal(text_str(&got), "word:a error f:1:2: a character that has no meaning here");
}

static void words_and_strings_have_a_limit(void **state)
{
	static char text[5000];
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(8192);

	(void)state;
	memset(text, 'a', sizeof text);
	tokens(text, 1025, &got);
	assert_string_equal(text_str(&got), "error f:1:1: a word longer than 1024 octets");
	text_clear(&got);
	text[0] = text[4999] = '"';
	tokens(text, sizeof text, &got);
	assert_string_equal(text_str(&got), "error f:1:1: this string is longer than 4096 octets");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_text_into_tokens),
		cmocka_unit_test(a_nul_in_the_file_is_an_error),
		cmocka_unit_test(words_and_strings_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
