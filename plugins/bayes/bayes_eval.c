/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/bayes/bayes_eval.h"

#include <math.h>

#define STRENGTH  0.45 /* what nothing being known of a token weighs, in messages */
#define UNKNOWN   0.5  /* ... and says */
#define DEVIATION 0.1  /* a token that is nearer to 1/2 says nothing */

struct telling {
	double likelihood, deviation;
	uint64_t seen;
	size_t token;
};

double bayes_token(const struct sluice_store_tally *learned, const struct sluice_store_tally *token)
{
	double spam = (double)token->counts[BAYES_SPAM] / (double)learned->counts[BAYES_SPAM];
	double ham = (double)token->counts[BAYES_HAM] / (double)learned->counts[BAYES_HAM];
	double seen = (double)token->counts[BAYES_SPAM] + (double)token->counts[BAYES_HAM];

	return seen > 0 ? (STRENGTH * UNKNOWN + seen * (spam / (spam + ham))) / (STRENGTH + seen) : UNKNOWN;
}

/*
 * That chi-square of 2 * half degrees of freedom is at least 2 * m: exp(-m) times the sum of m^i / i! for i < half. Each term by its logarithm, as the
 * factors alone are beyond what a double holds where m is large.
 */
static double chi_square_tail(double m, size_t half)
{
	double log_term = -m, sum = exp(log_term);

	for (size_t i = 1; i < half; i++) {
		log_term += log(m / (double)i);
		sum += exp(log_term);
	}
	return sum < 1 ? sum : 1;
}

double bayes_combine(const double *likelihoods, size_t count)
{
	double spam = 0, ham = 0; /* minus the sums of the logarithms */

	for (size_t i = 0; i < count; i++) {
		spam -= log(1 - likelihoods[i]);
		ham -= log(likelihoods[i]);
	}
	return (1 - chi_square_tail(spam, count) + chi_square_tail(ham, count)) / 2;
}

/* Does a say more than b? */
static bool says_more(const struct telling *a, const struct telling *b)
{
	if (a->deviation != b->deviation)
		return a->deviation > b->deviation;
	return a->seen != b->seen ? a->seen > b->seen : a->token < b->token;
}

/* A heap whose first says least. */
static void sink(struct telling *heap, size_t count, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < count; i = child) {
		struct telling t = heap[i];

		if (child + 1 < count && says_more(&heap[child], &heap[child + 1]))
			child++;
		if (!says_more(&t, &heap[child]))
			return;
		heap[i] = heap[child];
		heap[child] = t;
	}
}

static void rise(struct telling *heap, size_t i)
{
	for (size_t parent; i && says_more(&heap[parent = (i - 1) / 2], &heap[i]); i = parent) {
		struct telling t = heap[i];

		heap[i] = heap[parent];
		heap[parent] = t;
	}
}

/* The most telling, those that say least at the end. */
static size_t find_telling(const struct sluice_store_tally *learned, const struct sluice_store_tally *tokens, size_t count, struct telling *heap)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct telling t = { .likelihood = bayes_token(learned, &tokens[i]), .seen = (uint64_t)tokens[i].counts[0] + tokens[i].counts[1], .token = i };

		t.deviation = fabs(t.likelihood - 0.5);
		if (t.deviation < DEVIATION)
			continue;
		if (found < BAYES_TELLING_MAX) {
			heap[found] = t;
			rise(heap, found++);
		} else if (says_more(&t, &heap[0])) {
			heap[0] = t;
			sink(heap, found, 0);
		}
	}
	for (size_t left = found; left > 1; left--) {
		struct telling least = heap[0];

		heap[0] = heap[left - 1];
		heap[left - 1] = least;
		sink(heap, left - 1, 0);
	}
	return found;
}

void bayes_judge(const struct sluice_store_tally *learned, const struct sluice_store_tally *tokens, size_t count, struct bayes_judgement *ret)
{
	struct telling telling[BAYES_TELLING_MAX];
	double likelihoods[BAYES_TELLING_MAX];

	*ret = (struct bayes_judgement){ .telling = find_telling(learned, tokens, count, telling) };
	for (size_t i = 0; i < count; i++)
		ret->known += tokens[i].counts[BAYES_SPAM] || tokens[i].counts[BAYES_HAM];
	for (size_t i = 0; i < ret->telling; i++)
		likelihoods[i] = telling[i].likelihood;
	ret->probability_milli = ret->telling ? llround(1000 * bayes_combine(likelihoods, ret->telling)) : 0;
	for (; ret->said_count < BAYES_SAID_MAX && ret->said_count < ret->telling; ret->said_count++)
		ret->said[ret->said_count] = (struct bayes_said){ telling[ret->said_count].token, llround(1000 * telling[ret->said_count].likelihood) };
}
