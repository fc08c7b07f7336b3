/* SPDX-License-Identifier: BSD-2-Clause */
/* limit.c - the limits of rules: what an event takes from them, and what a refusal gives back. */
#include <string.h>

#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"

static int64_t recipients(const struct message *m)
{
	int64_t count = 0;

	for (size_t i = 0; i < m->recipients.len; i++)
		count += !m->recipients.items[i].refused;
	return count;
}

static int64_t cost_of(const struct dialogue *d, const struct rule *rule)
{
	const struct message *m = &d->session->message;
	int64_t cost = 1;

	switch (rule->limit->unit) {
	case LIMIT_CONNECTIONS:
	case LIMIT_MESSAGES:
		break;
	case LIMIT_RECIPIENTS:
		cost = rule->stage == SLUICE_STAGE_RCPT ? 1 : recipients(m);
		break;
	case LIMIT_KILOBYTES:
		cost = (int64_t)((m->header_bytes + m->body_bytes + LIMIT_KILOBYTE - 1) / LIMIT_KILOBYTE);
		break;
	}
	return cost < rule->limit->burst ? cost : rule->limit->burst; /* more could never pass: it takes all there is */
}

/* Of messages, a recipient takes only if none before it has: the slot of the message answers it. */
static enum slot_scope scope_of(const struct rule *rule)
{
	if (rule->limit->unit == LIMIT_CONNECTIONS)
		return SLOT_CONNECTION;
	return rule->limit->unit == LIMIT_RECIPIENTS && rule->stage == SLUICE_STAGE_RCPT ? SLOT_RECIPIENT : SLOT_MESSAGE;
}

static bool taken_already(const struct dialogue *d, const char *key, size_t len)
{
	for (size_t i = 0; i < d->taken.len; i++)
		if (!d->taken.items[i].recipient && d->taken.items[i].key_len == len && !memcmp(d->taken.items[i].key, key, len))
			return true;
	return false;
}

static void note(struct dialogue *d, const struct rule *rule, const struct sluice_store_op *op)
{
	struct taken t = { .limit = rule->limit, .key_len = op->key_len, .cost = op->rate.cost };
	enum slot_scope scope = scope_of(rule);

	if (scope == SLOT_CONNECTION)
		return; /* a connection was made, whatever becomes of its mail */
	if (scope == SLOT_RECIPIENT)
		t.recipient = d->session->message.recipients.len;
	else if (taken_already(d, op->key, op->key_len))
		return;
	t.key = arena_copy(session_arena(d->session, SCOPE_MESSAGE), op->key, op->key_len);
	if (!t.key || !vec_push(&d->taken, t))
		d->fault = true;
}

static void set_wait(struct dialogue *d, int64_t wait_s)
{
	d->session->facts[CORE_LIMIT_WAIT] = (struct value){ .known = true, .type = SLUICE_INT, .number = wait_s };
}

/* Nobody is refused for it but by an on_error. */
static void set_failed(struct dialogue *d)
{
	d->session->facts[CORE_LIMIT_ERROR] = (struct value){ .known = true, .type = SLUICE_ENUM, .number = CASE_ERROR_STORE };
}

bool limit_exceeded(struct dialogue *d, const struct rule *rule)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	struct looked look = { .rule = rule, .scope = stage_scope(rule->stage), .recipient = stage_recipient(d, rule) };
	const struct sluice_store_answer *answer;
	struct sluice_store_op op;

	if (!limit_key(&key, rule->name, rule->limit, d->session->facts, &d->snapshot->registry->catalog))
		return false;
	if (d->replay) {
		enum replay_looked was = replay_limit(d, rule, &look.wait_s);

		look.over = was == REPLAY_OVER;
		if (was == REPLAY_FAILED)
			set_failed(d);
		set_wait(d, look.wait_s);
		return look.over;
	}
	op = limit_op(rule->limit, text_str(&key), key.len, cost_of(d, rule));
	answer = stage_ask_store(d, scope_of(rule), &op);
	if (answer->status == SLUICE_STORE_FAILED) {
		set_failed(d);
		return false;
	}
	if (answer->allowed)
		note(d, rule, &op);
	look.over = !answer->allowed;
	look.wait_s = (answer->wait_ms + 999) / 1000;
	if (!vec_push(&d->looked, look))
		d->fault = true;
	set_wait(d, look.wait_s);
	return look.over;
}

/* Give back all that was taken with the key of one entry, which becomes part of it. */
static void give_back(struct dialogue *d, struct taken *first, size_t recipient)
{
	struct sluice_store_op op = limit_op(first->limit, first->key, first->key_len, 0);

	for (struct taken *t = first; t < d->taken.items + d->taken.len; t++) {
		if (t->key_len != first->key_len || memcmp(t->key, first->key, t->key_len) != 0 || (recipient && t->recipient != recipient))
			continue;
		op.rate.cost -= t->cost;
		t->cost = 0;
	}
	(void)slots_ask_store(d->session->slots, recipient ? SLOT_RECIPIENT : SLOT_MESSAGE, &op, REGISTRY_JUDGE);
}

void limit_refund(struct dialogue *d, size_t recipient)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->taken.len; i++)
		if (d->taken.items[i].cost && (!recipient || d->taken.items[i].recipient == recipient))
			give_back(d, &d->taken.items[i], recipient);
	for (size_t i = 0; i < d->taken.len; i++)
		if (d->taken.items[i].cost)
			d->taken.items[kept++] = d->taken.items[i];
	d->taken.len = kept;
}
