/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/policy/option.h"

static const char *const words[] = { "red", "green", "blue", NULL };

static const struct {
	enum sluice_option_type type;
	const char *text, *want; /* as it is shown; NULL: refused */
} rows[] = {
	{ SLUICE_OPT_BOOL, "yes", "yes" }, { SLUICE_OPT_BOOL, "no", "no" }, { SLUICE_OPT_BOOL, "true", NULL }, { SLUICE_OPT_BOOL, "\"yes\"", NULL },
	{ SLUICE_OPT_COUNT, "0", "0" }, { SLUICE_OPT_COUNT, "12", "12" }, { SLUICE_OPT_COUNT, "-1", NULL }, { SLUICE_OPT_COUNT, "1.5", NULL },
	{ SLUICE_OPT_COUNT, "99999999999999999999", NULL },
	{ SLUICE_OPT_DECIMAL, "1", "1" }, { SLUICE_OPT_DECIMAL, "1.50", "1.5" }, { SLUICE_OPT_DECIMAL, "-0.125", "-0.125" },
	{ SLUICE_OPT_DECIMAL, "1e3", NULL }, { SLUICE_OPT_DECIMAL, "--1", NULL }, { SLUICE_OPT_DECIMAL, "", NULL },
	{ SLUICE_OPT_DURATION, "0s", "0ms" }, { SLUICE_OPT_DURATION, "1500ms", "1500ms" }, { SLUICE_OPT_DURATION, "60s", "1m" },
	{ SLUICE_OPT_DURATION, "7d", "7d" }, { SLUICE_OPT_DURATION, "5", NULL }, { SLUICE_OPT_DURATION, "5 s", NULL }, { SLUICE_OPT_DURATION, "s", NULL },
	{ SLUICE_OPT_DURATION, "999999999999d", NULL },
	{ SLUICE_OPT_SIZE, "500", "500" }, { SLUICE_OPT_SIZE, "64K", "64K" }, { SLUICE_OPT_SIZE, "1024M", "1G" }, { SLUICE_OPT_SIZE, "1KB", NULL },
	{ SLUICE_OPT_TEXT, "word", "word" }, { SLUICE_OPT_TEXT, "\"two words\"", "two words" }, { SLUICE_OPT_TEXT, "\"\"", "\"\"" },
	{ SLUICE_OPT_TEXT, "{", NULL },
	{ SLUICE_OPT_PATH, "keys", "/etc/keys" }, { SLUICE_OPT_PATH, "\"/a b\"", "/a b" }, { SLUICE_OPT_PATH, "\"\"", NULL },
	{ SLUICE_OPT_WORDS, "red", "red" }, { SLUICE_OPT_WORDS, "[blue red]", "[red blue]" }, { SLUICE_OPT_WORDS, "[red\n green]", "[red green]" },
	{ SLUICE_OPT_WORDS, "yellow", NULL }, { SLUICE_OPT_WORDS, "[red", NULL },
	{ SLUICE_OPT_WEIGHTED_NETWORK, "127.0.0.2/31 weight 8", "127.0.0.2/31 weight 8" },
	{ SLUICE_OPT_WEIGHTED_NETWORK, "127.0.0.2 weight -1.5", "127.0.0.2/32 weight -1.5" },
	{ SLUICE_OPT_WEIGHTED_NETWORK, "127.0.0.2/31", NULL }, { SLUICE_OPT_WEIGHTED_NETWORK, "127.0.0.2/31 8", NULL },
	{ SLUICE_OPT_SECRET, "\"s3cret\"", "(secret)" }, { SLUICE_OPT_SECRET, "s3cret", NULL }, { SLUICE_OPT_SECRET, "env NO_SUCH_VARIABLE", NULL },
};

static bool read(const struct sluice_option *o, const char *text, struct text *out)
{
	struct arena *arena = arena_new(1u << 20);
	struct source *source;
	struct sluice_setting s;
	struct lexer l;
	struct err err;
	bool ok;

	assert_int_equal(source_from("/etc/f", text, strlen(text), &source, &err), 0);
	ok = lexer_init(&l, source, arena, &err) == 0 && option_parse(&l, o, &s, &err) == 0;
	if (ok)
		option_print(out, o, &s);
	else
		text_adds(out, err.text);
	source_free(source);
	arena_free(arena);
	return ok;
}

static void reads_what_it_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);
		struct sluice_option o = { .key = "key", .type = rows[i].type, .words = words };

		if (read(&o, rows[i].text, &got) != (rows[i].want != NULL))
			fail_msg("row %zu '%s': got '%s'", i, rows[i].text, text_str(&got));
		if (rows[i].want && strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("row %zu '%s': got '%s'", i, rows[i].text, text_str(&got));
	}
}

static void numbers_have_their_range(void **state)
{
	const struct sluice_option o = { .key = "key", .type = SLUICE_OPT_DURATION, .min = 1000, .max = 60000 };
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

	(void)state;
	assert_true(read(&o, "1s", &got) && read(&o, "1m", &got));
	text_clear(&got);
	assert_false(read(&o, "999ms", &got));
	assert_non_null(strstr(text_str(&got), "key is from 1s to 1m"));
}

static void a_secret_is_in_no_message(void **state)
{
	const struct sluice_option o = { .key = "key", .type = SLUICE_OPT_SECRET };
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);

	(void)state;
	assert_false(read(&o, "s3cret", &got));
	got.bytes[strcspn(got.bytes, "\n")] = '\0'; /* below it stands the line of the file */
	assert_null(strstr(got.bytes, "s3cret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_shows),
		cmocka_unit_test(numbers_have_their_range),
		cmocka_unit_test(a_secret_is_in_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
