/* SPDX-License-Identifier: BSD-2-Clause */
/* stage.c - running the checks of a stage, waiting for what the policy reads, and judging. */
#include <string.h>

#include "filter/base/hash.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/change.h"
#include "filter/services/clock.h"

#define SOON_MS 1 /* until then nobody is told that this thread waits */

/* Those that are held and need be no longer. */
static uint64_t released(const struct dialogue *d)
{
	uint64_t checks = 0;

	for (unsigned i = 0; d->held >> i; i++)
		if (d->held >> i & 1 && !(d->snapshot->registry->checks.items[i].after & d->pending))
			checks |= UINT64_C(1) << i;
	return checks;
}

void stage_run(struct dialogue *d, uint64_t checks)
{
	d->pending |= checks; /* whoever reads the facts of one of them waits, though it may stand before it */
	for (; checks; checks = d->held ? released(d) : 0)
		for (unsigned i = 0; checks >> i; i++)
			if (checks >> i & 1)
				host_run(d, i);
}

void stage_start(struct dialogue *d, enum sluice_stage stage)
{
	stage_run(d, d->plan->start[stage]);
}

/* Time is up: whoever still waits hears TIMEOUT, and ends. */
static void end_all(struct dialogue *d, uint64_t checks)
{
	slots_expire(d->session->slots, checks);
	slots_hurry(d->session->slots, true);
	stage_run(d, d->pending & checks);
	slots_hurry(d->session->slots, false);
	for (unsigned i = 0; i < REGISTRY_MAX_CHECKS; i++) { /* one that is pending with no question open has a bug */
		if (!(d->pending & checks & UINT64_C(1) << i))
			continue;
		if (!(d->held & UINT64_C(1) << i) && !slots_is_waiting(d->session->slots, i))
			host_complain(d, i, "it waits for an answer to nothing that it has asked");
		host_ended(d, i, SLUICE_TEMPERROR);
	}
}

/* A store on this machine has mostly answered before another thread could begin; only who waits longer is told of, so that one does. */
static uint64_t wait_for_answers(struct dialogue *d, int64_t deadline_ms)
{
	int64_t soon_ms = clock_mono_ms() + SOON_MS;
	uint64_t ready = slots_wait(d->session->slots, soon_ms < deadline_ms ? soon_ms : deadline_ms);

	if (ready || soon_ms >= deadline_ms)
		return ready;
	if (d->engine->pause)
		d->engine->pause(d->engine->pause_arg, true);
	ready = slots_wait(d->session->slots, deadline_ms);
	if (d->engine->pause)
		d->engine->pause(d->engine->pause_arg, false);
	return ready;
}

void stage_wait(struct dialogue *d, uint64_t checks)
{
	int64_t deadline = clock_mono_ms() + d->snapshot->policy->settings.stage_deadline_ms;

	while (d->pending & checks) {
		uint64_t ready = wait_for_answers(d, deadline);

		stage_run(d, ready & d->pending);
		if ((d->pending & checks) && (!ready || clock_mono_ms() >= deadline)) { /* one may get answers, and ask on, for ever */
			end_all(d, checks);
			return;
		}
	}
}

const struct sluice_store_answer *stage_ask_store(struct dialogue *d, enum slot_scope scope, const struct sluice_store_op *op)
{
	int64_t deadline = clock_mono_ms() + d->snapshot->policy->settings.stage_deadline_ms;

	for (;;) {
		const struct sluice_store_answer *answer = slots_ask_store(d->session->slots, scope, op, REGISTRY_JUDGE);
		uint64_t ready;

		if (answer)
			return answer;
		ready = wait_for_answers(d, deadline);
		if (!ready)
			slots_expire(d->session->slots, UINT64_C(1) << REGISTRY_JUDGE);
		stage_run(d, ready & d->pending);
	}
}

/* ---- rules ---- */

enum scope stage_scope(enum sluice_stage stage)
{
	switch (stage) {
	case SLUICE_STAGE_CONNECT:
		return SCOPE_CONNECTION;
	case SLUICE_STAGE_HELO:
		return SCOPE_HELO;
	case SLUICE_STAGE_MAIL:
	case SLUICE_STAGE_RCPT:
	case SLUICE_STAGE_DATA:
	case SLUICE_STAGE_MESSAGE:
	case SLUICE_STAGE_PROBE:
		break;
	}
	return SCOPE_MESSAGE;
}

