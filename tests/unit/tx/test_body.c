/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/tx/body.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/body.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* nothing was left in it */
}

static char octet(size_t i)
{
	return (char)(i * 7 % 251);
}

static void all_of_it_comes_back_however_it_was_cut(void **state)
{
	static const size_t limits[][2] = { { 0, 5000 }, { 1, 5000 }, { 4999, 5000 }, { 5000, 5000 }, { 100000, 5000 }, { 100, 100 }, { 0, 1 }, { 300, 1000000 } };
	static const size_t sizes[] = { 0, 1, 99, 100, 101, 4999, 5000, 5001, 20000 }, steps[] = { 1, 7, 4096, 65536 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits) * ARRAY_LEN(sizes) * ARRAY_LEN(steps); i++) {
		const size_t *limit = limits[i % ARRAY_LEN(limits)], size = sizes[i / ARRAY_LEN(limits) % ARRAY_LEN(sizes)],
			     step = steps[i / ARRAY_LEN(limits) / ARRAY_LEN(sizes)];
		struct body *b = body_new(&(struct body_limits){ limit[0], limit[1], folder });
		char part[65536];
		const char *bytes, *why;
		size_t len;

		assert_non_null(b);
		for (size_t at = 0; at < size; at += step) {
			size_t n = size - at < step ? size - at : step;

			for (size_t k = 0; k < n; k++)
				part[k] = octet(at + k);
			body_add(b, part, n);
		}
		assert_int_equal(body_size(b), size);
		assert_int_equal(body_is_cut(b), size > limit[1]);
		bytes = body_bytes(b, &len, &why);
		assert_non_null(bytes);
		assert_null(why);
		assert_int_equal(len, size < limit[1] ? size : limit[1]);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(bytes[k], octet(k));
		assert_ptr_equal(body_bytes(b, &len, &why), bytes);
		body_free(b);
	}
}

static void what_cannot_be_kept_says_why(void **state)
{
	struct body *b = body_new(&(struct body_limits){ 3, 100, "/nonexistent/folder" });
	const char *why;
	size_t len;

	(void)state;
	body_add(b, "abc", 3);
	assert_non_null(b);
	body_add(b, "d", 1);
	body_add(b, "e", 1);
	assert_null(body_bytes(b, &len, &why));
	assert_string_equal(why, "the spool folder of 'body' cannot be written to");
	assert_int_equal(len, 0);
	assert_int_equal(body_size(b), 5);
	assert_false(body_is_cut(b));
	body_free(b);
}

/* A limit of the size of files is as good as a disk that is full. */
static void a_full_disk_says_so(void **state)
{
	struct rlimit before, small = { .rlim_cur = 1000 };
	struct body *b = body_new(&(struct body_limits){ 10, 100000, folder });
	char part[900] = "";
	const char *why;
	size_t len;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	body_add(b, part, sizeof part);
	body_add(b, part, sizeof part);
	body_add(b, part, sizeof part);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_null(body_bytes(b, &len, &why));
	assert_string_equal(why, "the spool folder of 'body' is full");
	assert_int_equal(body_size(b), 3 * sizeof part);
	body_free(b);
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned count = 0;

	while (d && readdir(d))
		count++;
	(void)closedir(d);
	return count;
}

static void the_file_goes_with_the_body(void **state)
{
	unsigned before = open_files();
	struct body *b = body_new(&(struct body_limits){ 0, 100, folder });
	const char *why;
	size_t len;

	(void)state;
	body_add(b, "hello", 5);
	assert_int_equal(open_files(), before + 1);
	assert_memory_equal(body_bytes(b, &len, &why), "hello", 5);
	body_free(b);
	assert_int_equal(open_files(), before);
	body_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_it_comes_back_however_it_was_cut, make_folder, remove_folder),
		cmocka_unit_test(what_cannot_be_kept_says_why),
		cmocka_unit_test_setup_teardown(a_full_disk_says_so, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(the_file_goes_with_the_body, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
