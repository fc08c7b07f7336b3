/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What proof.h says of conditions made at random is compared with all values that their facts can have. It may not see that something
 * is impossible, and must never say so of what happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/policy/policy.h"
#include "filter/policy/proof.h"

enum { YES_NO, NUMBER, WORD, TEXT, OTHER, FACTS };
static const char *const words[] = { "one", "two", "three", NULL };
static const struct catalog_fact rows[FACTS] = {
	[YES_NO] = { "a.bool", SLUICE_BOOL, NULL, "", SLUICE_STAGE_CONNECT, SCOPE_CONNECTION, CATALOG_NO_CHECK },
	[NUMBER] = { "a.number", SLUICE_INT, NULL, "", SLUICE_STAGE_CONNECT, SCOPE_CONNECTION, CATALOG_NO_CHECK },
	[WORD] = { "a.word", SLUICE_ENUM, words, "", SLUICE_STAGE_CONNECT, SCOPE_CONNECTION, CATALOG_NO_CHECK },
	[TEXT] = { "a.text", SLUICE_TEXT, NULL, "", SLUICE_STAGE_CONNECT, SCOPE_CONNECTION, CATALOG_NO_CHECK },
	[OTHER] = { "a.other", SLUICE_INT, NULL, "", SLUICE_STAGE_CONNECT, SCOPE_CONNECTION, CATALOG_NO_CHECK },
};
static const char *const tests[] = {
	"a.bool", "a.bool == no", "a.bool != no", "a.bool is known", "a.bool is unknown", "a.number == 1", "a.number != 1", "a.number < 2", "a.number <= 2",
	"a.number > 2", "a.number >= 2", "a.number in [0 2]", "a.number not in [1 3]", "a.number == a.other", "a.number < a.other", "a.number is unknown",
	"a.other == 2", "a.word == one", "a.word != one", "a.word in [one two]", "a.word not in [one two]", "a.word is known", "a.text == x",
	"a.text != x", "a.text == y", "a.text in [x z]", "a.text matches \"?\"", "a.text matches \"x*\"",
};

static struct catalog catalog;
static uint32_t seed = 1;

static unsigned any(unsigned below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % below;
}

static void condition(struct text *out, unsigned depth)
{
	unsigned kind = depth ? any(5) : 4;

	if (kind == 4) {
		text_adds(out, tests[any(ARRAY_LEN(tests))]);
		return;
	}
	if (kind == 3) {
		text_adds(out, "not (");
		condition(out, depth - 1);
	} else {
		text_addc(out, '(');
		condition(out, depth - 1);
		text_adds(out, kind ? " and " : " or ");
		condition(out, depth - 1);
	}
	text_addc(out, ')');
}

/* Two rules, of one condition each. */
static struct policy *two(struct text *config)
{
	struct policy_host host = { .catalog = &catalog };
	struct policy *p = NULL;
	struct err err;

	text_adds(config, "at connect {\nrule a score 1 when ");
	condition(config, 3);
	text_adds(config, "\nrule b score 1 when ");
	condition(config, 3);
	text_adds(config, "\n}\n");
	if (policy_parse("test", text_str(config), config->len, &host, &p, &err) < 0)
		fail_msg("%s\n%s", text_str(config), err.text);
	return p;
}

static struct value number(unsigned fact, unsigned n)
{
	return (struct value){ .known = n > 0, .type = rows[fact].type, .number = (int64_t)n - 1 };
}

/* The values of the n-th assignment; false behind the last. */
static bool assign(unsigned n, struct value *facts)
{
	static const char *const texts[] = { "", "x", "y", "xx" };

	facts[YES_NO] = (struct value){ .known = n % 3 > 0, .type = SLUICE_BOOL, .yes = n % 3 == 2 };
	n /= 3;
	facts[NUMBER] = number(NUMBER, n % 6);
	n /= 6;
	facts[WORD] = number(WORD, n % 4);
	n /= 4;
	facts[TEXT] = (struct value){ .known = n % 4 > 0, .type = SLUICE_TEXT, .text = { texts[n % 4], strlen(texts[n % 4]) } };
	n /= 4;
	facts[OTHER] = number(OTHER, n % 5);
	return n / 5 == 0;
}

static void what_happens_is_never_called_impossible(void **state)
{
	unsigned impossible = 0, seen = 0;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		SLUICE_CLEANUP(text_done) struct text config = TEXT_INIT(1u << 16);
		struct policy *p = two(&config);
		const struct expr *a = p->rules.items[0].when, *b = p->rules.items[1].when;
		bool holds = false, alone = false, with_yes = false;
		unsigned effort = 1000000;
		struct value facts[FACTS];

		for (unsigned n = 0; assign(n, facts); n++) {
			bool yes = expr_eval(a, facts) == TRUTH_YES;

			holds |= yes;
			with_yes |= yes && facts[YES_NO].known && facts[YES_NO].yes;
			alone |= yes && expr_eval(b, facts) != TRUTH_YES;
		}
		if (holds > proof_can_hold(a, &effort) || alone > proof_possible(a, b, &effort) || with_yes > proof_possible_with(a, YES_NO, true, &effort))
			fail_msg("it happens:\n%s", text_str(&config));
		impossible += 3u - holds - alone - with_yes;
		seen += 3u - proof_can_hold(a, &effort) - proof_possible(a, b, &effort) - proof_possible_with(a, YES_NO, true, &effort);
		policy_free(p);
	}
	assert_true(impossible > 500);
	assert_true(seen * 10 > impossible * 8); /* and most of what cannot happen is seen */
}

static void without_effort_all_is_possible(void **state)
{
	static const char config[] = "at connect {\nrule a score 1 when a.bool and not a.bool\n}\n";
	struct policy_host host = { .catalog = &catalog };
	struct policy *p = NULL;
	unsigned effort = 1000;
	struct err err;

	(void)state;
	assert_int_equal(policy_parse("test", config, strlen(config), &host, &p, &err), 0);
	assert_false(proof_can_hold(p->rules.items[0].when, &effort));
	effort = 1;
	assert_true(proof_can_hold(p->rules.items[0].when, &effort));
	assert_int_equal(effort, 0);
	assert_true(proof_can_hold(NULL, &effort));
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(what_happens_is_never_called_impossible),
		cmocka_unit_test(without_effort_all_is_possible),
	};

	for (size_t i = 0; i < FACTS; i++)
		if (!catalog_add(&catalog, &rows[i]))
			return 1;
	return cmocka_run_group_tests_name("proof", all, NULL, NULL);
}
