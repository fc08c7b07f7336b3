/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter/observe/case_folder.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define NOW_MS  (INT64_C(1800000000) * 1000)

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/cases.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct case_files files;
	struct err err;
	char path[80];

	(void)state;
	if (case_folder_list(folder, &files, &err) == 0)
		for (size_t i = 0; i < files.len; i++)
			(void)unlink(files.items[i]);
	case_files_done(&files);
	(void)snprintf(path, sizeof path, "%s/.key", folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/.lock", folder);
	(void)unlink(path);
	return rmdir(folder); /* and nothing else was left in it */
}

/* A file with these lines whose last case is so old. */
static void put(const char *name, const char *lines, int64_t age_ms)
{
	const struct timespec times[2] = { { .tv_sec = (NOW_MS - age_ms) / 1000 }, { .tv_sec = (NOW_MS - age_ms) / 1000 } };
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(lines, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* All files and what is in them: "name[content] ". */
static const char *content(void)
{
	static char all[4096];
	struct case_files files;
	struct err err;

	all[0] = '\0';
	assert_int_equal(case_folder_list(folder, &files, &err), 0);
	for (size_t i = 0; i < files.len; i++) {
		SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(4096);

		assert_int_equal(text_read_file(&file, files.items[i]), 0);
		(void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s[%s] ", strrchr(files.items[i], '/') + 1, text_str(&file));
	}
	case_files_done(&files);
	return all;
}

static void begins_files_that_follow_each_other(void **state)
{
	struct case_files files;
	struct err err;

	(void)state;
	for (int i = 0; i < 5; i++) {
		int fd = case_folder_begin(folder, &err);

		assert_true(fd >= 0 && write(fd, &"abcde"[i], 1) == 1 && close(fd) == 0);
	}
	assert_int_equal(case_folder_list(folder, &files, &err), 0);
	assert_int_equal(files.len, 5);
	case_files_done(&files);
	assert_non_null(strstr(content(), "[a]"));
	assert_true(strstr(content(), "[a]") < strstr(content(), "[e]"));
	assert_true(case_folder_begin("/nonexistent/folder/cases", &err) < 0);
	assert_non_null(strstr(err.text, "cases: /nonexistent/folder/cases cannot be made"));
}

static void takes_away_what_is_old_or_too_much(void **state)
{
	struct case_keeping k = { folder, 10 * HOUR_MS, 8, 20 * HOUR_MS };
	struct err err;

	(void)state;
	put("1.jsonl", "11\n", 11 * HOUR_MS);
	put("2.jsonl", "22\n", 9 * HOUR_MS);
	put("3.jsonl", "33\n", 8 * HOUR_MS);
	put("4.jsonl", "44\n", 1 * HOUR_MS);
	put(".3.jsonl.x", "", 0); /* of somebody who writes */
	put("other", "", 90 * HOUR_MS);
	assert_int_equal(case_folder_tidy(&k, NOW_MS, &err), 0);
	assert_string_equal(content(), "3.jsonl[33\n] 4.jsonl[44\n] ");
	assert_int_equal(case_folder_tidy(&k, NOW_MS + 90 * HOUR_MS, &err), 0);
	assert_string_equal(content(), "4.jsonl[44\n] "); /* it is written to */
	put(".3.jsonl.x", "", 0);
	for (const char *const *name = (const char *const[]){ ".3.jsonl.x", "other", NULL }; *name; name++) {
		char path[128];

		(void)snprintf(path, sizeof path, "%s/%s", folder, *name);
		assert_int_equal(unlink(path), 0); /* they are nobody's business here */
	}
}

static void hides_people_when_it_is_time(void **state)
{
	const struct case_keeping k = { folder, 10 * HOUR_MS, 1 << 20, HOUR_MS };
	struct stat before, after;
	struct err err;
	char path[128];

	(void)state;
	put("1.jsonl", "{\"from\":\"a@x\"}\n{\"from\":\"b@x\"}\n{\"cut", 2 * HOUR_MS);
	put("2.jsonl", "{\"from\":\"a@x\"}\n", HOUR_MS / 2);
	put("3.jsonl", "{\"from\":\"a@x\"}\n", 3 * HOUR_MS);
	(void)snprintf(path, sizeof path, "%s/1.jsonl", folder);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(case_folder_tidy(&k, NOW_MS, &err), 0);
	assert_memory_equal(content(), "1.hidden.jsonl[{\"from\":\"~", 24);
	assert_null(strstr(content(), "\"b@x"));
	assert_non_null(strstr(content(), "@x\",\"hidden\":true}\n] 2.jsonl[{\"from\":\"a@x\"}\n] 3.jsonl[{\"from\":\"a@x\"}\n] "));
	(void)snprintf(path, sizeof path, "%s/1.hidden.jsonl", folder);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mtime, before.st_mtime);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(case_folder_tidy(&k, NOW_MS, &err), 0);
	assert_memory_equal(content(), "1.hidden.jsonl[{\"from\":\"~", 24);
	assert_int_equal(case_folder_forget(folder, "A@X", true, &err), 2);
	assert_non_null(strstr(content(), "2.jsonl[] 3.jsonl[{\"from\":\"a@x\"}\n]")); /* that one is written to */
	assert_int_equal(case_folder_forget(folder, "a@x", false, &err), 1);
	assert_int_equal(case_folder_forget(folder, "b@x", false, &err), 1);
	assert_int_equal(case_folder_forget(folder, "b@x", false, &err), 0);
	assert_string_equal(content(), "1.hidden.jsonl[] 2.jsonl[] 3.jsonl[] ");
}

static const char *found(const char *id)
{
	static char line[256];
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(256);
	struct err err;

	if (case_folder_find(folder, id, &out, &err) <= 0)
		return "";
	(void)snprintf(line, sizeof line, "%s", text_str(&out));
	return line;
}

static void finds_the_newest_case_of_a_name(void **state)
{
	(void)state;
	put("1.jsonl", "{\"case\":\"aa\",\"queue_id\":\"Q\",\"message_id\":\"<m@x>\"}\n{\"case\":\"bb\",\"queue_id\":\"\",\"message_id\":\"\"}\n", 0);
	put("2.jsonl", "{\"case\":\"cc\",\"queue_id\":\"Q\"}\n{\"case\":\"dd\",\"queue_id\":\"Q\",\"n\":1}\n{\"case\":\"ee\",\"text\":\"\\\"case\\\":\\\"bb\\\"\"}\n{\"case\":\"ff\",\"queue_id\":\"Q\"", 0);
	assert_string_equal(found("aa"), "{\"case\":\"aa\",\"queue_id\":\"Q\",\"message_id\":\"<m@x>\"}");
	assert_string_equal(found("m@x"), found("aa"));
	assert_string_equal(found("<m@x>"), found("aa"));
	assert_string_equal(found("Q"), "{\"case\":\"dd\",\"queue_id\":\"Q\",\"n\":1}");
	assert_string_equal(found("bb"), "{\"case\":\"bb\",\"queue_id\":\"\",\"message_id\":\"\"}"); /* not what another one quotes */
	assert_string_equal(found("ee"), "{\"case\":\"ee\",\"text\":\"\\\"case\\\":\\\"bb\\\"\"}");
	assert_string_equal(found("ff"), ""); /* half a case */
	assert_string_equal(found("zz"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(begins_files_that_follow_each_other, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(takes_away_what_is_old_or_too_much, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(hides_people_when_it_is_time, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(finds_the_newest_case_of_a_name, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
