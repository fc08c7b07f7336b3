/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store.h"

#include <stdlib.h>

#include "filter/services/handover.h"

const char *const store_verb_words[] = { "greylist", "rate", "count", "set", "value", "value", "delete", NULL };

void store_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	static const struct sluice_store_answer too_long = { .status = SLUICE_STORE_FAILED, .why = "a key or value that is too long" };

	if (op->key_len > STORE_KEY_MAX || (op->verb == SLUICE_STORE_PUT && op->put.value_len > STORE_VALUE_MAX))
		done(arg, &too_long);
	else
		s->home->run(s, op, done, arg);
}

struct call {
	struct handover *handover;
	struct sluice_store_answer answer;
};

static void on_answer(void *arg, const struct sluice_store_answer *answer)
{
	struct call *call = arg;

	call->answer = *answer;
	call->answer.value = NULL;
	handover_done(call->handover);
}

struct sluice_store_answer store_call(struct store *s, const struct sluice_store_op *op, int64_t timeout_ms)
{
	struct sluice_store_answer answer = { .status = SLUICE_STORE_FAILED, .why = "no answer in time" };
	struct call *call = calloc(1, sizeof *call);
	struct handover *h = call ? handover_new(call, free) : NULL;

	if (!h) {
		free(call);
		return answer;
	}
	call->handover = h;
	store_run(s, op, on_answer, call);
	if (handover_wait(h, timeout_ms))
		answer = call->answer;
	handover_leave(h);
	return answer;
}

int store_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	return s->home->each(s, verb, prefix, limit, timeout_ms, row, arg);
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
