/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ways to look for many patterns at once have to find the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/text.h"
#include "filter/policy/pattern_db.h"

static void hear(void *arg, size_t regex)
{
	text_addf(arg, "%zu ", regex);
}

static int by_number(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* The numbers of those that are found, in order. */
static void finds(struct pattern_db *db, const char *text, size_t len, const char *want)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);

	assert_true(pattern_db_scan(db, text, len, hear, &got));
	if (got.len)
		qsort(got.bytes, got.len / 2, 2, by_number);
	assert_string_equal(text_str(&got), want);
}

static void test_finding(void **state)
{
	static const char *const regexes[] = { "cash", "(?i)free\\s+money", "^start", "end$", "\\bword\\b", "gr.n", "[äöü]{2}", "(?i)grün", "a[^\\n]{0,5}z", "\\x{20ac}" };
	struct pattern_db *db;
	struct err err;
	size_t bad;

	(void)state;
	assert_int_equal(pattern_db_new(regexes, 10, true, &db, &bad, &err), 0);
	finds(db, "", 0, "");
	finds(db, "no more than this", 17, "");
	finds(db, "cash cash cash", 14, "0 ");
	finds(db, "some FREE\n  Money and cash", 26, "0 1 ");
	finds(db, "start to end", 12, "2 3 ");
	finds(db, "a start, an end.", 16, "");
	finds(db, "words sword", 11, "");
	finds(db, "a word.", 7, "4 ");
	finds(db, "GRÜN grün", 11, "5 7 ");
	finds(db, "xöäx", 6, "6 ");
	finds(db, "a\nz axxz", 8, "8 ");
	finds(db, "5 €", 5, "9 ");
	pattern_db_free(db);
}

static void test_octets(void **state)
{
	static const char *const regexes[] = { "\\x00\\xff", "\\xfc" };
	struct pattern_db *db;
	struct err err;
	size_t bad;

	(void)state;
	assert_int_equal(pattern_db_new(regexes, 2, false, &db, &bad, &err), 0);
	finds(db, "a\0\xff", 3, "0 ");
	finds(db, "\xfc", 1, "1 ");
	finds(db, "ü", 2, "");
	pattern_db_free(db);
}

static void test_what_cannot_be_compiled(void **state)
{
	static const char *const bad_ones[] = { "a(b", "a)", "[z-a]", "*", "a{3,1}", "x*", "(|a)", "\\p{Nonesuch}" };

	(void)state;
	for (size_t i = 0; i < sizeof bad_ones / sizeof bad_ones[0]; i++) {
		const char *const regexes[] = { "good", bad_ones[i], "good as well" };
		struct pattern_db *db;
		struct err err;
		size_t bad;

		if (pattern_db_new(regexes, 3, true, &db, &bad, &err) != -EINVAL)
			fail_msg("%s was taken", bad_ones[i]);
		assert_int_equal(bad, 1);
		assert_true(strlen(err.text) > 5);
	}
}

/* What takes a careless matcher years. */
static void test_hostile_text_ends(void **state)
{
	static const char *const regexes[] = { "(a+)+b", "(x+x+)+y", "(?:a|aa)+c" };
	static char text[60000];
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
	struct pattern_db *db;
	struct err err;
	size_t bad;

	(void)state;
	assert_int_equal(pattern_db_new(regexes, 3, true, &db, &bad, &err), 0);
	memset(text, 'a', sizeof text / 2);
	memset(text + sizeof text / 2, 'x', sizeof text / 2);
	(void)pattern_db_scan(db, text, sizeof text, hear, &got);
	assert_string_equal(text_str(&got), "");
	pattern_db_free(db);
}

static void *scan_often(void *arg)
{
	for (unsigned i = 0; i < 2000; i++)
		finds(arg, "one cash two", 12, "0 ");
	return NULL;
}

static void test_many_threads(void **state)
{
	static const char *const regexes[] = { "cash", "(?i)other" };
	struct pattern_db *db;
	struct err err;
	size_t bad;
	pthread_t threads[8];

	(void)state;
	assert_int_equal(pattern_db_new(regexes, 2, true, &db, &bad, &err), 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scan_often, db), 0);
	for (size_t i = 0; i < 8; i++)
		(void)pthread_join(threads[i], NULL);
	pattern_db_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_what_cannot_be_compiled),
		cmocka_unit_test(test_hostile_text_ends),
		cmocka_unit_test(test_many_threads),
	};

	(void)printf("%s\n", pattern_db_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
