/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "plugins/external/external_answer.h"

static const char *const kinds[] = { "one", "two", NULL };
static const struct sluice_fact facts[] = {
	{ "x.yes", SLUICE_BOOL, NULL, "" },	  { "x.number", SLUICE_INT, NULL, "" },	    { "x.weight", SLUICE_MILLI, NULL, "" },
	{ "x.kind", SLUICE_ENUM, kinds, "" },	  { "x.text", SLUICE_TEXT, NULL, "" },	    { "x.domain", SLUICE_DOMAIN, NULL, "" },
	{ "x.address", SLUICE_ADDRESS, NULL, "" }, { "x.ip", SLUICE_IP, NULL, "" }, { "x.list", SLUICE_TEXTS, NULL, "" },
};

static const struct { const char *line, *want; } answers[] = {
	{ "{\"id\":1,\"facts\":{}}", "done" },
	{ "{\"facts\":{\"yes\":true,\"number\":-7,\"weight\":1.2345,\"kind\":\"two\"}}", "done x.yes=yes x.number=-7 x.weight=1.235 x.kind=two" },
	{ "{\"facts\":{\"weight\":-2}}", "done x.weight=-2" },
	{ "{\"facts\":{\"text\":\"\\u00e4\",\"domain\":\"d.example\",\"address\":\"a@d.example\",\"ip\":\"192.0.2.1\"}}",
		"done x.text=\xc3\xa4 x.domain=d.example x.address=a@d.example x.ip=192.0.2.1" },
	{ "{\"facts\":{\"list\":[]}}", "done x.list=" },
	{ "{\"facts\":{\"list\":[\"a\",\"\",\"b\"]}}", "done x.list=a, , b" },
	{ "{\"facts\":{\"yes\":null}}", "done" },
	{ "{\"facts\":{\"yes\":false},\"outcome\":\"done\",\"more\":[1]}", "done x.yes=no" },
	{ "{\"outcome\":\"skipped\"}", "skipped" },
	{ "{\"outcome\":\"temperror\",\"error\":\"away\"}", "temperror away" },
	{ "{\"outcome\":\"temperror\",\"error\":7,\"facts\":{\"yes\":true}}", "temperror  x.yes=yes" },
	{ "{\"outcome\":\"perhaps\"}", "! its outcome is perhaps: done, skipped or temperror are known" },
	{ "{\"outcome\":null}", "! its outcome is null: done, skipped or temperror are known" },
	{ "{\"id\":1}", "! its answer has no object \"facts\"" },
	{ "{\"facts\":[]}", "! its answer has no object \"facts\"" },
	{ "", "! its answer has no object \"facts\"" },
	{ "{\"facts\":{\"yes\":true,\"yes\":false}}", "! its answer has no object \"facts\"" },
	{ "{\"facts\":{\"x.yes\":true}}", "! it gives a fact 'x.yes', which the configuration does not have" },
	{ "{\"facts\":{\"\\u001b[31m\\n\":true}}", "! it gives a fact '?[31m?', which the configuration does not have" },
	{ "{\"facts\":{\"yes\":\"yes\"}}", "! its fact 'yes' is of type bool, and not a string" },
	{ "{\"facts\":{\"number\":1.0}}", "! its fact 'number' is of type number, and not a number" },
	{ "{\"facts\":{\"weight\":1e13}}", "! its fact 'weight' is out of range" },
	{ "{\"facts\":{\"kind\":\"One\"}}", "! its fact 'kind' has a word that is not one of its own" },
	{ "{\"facts\":{\"text\":[\"a\"]}}", "! its fact 'text' is of type text, and not an array" },
	{ "{\"facts\":{\"ip\":\"192.0.2\"}}", "! its fact 'ip' is no address" },
	{ "{\"facts\":{\"list\":[\"a\",{}]}}", "! its fact 'list' has an item that is no string" },
	{ "{\"facts\":{\"list\":{}}}", "! its fact 'list' is of type list, and not an object" },
};

static void reads_facts_of_their_types_or_nothing(void **state)
{
	static const char *const outcomes[] = { "done", "pending", "skipped", "temperror" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);
		struct external_answer a;
		char why[EXTERNAL_WHY_MAX] = "";

		if (!external_answer_read(answers[i].line, strlen(answers[i].line), facts, ARRAY_LEN(facts), &a, why)) {
			text_addf(&got, "! %s", why);
		} else {
			text_adds(&got, outcomes[a.outcome]);
			if (a.outcome == SLUICE_TEMPERROR)
				text_addf(&got, " %s", a.error);
			for (size_t k = 0; k < ARRAY_LEN(facts); k++) {
				if (!a.values[k].known)
					continue;
				text_addf(&got, " %s=", facts[k].name);
				value_print(&got, &a.values[k], facts[k].words);
			}
		}
		if (strcmp(text_str(&got), answers[i].want) != 0)
			fail_msg("%s:\ngot  '%s'\nwant '%s'", answers[i].line, text_str(&got), answers[i].want);
		external_answer_done(&a);
	}
}

static void refuses_what_is_too_long(void **state)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(65536);
	struct external_answer a;
	char why[EXTERNAL_WHY_MAX];

	(void)state;
	text_addf(&line, "{\"facts\":{\"text\":\"%0*d\"}}", EXTERNAL_TEXT_MAX, 0);
	assert_true(external_answer_read(text_str(&line), line.len, facts, ARRAY_LEN(facts), &a, why));
	external_answer_done(&a);
	text_clear(&line);
	text_addf(&line, "{\"facts\":{\"list\":[\"%0*d\"]}}", EXTERNAL_TEXT_MAX + 1, 0);
	assert_false(external_answer_read(text_str(&line), line.len, facts, ARRAY_LEN(facts), &a, why));
	assert_string_equal(why, "its fact 'list' is too long");
	external_answer_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_facts_of_their_types_or_nothing), cmocka_unit_test(refuses_what_is_too_long) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
