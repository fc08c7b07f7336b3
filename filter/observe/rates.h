/* SPDX-License-Identifier: BSD-2-Clause */
/* rates.h - how the last hour went, in steps: so that a page can draw it when it is opened. For one thread. */
#ifndef OBSERVE_RATES_H
#define OBSERVE_RATES_H

#include "filter/observe/metrics.h"

#define RATES_STEPS 360

struct rates_step {
	int64_t time_ms; /* wall clock, at its end */
	int64_t took_ms;
	uint64_t verdicts[CASE_FAULT + 1]; /* cases in it */
	int64_t p50_us, p95_us;            /* of the time that they took */
};

struct rates {
	struct rates_step ring[RATES_STEPS];
	size_t count, next;
	struct metrics_cases before;
	int64_t before_ms; /* wall clock; 0: nothing was noted yet */
};

/* What there is by now: the step since the last call is kept. */
void rates_note(struct rates *r, const struct metrics_cases *now, int64_t now_ms);
/* Step i of count, the oldest first. */
const struct rates_step *rates_step(const struct rates *r, size_t i);

#endif
