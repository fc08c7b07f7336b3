/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"

#define MAX_CHECKS 64 /* names beyond it are not counted one by one */
#define MAX_RULES  8192 /* the same: those of all configurations since the start */
#define RULE_NAME_BYTES 72

static const struct { const char *name, *type, *help; } rows[METRICS] = {
	[METRIC_CONNECTIONS] = { "sluice_connections_total", "counter", "connections from the MTA" },
	[METRIC_CONNECTIONS_OPEN] = { "sluice_connections", "gauge", "connections now" },
	[METRIC_MESSAGES_OPEN] = { "sluice_messages_in_progress", "gauge", "messages now between MAIL and their end" },
	[METRIC_FAULTS] = { "sluice_faults_total", "counter", "failures of Sluice itself" },
	[METRIC_RELOADS] = { "sluice_reloads_total", "counter", "configurations taken" },
	[METRIC_RELOADS_FAILED] = { "sluice_reload_failures_total", "counter", "configurations refused at a reload" },
};

static const struct { int64_t ns; const char *label; } buckets[] = {
	{ 100000, "0.0001" }, { 300000, "0.0003" }, { 1000000, "0.001" }, { 3000000, "0.003" }, { 10000000, "0.01" },
	{ 30000000, "0.03" }, { 100000000, "0.1" }, { 300000000, "0.3" }, { 1000000000, "1" }, { 3000000000, "3" }, { 10000000000, "10" },
};

_Static_assert(ARRAY_LEN(buckets) == METRICS_BUCKETS, "the header says how many there are");

struct check_row {
	char name[64];
	uint64_t outcomes[SLUICE_TEMPERROR + 1];
	struct metrics_histogram time;
};

struct rule_row {
	char name[RULE_NAME_BYTES];
	bool shadow;
	uint64_t cases, shadow_cases, last; /* last: the number of the case that counted last */
	int64_t last_ms;
};

struct metrics {
	int64_t values[METRICS]; /* atomic */
	pthread_mutex_t lock;    /* guards all below */
	uint64_t verdicts[CASE_FAULT + 1][SLUICE_STAGES];
	struct metrics_histogram stages[SLUICE_STAGES];
	struct metrics_histogram verdict_time[CASE_FAULT + 1];
	struct check_row checks[MAX_CHECKS];
	size_t check_count;
	VEC(struct rule_row) rules; /* sorted by name */
	uint64_t case_number;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof *m);

	if (m)
		(void)pthread_mutex_init(&m->lock, NULL);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	(void)pthread_mutex_destroy(&m->lock);
	vec_done(&m->rules);
	free(m);
}

void metrics_add(struct metrics *m, enum metric metric, int64_t n)
{
	(void)__atomic_add_fetch(&m->values[metric], n, __ATOMIC_ACQ_REL);
}

int64_t metrics_get(const struct metrics *m, enum metric metric)
{
	return __atomic_load_n(&m->values[metric], __ATOMIC_ACQUIRE);
}

static void observe(struct metrics_histogram *h, int64_t ns)
{
	h->count++;
	h->sum_ns += (uint64_t)ns;
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
		if (ns <= buckets[i].ns) {
			h->below[i]++;
			return;
		}
	}
}

int64_t metrics_percentile_us(const struct metrics_histogram *h, unsigned of_hundred)
{
	uint64_t wanted = (h->count * of_hundred + 99) / 100, before = 0;

	if (!h->count)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
		int64_t from = i ? buckets[i - 1].ns : 0;

		if (before + h->below[i] >= wanted && h->below[i]) /* within a bucket, as if its times were spread evenly */
			return (from + (int64_t)((double)(buckets[i].ns - from) * (double)(wanted - before) / (double)h->below[i])) / 1000;
		before += h->below[i];
	}
	return buckets[ARRAY_LEN(buckets) - 1].ns / 1000;
}

static struct check_row *check_row(struct metrics *m, const char *name)
{
	for (size_t i = 0; i < m->check_count; i++)
		if (!strcmp(m->checks[i].name, name))
			return &m->checks[i];
	if (m->check_count == MAX_CHECKS)
		return NULL;
	(void)strncpy(m->checks[m->check_count].name, name, sizeof m->checks[0].name - 1);
	return &m->checks[m->check_count++];
}

