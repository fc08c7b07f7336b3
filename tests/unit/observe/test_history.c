/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

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

/* The memory of the oldest is used again where it is enough, and not kept where it is far too much. */
static void cases_of_all_sizes_follow_each_other(void **state)
{
	static const size_t sizes[] = { 10, 5000, 900, 1100, 100000, 1, 99000, 40000, 2000, 3000 };
	struct history *h = history_new(3);
	char *octets = malloc(100001);

	(void)state;
	assert_non_null(octets);
	for (unsigned round = 0; round < 60; round++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(200000);
		size_t len = sizes[round * 7 % ARRAY_LEN(sizes)];
		char id[16];
		struct case_ c = { .id = id, .queue_id = "", .message_id = "", .client.user = "" };

		(void)snprintf(id, sizeof id, "c%u", round);
		memset(octets, 'a' + (int)(round % 26), len);
		history_add(h, &c, octets, len);
		for (unsigned back = 0; back < 3 && back <= round; back++) {
			size_t wanted = sizes[(round - back) * 7 % ARRAY_LEN(sizes)];

			(void)snprintf(id, sizeof id, "c%u", round - back);
			text_clear(&out);
			assert_true(history_find(h, id, &out));
			assert_int_equal(out.len, wanted);
			assert_int_equal(out.bytes[0], 'a' + (int)((round - back) % 26));
			assert_int_equal(out.bytes[wanted - 1], 'a' + (int)((round - back) % 26));
		}
	}
	free(octets);
	history_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_newest_by_any_of_its_names),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(another_size_keeps_the_newest),
		cmocka_unit_test(cases_of_all_sizes_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
