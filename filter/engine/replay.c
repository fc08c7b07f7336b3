/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/replay.h"

#include <stdlib.h>
#include <string.h>

#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"

/* ---- what the engine asks of a recording ---- */

static struct dns_answer *find_answer(void *arg, const char *name, enum sluice_dns_type type)
{
	const struct replay *r = arg;

	for (size_t i = 0; i < r->answers.len; i++)
		if (r->answers.items[i].type == type && !strcmp(r->answers.items[i].name, name))
			return dns_answer_ref(r->answers.items[i].answer);
	return NULL;
}

/* What the policy itself makes of the rest is made anew: its lists and settings may be others. */
static bool is_made(const struct replay *r, unsigned fact)
{
	switch (fact) {
	case CORE_CLIENT_NET:
	case CORE_CLIENT_TRUSTED:
	case CORE_SCORE:
	case CORE_LIMIT_WAIT:
	case CORE_LIMIT_ERROR:
	case CORE_RCPT_LOCAL:
		return true;
	case CORE_RCPT_COUNT:
		return r->has_message; /* then all recipients are there to be counted */
	default:
		return false;
	}
}

void replay_core_facts(struct dialogue *d, enum sluice_stage stage)
{
	const struct replay_recipient *rcpt = stage == SLUICE_STAGE_RCPT ? &d->replay->recipients.items[d->session->message.recipients.len - 1] : NULL;

	for (unsigned i = 0; i < CORE_FACTS; i++)
		if (core_facts[i].stage == stage && d->given[i].known && !is_made(d->replay, i))
			d->session->facts[i] = d->given[i];
	if (!rcpt)
		return;
	for (size_t i = 0; i < d->snapshot->registry->catalog.facts.len; i++) /* those of checks are found by host_run() */
		if (d->snapshot->registry->catalog.facts.items[i].scope == SCOPE_RCPT)
			d->given[i] = (struct value){ .type = d->snapshot->registry->catalog.facts.items[i].type };
	for (size_t i = 0; i < rcpt->facts.len; i++) {
		d->given[rcpt->facts.items[i].fact] = rcpt->facts.items[i].value;
		if (rcpt->facts.items[i].fact < CORE_FACTS && !is_made(d->replay, rcpt->facts.items[i].fact))
			d->session->facts[rcpt->facts.items[i].fact] = rcpt->facts.items[i].value;
	}
}

bool replay_leaves_out(const struct dialogue *d, const struct rule *rule)
{
	return d->replay->without && !strcmp(d->replay->without, rule->name);
}

enum replay_looked replay_limit(struct dialogue *d, const struct rule *rule, int64_t *ret_wait_s)
{
	SLUICE_CLEANUP(text_done) struct text words = TEXT_INIT(4096);
	const char *rcpt = stage_recipient(d, rule);
	const struct replay *r = d->replay;

	limit_describe(&words, rule->limit, &d->snapshot->registry->catalog);
	for (size_t i = 0; i < r->limits.len; i++) {
		const struct replay_limit *l = &r->limits.items[i];

		if (strcmp(l->rule, rule->name) != 0 || strcmp(l->limit, text_str(&words)) != 0 || !l->recipient != !rcpt || (rcpt && strcmp(l->recipient, rcpt) != 0))
			continue;
		*ret_wait_s = l->wait_s;
		return l->over ? REPLAY_OVER : REPLAY_UNDER;
	}
	if (d->given[CORE_LIMIT_ERROR].known) /* the store gave no answers */
		return REPLAY_FAILED;
	d->undecided = true;
	return REPLAY_UNDER;
}

void replay_awaited(struct dialogue *d, uint64_t checks)
{
	d->undecided |= (checks & (d->unrecorded | slots_unrecorded(d->session->slots))) != 0;
}

/* ---- the transaction ---- */

/* A rule that counts once a message may have matched for recipients that this case does not have. */
static bool lacks_recipients(const struct dialogue *d, const struct replay *r)
{
	const struct value *count = &d->given[CORE_RCPT_COUNT];
	const struct policy *p = d->snapshot->policy;

	if (r->has_message || !r->recipients.len || !count->known || count->number <= 1)
		return false;
	for (size_t i = 0; i < p->rules.len; i++)
		if (p->rules.items[i].stage == SLUICE_STAGE_RCPT && (p->rules.items[i].action == RULE_SCORE || p->rules.items[i].action == RULE_TAG))
			return true;
	return false;
}

static struct verdict run(struct dialogue *d, const struct replay *r)
{
	struct verdict v = dialogue_connect(d, &r->client);
	const struct edits *edits;
	size_t taken = 0;

	if (v.action == VERDICT_CONTINUE && r->helo)
		v = dialogue_helo(d, r->helo);
	if (v.action != VERDICT_CONTINUE || !r->has_mail)
		return v;
	v = dialogue_mail(d, &r->mail);
	memcpy(d->message, r->message, sizeof d->message);
	if (v.action != VERDICT_CONTINUE)
		return v;
	for (size_t i = 0; i < r->recipients.len; i++) {
		v = dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = r->recipients.items[i].argument, .queue_id = "" });
		taken += v.action == VERDICT_CONTINUE;
	}
	if (!r->has_data || !taken)
		return v;
	v = dialogue_data(d, "");
	return v.action == VERDICT_CONTINUE && r->has_message ? dialogue_message(d, "", &edits) : v;
}

bool replay_run(struct dialogue *d, const struct replay *r, struct replay_result *ret)
{
	const struct slots_record record = { find_answer, (void *)(uintptr_t)r };

	d->given = calloc(d->snapshot->registry->catalog.facts.len, sizeof *d->given);
	if (!d->given)
		return false;
	for (size_t i = 0; i < r->facts.len; i++)
		d->given[r->facts.items[i].fact] = r->facts.items[i].value;
	d->given_checks = r->given;
	d->replay = r;
	d->now_ms = r->time_ms;
	memcpy(d->connection, r->connection, sizeof d->connection);
	memcpy(d->message, r->message, sizeof d->message);
	slots_replay(d->session->slots, &record);
	*ret = (struct replay_result){ .verdict = run(d, r) };
	ret->undecided = d->undecided || lacks_recipients(d, r);
	ret->score_milli = d->session->facts[CORE_SCORE].known ? d->session->facts[CORE_SCORE].number : 0;
	ret->rules = arena_alloc(session_arena(d->session, SCOPE_CONNECTION), d->matches.len * sizeof *ret->rules);
	for (size_t i = 0; ret->rules && i < d->matches.len; i++)
		ret->rules[ret->rule_count++] = d->matches.items[i].rule->name;
	return ret->rules != NULL;
}