static void set_score(struct dialogue *d)
{
	int64_t score = 0;

	for (size_t i = 0; i < d->matches.len; i++)
		score += d->matches.items[i].rule->shadow ? 0 : d->matches.items[i].rule->score_milli;
	d->session->facts[CORE_SCORE] = (struct value){ .known = true, .type = SLUICE_MILLI, .number = score };
}

static const char *expand(struct dialogue *d, const struct reply *reply, struct arena *arena)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(REPLY_TEXT_MAX);

	reply_expand(&out, reply, d->session->facts, &d->snapshot->registry->catalog);
	return out.starved ? NULL : arena_copy(arena, text_str(&out), out.len); /* one that is too long is cut, one without its words is none */
}

/* A rule that gives points or a tag counts once a message, however many recipients it matched. */
static bool counted(const struct dialogue *d, const struct rule *rule)
{
	if (rule->action != RULE_SCORE && rule->action != RULE_TAG && rule->action != RULE_REPLACE && rule->action != RULE_APPEND)
		return false;
	for (size_t i = 0; i < d->matches.len; i++)
		if (d->matches.items[i].rule == rule)
			return true;
	return false;
}

static bool note_match(struct dialogue *d, const struct rule *rule)
{
	struct match match = { .rule = rule, .scope = stage_scope(rule->stage) };
	struct arena *arena = session_arena(d->session, match.scope);
	const struct catalog *c = &d->snapshot->registry->catalog;
	bool has_text = rule->action == RULE_TAG || rule->action == RULE_HOLD || rule->action == RULE_DISCARD || rule->action == RULE_REPLACE;
	struct value *values;

	if (counted(d, rule))
		return true;
	match.recipient = stage_recipient(d, rule);
	if (has_text)
		match.text = expand(d, rule->reply, arena);
	match.facts = arena_alloc(arena, rule->fact_count * sizeof *match.facts);
	values = arena_alloc(arena, rule->fact_count * sizeof *values);
	if (!match.facts || !values || (has_text && !match.text))
		return false;
	for (size_t i = 0; i < rule->fact_count; i++) {
		const struct catalog_fact *fact = &c->facts.items[rule->facts[i]];

		values[i] = d->session->facts[rule->facts[i]];
		match.facts[i] = (struct case_fact){ fact->name, &values[i], fact->words };
	}
	return vec_push(&d->matches, match);
}

const char *stage_recipient(const struct dialogue *d, const struct rule *rule)
{
	bool about = rule->stage == SLUICE_STAGE_RCPT || rule->each;

	return about && d->session->recipient ? d->session->recipient->address.text : NULL;
}

static struct verdict fault(struct dialogue *d, enum sluice_stage stage)
{
	d->fault = true;
	return (struct verdict){ .action = VERDICT_FAULT, .stage = stage, .code = 451, .dsn = "4.3.0", .text = "Temporary failure" };
}

static struct verdict refusal(struct dialogue *d, const struct rule *rule)
{
	struct verdict v = { .action = rule->action == RULE_REJECT ? VERDICT_REJECT : VERDICT_TEMPFAIL, .stage = rule->stage,
		.code = rule->reply->code, .dsn = rule->reply->dsn, .rule = rule };

	v.text = expand(d, rule->reply, session_arena(d->session, stage_scope(rule->stage)));
	return v.text ? v : fault(d, rule->stage);
}

/* Run a check, to its end. */
static void run_now(struct dialogue *d, unsigned check)
{
	host_run(d, check);
	stage_wait(d, UINT64_C(1) << check);
	if (d->replay)
		replay_awaited(d, UINT64_C(1) << check);
}

/* Run the check that an action asks for; one that signs, over what the message is after the changes of rules above. */
static void demand(struct dialogue *d, const struct rule *rule)
{
	int check = d->plan->demanded[rule->action];

	if (rule->stage == SLUICE_STAGE_MESSAGE && d->plan->changes && (!change_make(d) || (d->edits.body.body.len && !change_feed(d, (unsigned)check))))
		d->fault = true;
	run_now(d, (unsigned)check);
}

