/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recipients.c - rules that are judged at the end of a message, for each recipient. SMTP has but one reply for all of them: what it is
 * when they disagree, the site chooses.
 */
#include <string.h>

#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"

static bool is_kept(const struct dialogue *d, size_t fact)
{
	return d->snapshot->registry->catalog.facts.items[fact].scope == SCOPE_RCPT && d->session->facts[fact].known;
}

bool recipients_keep_facts(struct dialogue *d, struct recipient *r)
{
	const struct catalog *c = &d->snapshot->registry->catalog;
	struct kept_fact *kept;

	r->fact_count = 0;
	for (size_t i = 0; i < c->facts.len; i++)
		r->fact_count += is_kept(d, i);
	r->facts = kept = arena_alloc(session_arena(d->session, SCOPE_RCPT), r->fact_count * sizeof *kept);
	for (unsigned i = 0; kept && i < c->facts.len; i++)
		if (is_kept(d, i))
			*kept++ = (struct kept_fact){ i, d->session->facts[i] };
	return r->facts != NULL;
}

static void show(struct dialogue *d, const struct recipient *r)
{
	host_reset(d, SCOPE_RCPT);
	d->session->recipient = r;
	for (size_t i = 0; i < r->fact_count; i++)
		d->session->facts[r->facts[i].fact] = r->facts[i].value;
}

/* What the client hears, of what was found for the recipients: found has the first of each action. */
static struct verdict one_for_all(const struct dialogue *d, const struct verdict *found, bool somebody)
{
	bool remove = d->snapshot->policy->settings.recipients_disagree == DISAGREE_REMOVE;
	/* whoever is put off would lose the message if the others had it without him */
	const enum verdict_action order[] = { VERDICT_FAULT, remove ? VERDICT_TEMPFAIL : VERDICT_REJECT, remove ? VERDICT_REJECT : VERDICT_TEMPFAIL,
		VERDICT_DISCARD };

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		bool gives_way = somebody && (order[i] == VERDICT_DISCARD || (order[i] == VERDICT_REJECT && remove));

		if (found[order[i]].action == order[i] && !gives_way)
			return found[order[i]];
	}
	return found[VERDICT_CONTINUE];
}

struct verdict recipients_judge(struct dialogue *d)
{
	struct verdict found[VERDICT_FAULT + 1] = { { .action = VERDICT_CONTINUE, .stage = SLUICE_STAGE_MESSAGE } }, v;
	struct message *m = &d->session->message;
	bool somebody = false;

	for (size_t i = 0; i < m->recipients.len; i++) {
		struct recipient *r = &m->recipients.items[i];

		if (r->refused)
			continue;
		show(d, r);
		miss_recipient_begins(d);
		v = stage_rules(d, SLUICE_STAGE_MESSAGE, true);
		miss_recipient_over(d);
		r->removed = v.action != VERDICT_CONTINUE;
		somebody |= v.action == VERDICT_CONTINUE;
		if (found[v.action].action == VERDICT_CONTINUE)
			found[v.action] = v;
	}
	host_reset(d, SCOPE_RCPT);
	d->session->recipient = NULL;
	v = one_for_all(d, found, somebody);
	for (size_t i = 0; i < m->recipients.len && v.action != VERDICT_CONTINUE; i++)
		m->recipients.items[i].removed = false; /* it is the same for all of them */
	return v;
}
