/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/bayes/bayes_eval.h"

/* All that is wanted here was computed with 60 digits by another program. */
static const struct {
	struct sluice_store_tally learned, token;
	double want;
} token_rows[] = {
	{ { { 200, 200 } }, { { 0, 0 } }, 0.5 },
	{ { { 200, 200 } }, { { 1, 0 } }, 0.8448275862068966 },
	{ { { 200, 200 } }, { { 0, 1 } }, 0.15517241379310345 },
	{ { { 200, 1000 } }, { { 10, 10 } }, 0.8259983700081499 },
	{ { { 1000, 200 } }, { { 37, 3 } }, 0.7091851288390225 },
	{ { { 4000000000, 4000000000 } }, { { 4000000000, 0 } }, 0.99999999994375 },
};

static void a_token_is_worth_what_was_seen_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof token_rows / sizeof token_rows[0]; i++) {
		double got = bayes_token(&token_rows[i].learned, &token_rows[i].token);

		if (fabs(got - token_rows[i].want) > 1e-12)
			fail_msg("row %zu: got %.15f, want %.15f", i, got, token_rows[i].want);
	}
}

static const struct {
	double likelihoods[3]; /* each, */
	size_t count, times;   /* so often */
	double want;
} combine_rows[] = {
	{ { 0.9 }, 1, 1, 0.9 },
	{ { 0.99, 0.98, 0.6 }, 3, 1, 0.988955459061835361 },
	{ { 0.99, 0.01 }, 2, 1, 0.5 },
	{ { 0.2, 0.3, 0.1 }, 3, 1, 0.073789741466805564 },
	{ { 0.845 }, 1, 10, 0.994589763363546508 },
	{ { 0.999999 }, 1, 150, 1 },
	{ { 0.000001 }, 1, 150, 0 },
	{ { 0.999999, 0.000001 }, 2, 75, 0.5 },
};

static void tokens_are_combined_as_fisher_did(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof combine_rows / sizeof combine_rows[0]; i++) {
		double likelihoods[BAYES_TELLING_MAX], got;
		size_t count = combine_rows[i].count * combine_rows[i].times;

		for (size_t k = 0; k < count; k++)
			likelihoods[k] = combine_rows[i].likelihoods[k % combine_rows[i].count];
		got = bayes_combine(likelihoods, count);
		if (!(fabs(got - combine_rows[i].want) < 1e-9))
			fail_msg("row %zu: got %.15f, want %.15f", i, got, combine_rows[i].want);
	}
}

/* 200 of spam and 400 of ham were learned. */
static void a_message_is_judged_by_what_says_most(void **state)
{
	static const struct sluice_store_tally learned = { { 200, 400 } };
	static const struct sluice_store_tally tokens[] = { { { 50, 0 } }, { { 3, 1 } }, { { 0, 7 } }, { { 20, 20 } }, { { 1, 0 } }, { { 0, 0 } }, { { 10, 20 } } };
	static const struct bayes_said want[] = { { 0, 996 }, { 2, 30 }, { 4, 845 }, { 1, 821 }, { 3, 665 } };
	struct bayes_judgement j;

	(void)state;
	bayes_judge(&learned, tokens, sizeof tokens / sizeof tokens[0], &j);
	assert_int_equal(j.known, 6);
	assert_int_equal(j.telling, 5);
	assert_int_equal(j.probability_milli, 774);
	assert_int_equal(j.said_count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(j.said[i].token, want[i].token);
		assert_int_equal(j.said[i].milli, want[i].milli);
	}
}

static void nothing_known_says_nothing(void **state)
{
	static const struct sluice_store_tally learned = { { 200, 400 } }, tokens[] = { { { 0, 0 } }, { { 1, 2 } } };
	struct bayes_judgement j;

	(void)state;
	bayes_judge(&learned, tokens, 0, &j);
	assert_int_equal(j.known + j.telling + j.said_count, 0);
	bayes_judge(&learned, tokens, 2, &j);
	assert_int_equal(j.known, 1);
	assert_int_equal(j.telling, 0);
}

/* Of a thousand the 150 that say most count, in whatever order they come. */
static void only_the_most_telling_count(void **state)
{
	static const struct sluice_store_tally learned = { { 1000, 1000 } };
	struct sluice_store_tally tokens[1000];
	struct bayes_judgement there, back;

	(void)state;
	for (size_t i = 0; i < 1000; i++) /* of 0 to 999 messages of spam, 1000 to 1 of ham */
		tokens[i] = (struct sluice_store_tally){ { (uint32_t)(i * 617 % 1000), (uint32_t)(1000 - i * 617 % 1000) } };
	bayes_judge(&learned, tokens, 1000, &there);
	assert_int_equal(there.telling, BAYES_TELLING_MAX);
	assert_int_equal(there.said_count, BAYES_SAID_MAX);
	assert_int_equal(tokens[there.said[0].token].counts[BAYES_SPAM], 0);
	for (size_t i = 1; i < there.said_count; i++)
		assert_true(llabs(there.said[i].milli - 500) <= llabs(there.said[i - 1].milli - 500));
	for (size_t i = 0; i < 500; i++) {
		struct sluice_store_tally t = tokens[i];

		tokens[i] = tokens[999 - i];
		tokens[999 - i] = t;
	}
	bayes_judge(&learned, tokens, 1000, &back);
	assert_int_equal(back.probability_milli, there.probability_milli);
	assert_int_equal(999 - back.said[0].token, there.said[0].token);
}

/* Tokens expire, and messages are taken back: counts need not fit to each other. */
static void counts_that_do_not_fit_do_no_harm(void **state)
{
	static const uint32_t counts[] = { 0, 1, 2, 200, UINT32_MAX };
	struct sluice_store_tally tokens[125];
	struct bayes_judgement j;
	size_t n = 0;

	(void)state;
	for (size_t spam = 1; spam < 5; spam++)
		for (size_t ham = 1; ham < 5; ham++) {
			const struct sluice_store_tally learned = { { counts[spam], counts[ham] } };

			n = 0;
			for (size_t i = 0; i < 5; i++)
				for (size_t k = 0; k < 5; k++)
					for (size_t times = 0; times < 5; times++)
						tokens[n++] = (struct sluice_store_tally){ { counts[i], counts[k] } };
			bayes_judge(&learned, tokens, n, &j);
			assert_int_equal(j.known, 120);
			assert_in_range(j.probability_milli, 0, 1000);
			for (size_t i = 0; i < j.said_count; i++)
				assert_in_range(j.said[i].milli, 0, 1000);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_worth_what_was_seen_of_it),
		cmocka_unit_test(tokens_are_combined_as_fisher_did),
		cmocka_unit_test(a_message_is_judged_by_what_says_most),
		cmocka_unit_test(nothing_known_says_nothing),
		cmocka_unit_test(only_the_most_telling_count),
		cmocka_unit_test(counts_that_do_not_fit_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
