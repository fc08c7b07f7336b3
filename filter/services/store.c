/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store.h"

const char *const store_verb_words[] = { "greylist", "rate", "count", "set", "value", "value", "delete", NULL };

void store_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	static const struct sluice_store_answer too_long = { .status = SLUICE_STORE_FAILED, .why = "a key or value that is too long" };

	if (op->key_len > STORE_KEY_MAX || (op->verb == SLUICE_STORE_PUT && op->put.value_len > STORE_VALUE_MAX))
		done(arg, &too_long);
	else
		s->home->run(s, op, done, arg);
}

struct store_stats store_stats(struct store *s)
{
	return s->home->stats(s);
}

void store_free(struct store *s)
{
	if (s)
		s->home->free(s);
}