/* An action that runs a check, and refuses when that says so. CONTINUE: the recipient, or the message, may pass. */
static struct verdict run_checking(struct dialogue *d, const struct rule *rule, enum sluice_stage stage)
{
	const struct value *blocked = &d->session->facts[d->plan->blocked[rule->action]];
	struct verdict v = { .action = VERDICT_CONTINUE, .stage = stage };

	if (rule->action == RULE_GREYLIST && stage == SLUICE_STAGE_RCPT && d->session->message.from.null) {
		d->greylist_null = rule;
		return v;
	}
	demand(d, rule);
	if (!blocked->known || !blocked->yes || rule->optional) {
		miss_note(d, rule, CASE_MISS_CHECK);
		return v;
	}
	if (!note_match(d, rule))
		return fault(d, stage);
	v = refusal(d, rule);
	v.stage = stage;
	return v;
}

/*
 * Is this one of those that the rule looks at? The same for all of a message, or of a connection before there is one, and the same
 * again in a replay.
 */
static bool is_sampled(const struct dialogue *d, const struct rule *rule)
{
	static const struct hash_key fixed = { 0, 0 };
	const char *of = rule->stage <= SLUICE_STAGE_HELO ? d->connection : d->message;
	uint64_t both[2] = { hash_bytes(&fixed, of, DIALOGUE_ID_LEN), hash_bytes(&fixed, rule->name, strlen(rule->name)) };

	return !rule->sample || hash_bytes(&fixed, both, sizeof both) % RULE_SAMPLE_WHOLE < (uint64_t)rule->sample;
}

static void ask_fact(struct dialogue *d, unsigned fact)
{
	if (d->session->facts[fact].open)
		run_now(d, d->snapshot->registry->catalog.facts.items[fact].check);
}

/* Run the costly checks that the condition depends on, one after the other: the next may not be needed. False: it does, and none is to run. */
static bool decide(struct dialogue *d, const struct expr *when, bool ask)
{
	int fact;

	while ((fact = expr_open_fact(when, d->session->facts)) >= 0) {
		if (!ask)
			return false;
		ask_fact(d, (unsigned)fact);
	}
	return true;
}

/* Of a rule whose condition holds: what it counts by, and what it says, is to be known. */
static void ask_for_words(struct dialogue *d, const struct rule *rule)
{
	for (size_t i = rule->when_facts; i < rule->fact_count; i++)
		ask_fact(d, rule->facts[i]);
	for (size_t i = 0; rule->reply && i < rule->reply->count; i++) /* the condition may read it too, and have done without */
		if (!rule->reply->parts[i].literal)
			ask_fact(d, rule->reply->parts[i].fact);
}

/* Does it match? A limit takes what this costs. */
static bool matches(struct dialogue *d, const struct rule *rule)
{
	bool sampled = is_sampled(d, rule), decided = !rule->when || !d->plan->costly || decide(d, rule->when, sampled);
	enum case_miss why = CASE_MISS_LIMIT;

	if (decided && rule->when && expr_eval(rule->when, d->session->facts) != TRUTH_YES) {
		why = CASE_MISS_CONDITION;
	} else if (!sampled) {
		why = CASE_MISS_SAMPLE;
	} else {
		ask_for_words(d, rule);
		if (!rule->limit || limit_exceeded(d, rule))
			return true;
	}
	miss_note(d, rule, why);
	return false;
}

struct verdict stage_rules(struct dialogue *d, enum sluice_stage stage, bool each)
{
	const struct policy *p = d->snapshot->policy;
	struct verdict none = { .action = VERDICT_CONTINUE, .stage = stage };

