/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics.h - counters and latency histograms, in the text form of Prometheus 0.0.4. Any threads. */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <stdint.h>

#include "filter/base/text.h"
#include "filter/observe/case.h"

struct metrics;

/* How long something took: how often no longer than so many nanoseconds, each counted once; what took longer than the last is in count alone. */
#define METRICS_BUCKETS 11
struct metrics_histogram {
	uint64_t count, sum_ns;
	uint64_t below[METRICS_BUCKETS];
};
/* The time in microseconds within which so many of a hundred were done, as near as the buckets tell; 0: nothing was counted. Pure. */
int64_t metrics_percentile_us(const struct metrics_histogram *h, unsigned of_hundred);

enum metric {
	METRIC_CONNECTIONS,      /* accepted since start */
	METRIC_CONNECTIONS_OPEN, /* gauge */
	METRIC_MESSAGES_OPEN,    /* gauge: between MAIL and its end */
	METRIC_FAULTS,
	METRIC_RELOADS,
	METRIC_RELOADS_FAILED,
	METRICS,
};

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *m);
/* Who reads a value sees all that was done before the metrics_add() that made it: a gauge at 0 says that its users are gone. */
void metrics_add(struct metrics *m, enum metric metric, int64_t n);
int64_t metrics_get(const struct metrics *m, enum metric metric);
/* Count a case: its verdict, its stages, checks and rules. */
void metrics_case(struct metrics *m, const struct case_ *c);
/* How many cases ended so. */
int64_t metrics_cases(const struct metrics *m, enum case_action action);
/* All cases so far: by verdict, and the time they took. */
struct metrics_cases {
	uint64_t verdicts[CASE_FAULT + 1];
	struct metrics_histogram time;
};
struct metrics_cases metrics_all_cases(struct metrics *m);
/* Each check that ran, in the order of their first runs. */
struct metrics_check {
	const char *name;
	uint64_t outcomes[SLUICE_TEMPERROR + 1];
	struct metrics_histogram time;
};
void metrics_each_check(struct metrics *m, void (*row)(void *arg, const struct metrics_check *check), void *arg);
/* Cases in which the rule matched, those where it only watched among them. */
struct metrics_rule {
	uint64_t cases, shadow_cases;
	int64_t last_ms; /* wall clock of the latest; 0: never */
};
struct metrics_rule metrics_rule(struct metrics *m, const char *name);
void metrics_print(struct text *out, struct metrics *m);
/* One more sample from elsewhere: "# HELP", "# TYPE" and the value. type: "counter" or "gauge". */
void metrics_print_one(struct text *out, const char *name, const char *type, const char *help, int64_t value);
/* The same of a gauge with a label, whose head comes first and whose rows follow. value_of_label may have any octets. */
void metrics_print_gauge(struct text *out, const char *name, const char *help);
void metrics_print_row(struct text *out, const char *name, const char *label, const char *value_of_label, int64_t value);

#endif
