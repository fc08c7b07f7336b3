/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store.h"

#include <errno.h>
#include <stdlib.h>

#include "filter/services/handover.h"

const char *const store_verb_words[] = { "greylist", "rate", "count", "set", "value", "value", "delete", "tally", NULL };

const void *store_op_extra(const struct sluice_store_op *op, size_t *ret_len)
{
	switch (op->verb) {
	case SLUICE_STORE_PUT:
		*ret_len = op->put.value_len;
		return op->put.value;
	case SLUICE_STORE_SET:
		*ret_len = op->set.member_len;
		return op->set.member;
	case SLUICE_STORE_TALLY:
		*ret_len = op->tally.count * sizeof *op->tally.items;
		return op->tally.items;
	case SLUICE_STORE_GREYLIST:
	case SLUICE_STORE_RATE:
	case SLUICE_STORE_COUNT:
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
		break;
	}
	*ret_len = 0;
	return NULL;
}

static bool is_too_long(const struct sluice_store_op *op)
{
	size_t key_len = op->key_len + (op->verb == SLUICE_STORE_TALLY ? STORE_ITEM_BYTES : 0);

	return key_len > STORE_KEY_MAX || (op->verb == SLUICE_STORE_PUT && op->put.value_len > STORE_VALUE_MAX) ||
		(op->verb == SLUICE_STORE_TALLY && op->tally.count > SLUICE_STORE_TALLY_MAX);
}

void store_run_once(struct store *s, const struct sluice_store_op *op, uint64_t token, void (*done)(void *arg, const struct sluice_store_answer *answer),
	void *arg)
{
	static const struct sluice_store_answer too_long = { .status = SLUICE_STORE_FAILED, .why = "a key or value that is too long, or too many items" };

	if (is_too_long(op))
		done(arg, &too_long);
	else if (token && s->home->run_once)
		s->home->run_once(s, op, token, done, arg);
	else
		s->home->run(s, op, done, arg);
}

void store_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	store_run_once(s, op, 0, done, arg);
}

struct call {
	struct handover *handover;
	struct sluice_store_answer answer;
	struct text value;
};

static void call_free(void *thing)
{
	struct call *call = thing;

	if (call)
		text_done(&call->value);
	free(call);
}

static void on_answer(void *arg, const struct sluice_store_answer *answer)
{
	struct call *call = arg;

	call->answer = *answer;
	call->answer.value = NULL;
	if (answer->value)
		text_add(&call->value, answer->value, answer->value_len);
	handover_done(call->handover);
}

struct sluice_store_answer store_call(struct store *s, const struct sluice_store_op *op, int64_t timeout_ms, struct text *ret_value)
{
	struct sluice_store_answer answer = { .status = SLUICE_STORE_FAILED, .why = "no answer in time" };
	struct call *call = calloc(1, sizeof *call);
	struct handover *h = call ? handover_new(call, call_free) : NULL;

	if (!h) {
		call_free(call);
		return answer;
	}
	call->handover = h;
	call->value = TEXT_INIT(ret_value ? STORE_VALUE_MAX : 0);
	store_run(s, op, on_answer, call);
	if (handover_wait(h, timeout_ms)) {
		answer = call->answer;
		if (ret_value)
			text_add(ret_value, text_str(&call->value), call->value.len);
	}
	handover_leave(h);
	return answer;
}

int store_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	return s->home->each(s, verb, prefix, limit, timeout_ms, row, arg);
}

int store_members(struct store *s, const char *key, size_t limit, int64_t timeout_ms, void (*member)(void *arg, const char *bytes, size_t len),
	void *arg)
{
	return s->home->members ? s->home->members(s, key, limit, timeout_ms, member, arg) : -ENOTSUP;
}

void store_share(struct store *s, bool yes)
{
	if (s->home->share)
		s->home->share(s, yes);
}

struct store *store_shared(struct store *s)
{
	return s->home->shared ? s->home->shared(s) : s;
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
