/* SPDX-License-Identifier: BSD-2-Clause */
/* external_answer.h - what a program has answered: facts that it was asked for, each of its type, or nothing of it. Pure. */
#ifndef EXTERNAL_ANSWER_H
#define EXTERNAL_ANSWER_H

#include <jansson.h>

#include "filter/base/value.h"
#include "plugins/plugin.h"

#define EXTERNAL_MAX_FACTS 64
#define EXTERNAL_TEXT_MAX  4096 /* octets of a text, and of an item */
#define EXTERNAL_ITEMS_MAX 256  /* of a list */
#define EXTERNAL_WHY_MAX   256

struct external_answer {
	enum sluice_outcome outcome; /* DONE, SKIPPED, or TEMPERROR: the program's own */
	struct value values[EXTERNAL_MAX_FACTS]; /* by index of the facts; texts are the answer's */
	const char *error; /* of TEMPERROR: what the program says, or "" */
	json_t *root;
};

/*
 * {"facts": {"NAME": VALUE, ...}}, with "outcome": "done" | "skipped" | "temperror" and "error": TEXT where they are wanted; null is
 * unknown. facts: count of them, each "WORD.NAME". False: it is not that; why, in EXTERNAL_WHY_MAX octets, names the place.
 * external_answer_done() in any case.
 */
bool external_answer_read(const char *line, size_t len, const struct sluice_fact *facts, unsigned count, struct external_answer *ret,
	char *reterr_why);
void external_answer_done(struct external_answer *a);

#endif
