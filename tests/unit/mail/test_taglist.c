/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/mail/taglist.h"

static void reads_the_grammar_of_rfc_6376(void **state)
{
	static const struct {
		const char *list, *want; /* NULL: it is none */
	} rows[] = {
		{ "v=1", "v=1|" },
		{ "v=1;", "v=1|" },
		{ "v=1; ", "v=1|" },
		{ " v = 1 ;\r\n\ta =\trsa-sha256 ; b=", "v=1|a=rsa-sha256|b=|" },
		{ "n=some words, and = more;p=a b\r\n c", "n=some words, and = more|p=a b\r\n c|" },
		{ "V=1;v=2", "V=1|v=2|" },
		{ "a_1=x", "a_1=x|" },
		{ "", NULL },
		{ " \r\n ", NULL },
		{ ";", NULL },
		{ "v=1;;a=2", NULL },
		{ "v=1;a", NULL },
		{ "=1", NULL },
		{ "1a=1", NULL },
		{ "a-b=1", NULL },
		{ "a b=1", NULL },
		{ "v=1;v=1", NULL },
		{ "n=caf\xc3\xa9", "n=caf\xc3\xa9|" },
		{ "n=caf\xe9", NULL },
		{ "caf\xc3\xa9=1", NULL },
		{ "n=\x01", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		struct taglist l;
		bool good = taglist_parse(rows[i].list, strlen(rows[i].list), &l);

		for (size_t k = 0; k < l.count; k++)
			text_addf(&got, "%.*s=%.*s|", (int)l.tags[k].name_len, l.tags[k].name, (int)l.tags[k].value_len,
				l.tags[k].value);
		if (good != (rows[i].want != NULL) || (good && strcmp(text_str(&got), rows[i].want) != 0))
			fail_msg("'%s': got %d '%s'", rows[i].list, good, text_str(&got));
	}
}

static void a_list_has_its_bound(void **state)
{
	SLUICE_CLEANUP(text_done) struct text list = TEXT_INIT(10000);
	struct taglist l;

	(void)state;
	for (int i = 0; i < TAGLIST_MAX_TAGS; i++)
		text_addf(&list, "t%d=;", i);
	assert_true(taglist_parse(text_str(&list), list.len, &l));
	text_adds(&list, "more=1");
	assert_false(taglist_parse(text_str(&list), list.len, &l));
}

static void finds_by_name_and_takes_white_space_out(void **state)
{
	static const char list[] = "h=From : To:\r\n\tSubject;d=a . b";
	struct taglist l;
	char buf[8];

	(void)state;
	assert_true(taglist_parse(list, strlen(list), &l));
	assert_null(taglist_find(&l, "H"));
	assert_null(taglist_find(&l, "hh"));
	assert_true(tag_squeeze(taglist_find(&l, "d"), buf, sizeof buf));
	assert_string_equal(buf, "a.b");
	assert_true(tag_squeeze(taglist_find(&l, "d"), buf, 4));
	assert_false(tag_squeeze(taglist_find(&l, "d"), buf, 3));
	assert_string_equal(buf, "");
}

static void takes_words_one_by_one(void **state)
{
	static const struct {
		const char *list, *want;
	} rows[] = {
		{ "h=From : To:\r\n\tSubject", "From|To|Subject|" },
		{ "h=a", "a|" },
		{ "h=a:", "a||" },
		{ "h=:a", "|a|" },
		{ "h=", "|" },
		{ "h=a b:c", "a b|c|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		struct taglist l;
		const char *word;
		size_t pos = 0, len;

		assert_true(taglist_parse(rows[i].list, strlen(rows[i].list), &l));
		while (tag_next_word(&l.tags[0], &pos, &word, &len))
			text_addf(&got, "%.*s|", (int)len, word);
		assert_string_equal(text_str(&got), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_grammar_of_rfc_6376),
		cmocka_unit_test(a_list_has_its_bound),
		cmocka_unit_test(finds_by_name_and_takes_white_space_out),
		cmocka_unit_test(takes_words_one_by_one),
	};

	return cmocka_run_group_tests_name("taglist", tests, NULL, NULL);
}
