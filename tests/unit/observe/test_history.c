/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "filter/observe/history.h"

static void add(struct history *h, const char *id, const char *queue_id, const char *message_id)
{
	const struct case_ c = { .id = id, .queue_id = queue_id, .message_id = message_id, .client.user = "" };

	history_add(h, &c, id, strlen(id));
}

static const char *find(struct history *h, const char *id)
{
	static char buf[64];
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(64);

	if (!history_find(h, id, &out))
		return NULL;
	(void)snprintf(buf, sizeof buf, "%s", text_str(&out));
	return buf;
}

static void finds_the_newest_by_any_of_its_names(void **state)
{
	struct history *h = history_new(4);

	(void)state;
	add(h, "one", "Q1", "<m@x>");
	add(h, "two", "Q1", "");
	add(h, "three", "", "");
	assert_string_equal(find(h, "one"), "one");
	assert_string_equal(find(h, "Q1"), "two");
	assert_string_equal(find(h, "<m@x>"), "one");
	assert_string_equal(find(h, "m@x"), "one");
	assert_null(find(h, ""));
	assert_null(find(h, "four"));
	history_free(h);
}

static void the_oldest_make_room(void **state)
{
	struct history *h = history_new(2);

	(void)state;
	add(h, "one", "", "");
	add(h, "two", "", "");
	add(h, "three", "", "");
	assert_null(find(h, "one"));
	assert_string_equal(find(h, "two"), "two");
	history_free(h);
}

static void another_size_keeps_the_newest(void **state)
{
	struct history *h = history_new(3);

	(void)state;
	add(h, "one", "", "");
	add(h, "two", "", "");
	assert_true(history_resize(h, 1));
	assert_null(find(h, "one"));
	assert_string_equal(find(h, "two"), "two");
	assert_true(history_resize(h, 3));
	add(h, "three", "", "");
	add(h, "four", "", "");
	assert_string_equal(find(h, "two"), "two");
	add(h, "five", "", "");
	assert_null(find(h, "two"));
	assert_true(history_resize(h, 0));
	add(h, "six", "", "");
	assert_null(find(h, "six"));
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_newest_by_any_of_its_names),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(another_size_keeps_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
