/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/assertion.h"

#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/engine/state.h"
#include "filter/engine/trial.h"

#define MATCHES_SHOWN 8 /* rules in a message */

static void give_content(void *arg, struct dialogue *d)
{
	const struct assertion *a = arg;
	bool has_from = false;

	for (size_t i = 0; i < a->headers.len; i++) {
		has_from |= ascii_equals(a->headers.items[i].name, strlen(a->headers.items[i].name), "From");
		dialogue_header(d, a->headers.items[i].name, a->headers.items[i].value, false);
	}
	if (!has_from)
		dialogue_header(d, "From", d->session->message.from.text, false);
}

/* The verdicts of a dialogue and the actions of a case are in one order. */
static enum case_action action_of(const struct verdict *v)
{
	return (enum case_action)v->action;
}

static void describe(struct text *out, const struct dialogue *d, const struct verdict *v)
{
	size_t shown = 0;

	text_addf(out, "it ends with %s", case_action_words[action_of(v)]);
	if (v->action != VERDICT_CONTINUE)
		text_addf(out, " at %s", stage_words[v->stage]);
	if (v->rule)
		text_addf(out, " by %s", v->rule->name);
	for (size_t i = 0; i < d->matches.len && shown < MATCHES_SHOWN; i++)
		text_addf(out, "%s%s", shown++ ? ", " : "; rules that matched: ", d->matches.items[i].rule->name);
	if (d->matches.len == 0)
		text_adds(out, "; no rule matched");
}

static bool holds(const struct assertion *a, const struct verdict *v)
{
	bool stage = a->expect.stage == SLUICE_STAGES || a->expect.stage == v->stage;
	bool rule = !a->expect.rule || (v->rule && !strcmp(v->rule->name, a->expect.rule));

	return action_of(v) == a->expect.action && stage && rule;
}

static int play(struct engine *engine, struct snapshot *s, const struct assertion *a, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text found = TEXT_INIT(1024);
	struct trial t = { .client = { .ip = a->client, .macros = { .client_name = a->name, .daemon_port = a->port } }, .helo = a->helo,
		.rcpts = a->rcpts.items, .rcpt_count = a->rcpts.len, .content = give_content, .arg = (void *)(uintptr_t)a };
	struct dialogue *d = dialogue_new(engine, s);
	bool ready = d != NULL;
	struct verdict v;
	int r = 0;

	t.mail = (struct dialogue_mail){ .argument = a->from ? a->from : arena_printf(s->policy->arena, "<sender@%s>", a->helo), .queue_id = "",
		.auth = { .authen = a->user, .type = *a->user ? "PLAIN" : "" } };
	for (size_t i = 0; ready && i < a->facts.len; i++)
		ready = dialogue_give(d, a->facts.items[i].fact, &a->facts.items[i].value);
	if (!ready || !t.mail.argument) {
		dialogue_free(d);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	v = trial_run(d, &t);
	if (!holds(a, &v)) {
		describe(&found, d, &v);
		r = place_error(a->expect.place, reterr, "assert \"%.200s\" does not hold: %s", a->text, text_str(&found));
	}
	dialogue_free(d);
	return r;
}

/* A rule that is expected must be there, else the assertion says nothing. */
static int check_rule(const struct policy *p, const struct assertion *a, struct err *reterr)
{
	struct suggest near;

	if (!a->expect.rule || policy_rule(p, a->expect.rule))
		return 0;
	near = suggest_for(a->expect.rule, strlen(a->expect.rule));
	for (size_t i = 0; i < p->rules.len; i++)
		suggest_try(&near, p->rules.items[i].name);
	if (near.best)
		return place_error(a->expect.rule_place, reterr, "there is no rule '%s': did you mean '%s'?", a->expect.rule, near.best);
	return place_error(a->expect.rule_place, reterr, "there is no rule '%s'", a->expect.rule);
}

int assertion_play(struct snapshot *s, struct err *reterr)
{
	struct engine engine = { .offline = true };
	int r = 0;

	if (!s->policy->assertions.len)
		return 0;
	engine.health = health_new(NULL, NULL);
	if (!engine.health)
		return err_set(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < s->policy->assertions.len; i++) {
		r = check_rule(s->policy, &s->policy->assertions.items[i], reterr);
		if (r == 0)
			r = play(&engine, s, &s->policy->assertions.items[i], reterr);
	}
	health_free(engine.health);
	return r;
}
