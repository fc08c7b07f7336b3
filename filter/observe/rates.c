/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/rates.h"

static struct metrics_histogram since(const struct metrics_histogram *before, const struct metrics_histogram *now)
{
	struct metrics_histogram h = { .count = now->count - before->count, .sum_ns = now->sum_ns - before->sum_ns };

	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		h.below[i] = now->below[i] - before->below[i];
	return h;
}

void rates_note(struct rates *r, const struct metrics_cases *now, int64_t now_ms)
{
	if (r->before_ms) {
		struct metrics_histogram time = since(&r->before.time, &now->time);
		struct rates_step *step = &r->ring[r->next];

		*step = (struct rates_step){ .time_ms = now_ms, .took_ms = now_ms - r->before_ms, .p50_us = metrics_percentile_us(&time, 50),
			.p95_us = metrics_percentile_us(&time, 95) };
		for (size_t a = 0; a <= CASE_FAULT; a++)
			step->verdicts[a] = now->verdicts[a] - r->before.verdicts[a];
		r->next = (r->next + 1) % RATES_STEPS;
		r->count += r->count < RATES_STEPS;
	}
	r->before = *now;
	r->before_ms = now_ms;
}

const struct rates_step *rates_step(const struct rates *r, size_t i)
{
	return &r->ring[(r->next + RATES_STEPS - r->count + i) % RATES_STEPS];
}
