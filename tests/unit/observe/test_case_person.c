/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/vec.h"
#include "filter/observe/case_person.h"

static const struct hash_key key = { 1, 2 }, other_key = { 1, 3 };

/* To be freed. */
static char *hidden(const char *json)
{
	struct text out = TEXT_INIT(65536);

	case_hide(&out, json, strlen(json), &key);
	assert_false(out.failed);
	return out.bytes;
}

static void hides_what_names_people_and_nothing_else(void **state)
{
	static const char *const rows[][3] = { /* the case; what is hidden; what stays */
		{ "{\"from\":\"alice@example.org\",\"x\":1}", "alice", "@example.org\",\"x\":1,\"hidden\":true}" },
		{ "{\"text\":\"550 <al.ice+tag@example.org>: no\"}", "al.ice+tag", "@example.org>: no\"" },
		{ "{\"a\":\"spf=fail smtp.mailfrom=alice@example.org;\\n\\tdkim=none\"}", "alice", "spf=fail smtp.mailfrom=~" },
		{ "{\"a\":\"greylist|192.0.2.0/24|alice@x.example|bob@y.example\"}", "bob", "greylist|192.0.2.0/24|~" },
		{ "{\"from\":\"\\\"al ice\\\"@example.org\"}", "al ice", "{\"from\":\"~" },
		{ "{\"client\":{\"user\":\"carol\"},\"facts\":{\"carol\":1,\"auth\":\"CAROL\"},\"k\":\"account|network|carol|192.0.2.0/24\"}", "account|network|carol",
			"{\"carol\":1,\"auth\":\"~" },
		{ "{\"from\":\"\xc3\xa4@example.org\"}", "\xc3\xa4", "@example.org" },
		{ "{\"message_id\":\"<1.2.alice@example.org>\"}", "alice", "\"<~" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *is = hidden(rows[i][0]);

		assert_non_null(strstr(rows[i][0], rows[i][1]));
		assert_null(strstr(is, rows[i][1]));
		if (!strstr(is, rows[i][2]))
			fail_msg("%s has no %s", is, rows[i][2]);
		free(is);
	}
}

static void leaves_alone_what_names_nobody(void **state)
{
	static const char *const cases[] = { "{\"a\":\"@example.org\"}", "{\"a\":\"at @ sign\"}", "{\"a\":\"alice@\"}", "{\"client\":{\"user\":\"\"},\"a\":\"\"}", "{}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *is = hidden(cases[i]);

		assert_memory_equal(is, cases[i], strlen(cases[i]) - 1);
		assert_string_equal(is + strlen(cases[i]) - 1, ",\"hidden\":true}");
		free(is);
	}
}

static void once_is_enough_and_what_was_cut_stays(void **state)
{
	char *once = hidden("{\"from\":\"alice@example.org\"}"), *twice = hidden(once);

	(void)state;
	assert_string_equal(once, twice);
	free(once);
	free(twice);
	once = hidden("{\"from\":\"alice@exam");
	assert_string_equal(once, "{\"from\":\"alice@exam");
	free(once);
}

static void the_same_person_is_the_same(void **state)
{
	char *one = hidden("{\"from\":\"Alice@Example.org\"}"), *same = hidden("{\"text\":\"to alice@example.org.\"}"), *another = hidden("{\"from\":\"alice@example.net\"}");

	(void)state;
	assert_memory_equal(strchr(one, '~'), strchr(same, '~'), 14);
	assert_memory_not_equal(strchr(one, '~'), strchr(another, '~'), 14);
	free(one);
	free(same);
	free(another);
}

static bool names(const char *json, const char *person)
{
	return case_names(json, strlen(json), person, &key);
}

static void finds_a_person(void **state)
{
	static const char json[] = "{\"client\":{\"user\":\"carol\"},\"from\":\"alice@example.org\",\"t\":\"<bob@example.org>: who is dave@example.org?\"}";
	static const char *const there[] = { "alice@example.org", "ALICE@example.ORG", "bob@example.org", "dave@example.org", "carol" };
	static const char *const not[] = { "lice@example.org", "alice@example.or", "alice@example.org.uk", "example.org", "carole", "aro", "who", "user", "" };
	char *is = hidden(json);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		assert_true(names(json, there[i]));
		assert_true(names(is, there[i]));
		assert_false(case_names(is, strlen(is), there[i], &other_key));
		assert_false(case_names(is, strlen(is), there[i], NULL));
	}
	for (size_t i = 0; i < ARRAY_LEN(not); i++) {
		assert_false(names(json, not[i]));
		assert_false(names(is, not[i]));
	}
	free(is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hides_what_names_people_and_nothing_else),
		cmocka_unit_test(leaves_alone_what_names_nobody),
		cmocka_unit_test(once_is_enough_and_what_was_cut_stays),
		cmocka_unit_test(the_same_person_is_the_same),
		cmocka_unit_test(finds_a_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
