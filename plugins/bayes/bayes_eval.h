/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bayes_eval.h - how likely a message is spam, from how many messages of either kind had its tokens. Pure.
 *
 * Each token is worth what Robinson gave it ("A statistical approach to the spam problem", Linux Journal, 2003): the share of spam among the
 * messages that had it, as if there were as many of either kind, drawn to 1/2 the less it has been seen. Those that say most are combined as
 * Fisher combines tests that are independent, once for spam and once for ham; where both are likely, or neither, the result is about 1/2: it is not
 * known. The constants are those that SpamBayes found (Meyer and Whateley, "SpamBayes", CEAS 2004), and 150 tokens as there.
 */
#ifndef BAYES_EVAL_H
#define BAYES_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/plugin.h"

#define BAYES_TELLING_MAX 150 /* tokens that are combined */
#define BAYES_SAID_MAX    15  /* that are named */

enum bayes_class { BAYES_SPAM, BAYES_HAM }; /* of the counts */

struct bayes_said {
	size_t token;     /* an index into tokens */
	int64_t milli;    /* how likely a message with it is spam, in thousandths */
};

struct bayes_judgement {
	size_t known;              /* tokens that were learned */
	size_t telling;            /* those that were combined */
	int64_t probability_milli; /* that it is spam, 0 to 1000; only where something is telling */
	struct bayes_said said[BAYES_SAID_MAX]; /* the most telling, the first the most */
	size_t said_count;
};

/*
 * learned: messages of each class, at least one of each. tokens: messages that had them, in an order that is the same each time: of two
 * that say as much the one that was seen more counts, then the first.
 */
void bayes_judge(const struct sluice_store_tally *learned, const struct sluice_store_tally *tokens, size_t count, struct bayes_judgement *ret);

/* How likely a message with a token is spam. */
double bayes_token(const struct sluice_store_tally *learned, const struct sluice_store_tally *token);
/* Robinson's and Fisher's: from the likelihoods of count tokens, each between 0 and 1 without these. */
double bayes_combine(const double *likelihoods, size_t count);

#endif
