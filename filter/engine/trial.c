/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/trial.h"

/* The first refusal is the verdict; with `all` the later stages are heard all the same. */
static bool goes_on(const struct trial *t, struct verdict *first, struct verdict v)
{
	if (first->action == VERDICT_CONTINUE)
		*first = v;
	return t->all || first->action == VERDICT_CONTINUE;
}

struct verdict trial_run(struct dialogue *d, const struct trial *t)
{
	struct verdict first = { .action = VERDICT_CONTINUE };
	const struct edits *edits;
	size_t accepted = 0;

	dialogue_hold_cases(d);
	if (!goes_on(t, &first, dialogue_connect(d, &t->client)) || !goes_on(t, &first, dialogue_helo(d, t->helo)) ||
		!goes_on(t, &first, dialogue_mail(d, &t->mail)))
		return first;
	for (size_t i = 0; i < t->rcpt_count; i++) {
		struct verdict v = dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = t->rcpts[i] });

		accepted += v.action == VERDICT_CONTINUE;
		if (v.action != VERDICT_CONTINUE && i + 1 == t->rcpt_count && accepted == 0)
			(void)goes_on(t, &first, v); /* nobody is left to receive the message */
	}
	if (first.action != VERDICT_CONTINUE && !t->all)
		return first;
	if (!goes_on(t, &first, dialogue_data(d, "")))
		return first;
	t->content(t->arg, d);
	(void)goes_on(t, &first, dialogue_message(d, "", &edits));
	return first;
}
