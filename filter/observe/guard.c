/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/guard.h"

#include <stdio.h>

#define MINUTE_MS 60000

const char *const guard_words[] = { "none", "watching", "kept", "rolled-back", NULL };

static struct guard_counts since(const struct guard_counts *now, const struct guard_counts *before)
{
	return (struct guard_counts){ now->cases - before->cases, now->refused - before->refused, now->faults - before->faults };
}

/* Thousandths. */
static int64_t share(const struct guard_counts *c)
{
	return c->refused * 1000 / c->cases;
}

void guard_note(struct guard *g, const struct guard_counts *now, int64_t now_ms)
{
	if (!g->minute_began_ms)
		g->minute_began_ms = now_ms;
	if (now_ms - g->minute_began_ms < MINUTE_MS)
		return;
	g->minutes[g->next] = since(now, &g->minute_began);
	g->next = (g->next + 1) % GUARD_MINUTES;
	g->count += g->count < GUARD_MINUTES;
	g->minute_began = *now;
	g->minute_began_ms = now_ms;
}

static void widen(struct guard *g, const struct guard_counts *c)
{
	int64_t s = c->cases >= GUARD_MIN_CASES ? share(c) : -1;

	g->faults |= c->faults > 0;
	if (s < 0)
		return;
	g->low = s < g->low ? s : g->low;
	g->high = s > g->high ? s : g->high;
}

bool guard_begin(struct guard *g, const struct guard_counts *now, int64_t now_ms, int64_t for_ms)
{
	struct guard_counts minute = since(now, &g->minute_began);

	g->low = 1000;
	g->high = 0;
	g->faults = false;
	for (size_t i = 0; i < g->count; i++)
		widen(g, &g->minutes[i]);
	widen(g, &minute);
	if (g->low > g->high) /* no minute had enough; all of it may have */
		widen(g, now);
	if (g->low > g->high)
		return false;
	g->low = g->low > GUARD_MARGIN ? g->low - GUARD_MARGIN : 0;
	g->high = g->high + GUARD_MARGIN < 1000 ? g->high + GUARD_MARGIN : 1000;
	g->began = *now;
	g->until_ms = now_ms + for_ms;
	g->state = GUARD_WATCHING;
	return true;
}

enum guard_state guard_look(struct guard *g, const struct guard_counts *now, int64_t now_ms, char why[static 200])
{
	struct guard_counts c = since(now, &g->began);
	int64_t s = c.cases >= GUARD_MIN_CASES ? share(&c) : -1;

	if (g->state != GUARD_WATCHING)
		return g->state;
	if (c.faults > 0 && !g->faults) {
		(void)snprintf(why, 200, "%lld faults, and none before", (long long)c.faults);
		g->state = GUARD_ROLLED_BACK;
	} else if (s >= 0 && (s < g->low || s > g->high)) {
		(void)snprintf(why, 200, "%lld of %lld cases were refused, which is %lld%%; before it was between %lld%% and %lld%%", (long long)c.refused,
			(long long)c.cases, (long long)s / 10, (long long)g->low / 10, (long long)g->high / 10);
		g->state = GUARD_ROLLED_BACK;
	} else if (now_ms >= g->until_ms) {
		g->state = GUARD_KEPT;
	}
	return g->state;
}

void guard_end(struct guard *g)
{
	g->state = GUARD_IDLE;
}