/* Where a rule of this name is, or would be. */
static bool find_rule(const struct metrics *m, const char *name, size_t *ret)
{
	size_t low = 0, high = m->rules.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(m->rules.items[middle].name, name);

		if (order == 0) {
			*ret = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return false;
}

/* NULL: there are too many, or there is no memory. */
static struct rule_row *rule_row(struct metrics *m, const struct case_rule *rule)
{
	struct rule_row row = { .shadow = rule->shadow };
	size_t low;

	if (find_rule(m, rule->name, &low))
		return &m->rules.items[low];
	(void)strncpy(row.name, rule->name, sizeof row.name - 1);
	if (m->rules.len == MAX_RULES || !vec_push(&m->rules, row))
		return NULL;
	memmove(&m->rules.items[low + 1], &m->rules.items[low], (m->rules.len - 1 - low) * sizeof row);
	m->rules.items[low] = row;
	return &m->rules.items[low];
}

/* A rule counts once a case, for however many recipients it matched. */
static void count_rules(struct metrics *m, const struct case_ *c)
{
	m->case_number++;
	for (size_t i = 0; i < c->rule_count; i++) {
		struct rule_row *row = rule_row(m, &c->rules[i]);

		if (!row || row->last == m->case_number)
			continue;
		row->shadow = c->rules[i].shadow;
		row->last = m->case_number;
		row->last_ms = c->time_ms;
		row->cases++;
		row->shadow_cases += c->rules[i].shadow;
	}
}

void metrics_case(struct metrics *m, const struct case_ *c)
{
	int64_t all = 0;

	(void)pthread_mutex_lock(&m->lock);
	m->verdicts[c->verdict.action][c->verdict.stage]++;
	for (size_t i = 0; i < SLUICE_STAGES; i++) {
		all += c->stages[i].ns;
		if (c->stages[i].judged)
			observe(&m->stages[i], c->stages[i].ns);
	}
	observe(&m->verdict_time[c->verdict.action], all);
	for (size_t i = 0; i < c->check_count; i++) {
		struct check_row *row = check_row(m, c->checks[i].name);

		if (!row)
			continue;
		row->outcomes[c->checks[i].outcome]++;
		observe(&row->time, c->checks[i].ns);
	}
	count_rules(m, c);
	(void)pthread_mutex_unlock(&m->lock);
}

int64_t metrics_cases(const struct metrics *m, enum case_action action)
{
	struct metrics *locked = (struct metrics *)(uintptr_t)m;
	uint64_t n = 0;

	(void)pthread_mutex_lock(&locked->lock);
	for (size_t i = 0; i < SLUICE_STAGES; i++)
		n += m->verdicts[action][i];
	(void)pthread_mutex_unlock(&locked->lock);
	return (int64_t)n;
}

struct metrics_cases metrics_all_cases(struct metrics *m)
{
	struct metrics_cases all = { 0 };

	(void)pthread_mutex_lock(&m->lock);
	for (size_t a = 0; a <= CASE_FAULT; a++) {
		all.verdicts[a] = m->verdict_time[a].count;
		all.time.count += m->verdict_time[a].count;
		all.time.sum_ns += m->verdict_time[a].sum_ns;
		for (size_t i = 0; i < METRICS_BUCKETS; i++)
			all.time.below[i] += m->verdict_time[a].below[i];
	}
	(void)pthread_mutex_unlock(&m->lock);
	return all;
}

void metrics_each_check(struct metrics *m, void (*row)(void *arg, const struct metrics_check *check), void *arg)
{
	for (size_t i = 0; i < MAX_CHECKS; i++) {
		struct check_row copy; /* names are never taken away, and row may take its time */
		struct metrics_check check;
		bool there;

		(void)pthread_mutex_lock(&m->lock);
		there = i < m->check_count;
		if (there)
			copy = m->checks[i];
		(void)pthread_mutex_unlock(&m->lock);
		if (!there)
			return;
		check = (struct metrics_check){ .name = copy.name, .time = copy.time };
		memcpy(check.outcomes, copy.outcomes, sizeof check.outcomes);
		row(arg, &check);
	}
}

struct metrics_rule metrics_rule(struct metrics *m, const char *name)
{
	struct metrics_rule found = { 0 };
	size_t at;

	(void)pthread_mutex_lock(&m->lock);
	if (find_rule(m, name, &at))
		found = (struct metrics_rule){ m->rules.items[at].cases, m->rules.items[at].shadow_cases, m->rules.items[at].last_ms };
	(void)pthread_mutex_unlock(&m->lock);
	return found;
}

static void print_head(struct text *out, const char *name, const char *type, const char *help)
{
	text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_histogram(struct text *out, const char *name, const char *label, const char *value, const struct metrics_histogram *h)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
		sum += h->below[i];
		text_addf(out, "%s_bucket{%s=\"%s\",le=\"%s\"} %llu\n", name, label, value, buckets[i].label, (unsigned long long)sum);
	}
	text_addf(out, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %llu\n", name, label, value, (unsigned long long)h->count);
	text_addf(out, "%s_sum{%s=\"%s\"} %llu.%09llu\n", name, label, value, (unsigned long long)(h->sum_ns / 1000000000),
		(unsigned long long)(h->sum_ns % 1000000000));
	text_addf(out, "%s_count{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)h->count);
}

void metrics_print_one(struct text *out, const char *name, const char *type, const char *help, int64_t value)
{
	print_head(out, name, type, help);
	text_addf(out, "%s %lld\n", name, (long long)value);
}

void metrics_print_gauge(struct text *out, const char *name, const char *help)
{
	print_head(out, name, "gauge", help);
}

void metrics_print_row(struct text *out, const char *name, const char *label, const char *value_of_label, int64_t value)
{
	text_addf(out, "%s{%s=\"", name, label);
	for (const char *p = value_of_label; *p; p++) {
		if (*p == '"' || *p == '\\')
			text_addc(out, '\\');
		text_addc(out, (unsigned char)*p < ' ' ? ' ' : *p);
	}
	text_addf(out, "\"} %lld\n", (long long)value);
}

void metrics_print(struct text *out, struct metrics *m)
{
	for (size_t i = 0; i < METRICS; i++)
		metrics_print_one(out, rows[i].name, rows[i].type, rows[i].help, metrics_get(m, (enum metric)i));

	(void)pthread_mutex_lock(&m->lock);
	print_head(out, "sluice_verdicts_total", "counter", "cases by verdict and the stage that gave it");
	for (size_t a = 0; a <= CASE_FAULT; a++)
		for (size_t s = 0; s < SLUICE_STAGES; s++)
			if (m->verdicts[a][s])
				text_addf(out, "sluice_verdicts_total{verdict=\"%s\",stage=\"%s\"} %llu\n", case_action_words[a], stage_words[s],
					(unsigned long long)m->verdicts[a][s]);
	print_head(out, "sluice_case_seconds", "histogram", "time that all stages of a case took, by verdict");
	for (size_t a = 0; a <= CASE_FAULT; a++)
		print_histogram(out, "sluice_case_seconds", "verdict", case_action_words[a], &m->verdict_time[a]);
	print_head(out, "sluice_stage_seconds", "histogram", "time of one stage, waiting among it");
	for (size_t s = 0; s < SLUICE_STAGES; s++)
		print_histogram(out, "sluice_stage_seconds", "stage", stage_words[s], &m->stages[s]);
	print_head(out, "sluice_check_seconds", "histogram", "time spent in one check, waiting not among it");
	for (size_t i = 0; i < m->check_count; i++)
		print_histogram(out, "sluice_check_seconds", "check", m->checks[i].name, &m->checks[i].time);
	print_head(out, "sluice_check_outcomes_total", "counter", "how checks ended");
	for (size_t i = 0; i < m->check_count; i++)
		for (size_t o = 0; o <= SLUICE_TEMPERROR; o++)
			if (m->checks[i].outcomes[o])
				text_addf(out, "sluice_check_outcomes_total{check=\"%s\",outcome=\"%s\"} %llu\n", m->checks[i].name, outcome_words[o],
					(unsigned long long)m->checks[i].outcomes[o]);
	print_head(out, "sluice_rule_cases_total", "counter", "cases in which a rule matched; one in the shadow only watches");
	for (size_t i = 0; i < m->rules.len; i++)
		text_addf(out, "sluice_rule_cases_total{rule=\"%s\",shadow=\"%s\"} %llu\n", m->rules.items[i].name, m->rules.items[i].shadow ? "yes" : "no",
			(unsigned long long)m->rules.items[i].cases);
	(void)pthread_mutex_unlock(&m->lock);
}
