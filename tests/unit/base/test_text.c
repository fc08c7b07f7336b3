/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/text.h"

static void grows_up_to_its_maximum(void **state)
{
	struct text t = TEXT_INIT(1000);

	(void)state;
	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 1000; i++)
		text_addc(&t, 'x');
	assert_false(t.failed);
	assert_int_equal(t.len, 1000);
	assert_int_equal(strlen(text_str(&t)), 1000);
	text_addc(&t, 'x');
	assert_true(t.failed);
	assert_int_equal(t.len, 1000);
	text_done(&t);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	struct text t = TEXT_INIT(5);

	(void)state;
	text_adds(&t, "abc");
	text_adds(&t, "def");
	assert_true(t.failed);
	text_addc(&t, 'x');
	text_addf(&t, "%d", 1);
	assert_string_equal(text_str(&t), "abc");
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	text_addf(&t, "%d", 12345);
	assert_false(t.failed);
	assert_string_equal(text_str(&t), "12345");
	text_addf(&t, "%d", 6);
	assert_true(t.failed);
	assert_string_equal(text_str(&t), "12345");
	text_done(&t);
}

static void numbers_in_decimal(void **state)
{
	struct text t = TEXT_INIT(200);

	(void)state;
	text_add_int(&t, 0);
	text_addc(&t, ' ');
	text_add_int(&t, -70);
	text_addc(&t, ' ');
	text_add_int(&t, INT64_MIN);
	text_addc(&t, ' ');
	text_add_int(&t, INT64_MAX);
	assert_string_equal(text_str(&t), "0 -70 -9223372036854775808 9223372036854775807");
	text_done(&t);
}

static void room_is_no_more_than_the_maximum(void **state)
{
	struct text t = TEXT_INIT(10);

	(void)state;
	text_room(&t, 5000);
	assert_string_equal(text_str(&t), "");
	text_addf(&t, "%d", 1234567890);
	assert_false(t.failed);
	text_addf(&t, "%s", "x");
	assert_true(t.failed);
	assert_string_equal(text_str(&t), "1234567890");
	text_done(&t);
}

static void nothing_fits_into_nothing(void **state)
{
	struct text t = TEXT_INIT(0);

	(void)state;
	text_add(&t, NULL, 0);
	assert_false(t.failed);
	text_addc(&t, 'x');
	assert_true(t.failed);
	text_done(&t);
	text_done(&t);
}

static void thousandths_show_no_needless_zeros(void **state)
{
	static const struct {
		int64_t value;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ 1500, "1.5" },
		{ 2000, "2" },
		{ -1, "-0.001" },
		{ -250, "-0.25" },
		{ 10010, "10.01" },
		{ 100, "0.1" },
		{ -8000, "-8" },
		{ INT64_MAX, "9223372036854775.807" },
		{ INT64_MIN, "-9223372036854775.808" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text t = TEXT_INIT(64);

		text_add_milli(&t, rows[i].value);
		if (strcmp(text_str(&t), rows[i].want) != 0)
			fail_msg("got %s, want %s", text_str(&t), rows[i].want);
		text_done(&t);
	}
}

static void reads_files(void **state)
{
	char path[] = "/tmp/test_text_XXXXXX";
	struct text t = TEXT_INIT(40000);
	int fd = mkstemp(path), pipes[2];
	char name[64];

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(write(fd, "0123456789", 10), 10);
	text_adds(&t, "before:");
	assert_int_equal(text_read_file(&t, path), 0);
	assert_int_equal(t.len, 20007);
	assert_memory_equal(t.bytes, "before:0123456789", 17);
	assert_int_equal(text_read_file(&t, path), -EFBIG);
	assert_int_equal(t.len, 20007);
	assert_int_equal(strlen(t.bytes), 20007);
	assert_int_equal(text_read_file(&t, "/nonexistent/file"), -ENOENT);
	assert_int_equal(text_read_file(&t, "/tmp"), -EISDIR);
	assert_int_equal(text_read_file(&t, "/dev/null"), -EINVAL);

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "piped", 5), 5);
	(void)close(pipes[1]);
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", pipes[0]);
	text_clear(&t);
	assert_int_equal(text_read_file(&t, name), 0);
	assert_string_equal(text_str(&t), "piped");
	(void)close(pipes[0]);
	(void)snprintf(name, sizeof name, "%s.fifo", path);
	assert_int_equal(mkfifo(name, 0600), 0);
	(void)alarm(10); /* nobody writes to it */
	assert_int_equal(text_read_file(&t, name), -EINVAL);
	(void)alarm(0);
	(void)unlink(name);
	assert_string_equal(text_file_error(-EINVAL), "it is no regular file");
	assert_string_equal(text_file_error(-ENOENT), strerror(ENOENT));
	text_done(&t);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_maximum),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(numbers_in_decimal),
		cmocka_unit_test(room_is_no_more_than_the_maximum),
		cmocka_unit_test(nothing_fits_into_nothing),
		cmocka_unit_test(thousandths_show_no_needless_zeros),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