	set_score(d);
	if (stage == SLUICE_STAGE_DATA && d->greylist_null) {
		struct verdict v = run_checking(d, d->greylist_null, stage);

		if (v.action != VERDICT_CONTINUE)
			return v;
	}
	for (size_t i = 0; i < p->rules.len; i++) {
		const struct rule *rule = &p->rules.items[i];
		struct verdict v;

		if (rule->stage != stage || rule->each != each || (d->replay && replay_leaves_out(d, rule)) || !matches(d, rule))
			continue;
		if ((!rule_action_checks[rule->action] || rule->shadow) && !note_match(d, rule)) /* one with a check matches when it refuses */
			return fault(d, stage);
		if (rule->shadow)
			continue;
		switch (rule->action) {
		case RULE_ACCEPT:
			none.rule = rule;
			return none;
		case RULE_TEMPFAIL:
		case RULE_REJECT:
			return refusal(d, rule);
		case RULE_SCORE:
			set_score(d);
			break;
		case RULE_DISCARD:
			return (struct verdict){ .action = VERDICT_DISCARD, .stage = stage, .rule = rule, .text = d->matches.items[d->matches.len - 1].text };
		case RULE_TAG:
		case RULE_HOLD:
		case RULE_REDIRECT:
		case RULE_ADD:
		case RULE_REPLACE:
		case RULE_APPEND:
		case RULE_ACTIONS:
			break;
		case RULE_GREYLIST:
		case RULE_SIGN:
		case RULE_SEAL:
			v = run_checking(d, rule, stage);
			if (v.action != VERDICT_CONTINUE)
				return v;
			break;
		}
	}
	return none;
}

/* May the rule still match? Points are yet to come. */
static bool may_match(struct dialogue *d, const struct rule *rule)
{
	struct value *score = &d->session->facts[CORE_SCORE];
	bool known = score->known, may;

	score->known = false;
	may = !rule->when || expr_eval(rule->when, d->session->facts) != TRUTH_NO;
	score->known = known;
	return may;
}

uint64_t stage_fed(struct dialogue *d)
{
	const struct policy *p = d->snapshot->policy;
	uint64_t fed = d->plan->fed & (d->plan->start[SLUICE_STAGE_MESSAGE] | d->plan->costly);

	for (size_t i = 0; i < p->rules.len; i++) {
		int check = d->plan->demanded[p->rules.items[i].action];

		if (check >= 0 && !p->rules.items[i].shadow && may_match(d, &p->rules.items[i]))
			fed |= d->plan->fed & UINT64_C(1) << check;
	}
	return fed;
}

static bool *judged_flag(struct dialogue *d, enum sluice_stage stage)
{
	return stage == SLUICE_STAGE_CONNECT ? &d->connect_judged : stage == SLUICE_STAGE_HELO ? &d->helo_judged : NULL;
}

struct verdict stage_judge(struct dialogue *d, enum sluice_stage through)
{
	struct verdict v = { .action = VERDICT_CONTINUE, .stage = through };
	int64_t began = clock_mono_ns();
	uint64_t awaited = 0;
	bool judge[SLUICE_STAGES] = { 0 };

	for (enum sluice_stage stage = SLUICE_STAGE_CONNECT; stage <= through; stage++) {
		bool *done = judged_flag(d, stage);

		judge[stage] = done ? !*done : stage >= d->judged;
		if (stage == SLUICE_STAGE_HELO && !d->session->helo)
			judge[stage] = false;
		if (judge[stage])
			awaited |= d->plan->awaited[stage];
	}
	stage_wait(d, awaited);
	if (d->replay)
		replay_awaited(d, awaited);
	if (d->fault)
		return fault(d, through);
	if (d->tracer)
		v = tracer_judge(d, through);
	for (enum sluice_stage stage = SLUICE_STAGE_CONNECT; stage <= through && v.action == VERDICT_CONTINUE && !d->tracer; stage++) {
		bool *done = judged_flag(d, stage);

		if (!judge[stage] || (stage == SLUICE_STAGE_RCPT && through != SLUICE_STAGE_RCPT))
			continue; /* recipients are judged one by one, when each is here */
		v = stage_rules(d, stage, false);
		if (dialogue_starved(d))
			return fault(d, through);
		if (stage == SLUICE_STAGE_MESSAGE && d->plan->each && v.action == VERDICT_CONTINUE && !v.rule)
			v = recipients_judge(d);
		if (done)
			*done = true;
		if (done && v.action != VERDICT_CONTINUE)
			d->refused = v;
		d->stages[stage].judged = true;
	}
	if (through >= SLUICE_STAGE_MAIL)
		d->judged = through == SLUICE_STAGE_RCPT ? SLUICE_STAGE_RCPT : through + 1;
	d->stages[through].ns += clock_mono_ns() - began;
	return v;
}
