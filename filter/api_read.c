/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/api_read.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/control_state.h"
#include "filter/policy/option.h"
#include "filter/services/clock.h"
#include "filter/services/resolver.h"

static int64_t number(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void put_verdicts(struct text *out, const uint64_t counts[CASE_FAULT + 1])
{
	json_open(out, "verdicts", '{');
	for (size_t i = 0; i <= CASE_FAULT; i++)
		json_int(out, case_action_words[i], number(counts[i]));
	json_close(out, '}');
}

static void put_time(struct text *out, const struct metrics_histogram *h)
{
	json_milli(out, "mean_ms", h->count ? number(h->sum_ns / h->count / 1000) : 0);
	json_milli(out, "p50_ms", metrics_percentile_us(h, 50));
	json_milli(out, "p95_ms", metrics_percentile_us(h, 95));
	json_milli(out, "p99_ms", metrics_percentile_us(h, 99));
}

void api_metrics(const struct api_request *q)
{
	q->answer->type = "text/plain; version=0.0.4; charset=utf-8";
	q->of->print_metrics(q->of->arg, &q->answer->body);
}

static void put_store(struct text *out, struct store *store)
{
	struct store_stats stats;

	if (!store) {
		json_str(out, "store", NULL);
		return;
	}
	stats = store_stats(store);
	json_open(out, "store", '{');
	json_bool(out, "working", stats.working);
	json_int(out, "asked", number(stats.asked));
	json_int(out, "failed", number(stats.failed));
	if (stats.has_local) {
		json_str(out, "in_use", stats.working ? "shared" : "local");
		json_int(out, "to_merge", number(stats.to_merge));
	}
	json_close(out, '}');
}

void api_status(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	struct metrics_cases all = metrics_all_cases(q->of->metrics);
	struct resolver_stats dns = resolver_stats(q->s->resolver);

	json_open(out, NULL, '{');
	json_str(out, "version", SLUICE_VERSION);
	json_int(out, "uptime_s", (clock_mono_ms() - q->of->began_ms) / 1000);
	json_str(out, "configuration", q->of->config);
	json_int(out, "generation", q->s->generation);
	json_int(out, "rules", number(q->s->policy->rules.len));
	json_str(out, "listen", q->of->listen);
	json_str(out, "authserv_id", q->s->authserv_id);
	json_int(out, "connections", metrics_get(q->of->metrics, METRIC_CONNECTIONS_OPEN));
	json_int(out, "in_progress", metrics_get(q->of->metrics, METRIC_MESSAGES_OPEN));
	json_int(out, "faults", metrics_get(q->of->metrics, METRIC_FAULTS));
	put_verdicts(out, all.verdicts);
	put_time(out, &all.time);
	json_open(out, "dns", '{');
	json_bool(out, "working", dns.working);
	json_int(out, "asked", number(dns.asked));
	json_int(out, "failed", number(dns.failed));
	json_int(out, "cache_hits", number(dns.cache.hits));
	json_close(out, '}');
	put_store(out, q->s->store);
	json_close(out, '}');
}

void api_rates(const struct api_request *q)
{
	struct text *out = &q->answer->body;

	json_open(out, NULL, '{');
	json_open(out, "steps", '[');
	for (size_t i = 0; i < q->rates->count; i++) {
		const struct rates_step *step = rates_step(q->rates, i);

		json_open(out, NULL, '{');
		json_int(out, "time", step->time_ms / 1000);
		json_milli(out, "seconds", step->took_ms);
		put_verdicts(out, step->verdicts);
		json_milli(out, "p50_ms", step->p50_us);
		json_milli(out, "p95_ms", step->p95_us);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
}

/* ---- cases ---- */

/* A time such as 15m, as long ago. */
static bool read_since(const char *s, int64_t *ret_ms)
{
	int64_t ago;

	if (!option_duration(s, strlen(s), &ago))
		return false;
	*ret_ms = clock_wall_ms() - ago;
	return true;
}

static bool is_verdict(const char *word)
{
	for (size_t i = 0; i <= CASE_FAULT; i++)
		if (!strcmp(case_action_words[i], word))
			return true;
	return false;
}

void api_history(const struct api_request *q)
{
	char address[HTTP_VALUE_MAX], domain[HTTP_VALUE_MAX], user[HTTP_VALUE_MAX], rule[HTTP_VALUE_MAX], verdict[HTTP_VALUE_MAX], since[HTTP_VALUE_MAX], limit[HTTP_VALUE_MAX];
	struct history_filter f = { .limit = API_HISTORY_LIMIT };
	uint64_t wanted = 0;

	f.address = *api_parameter(q, "address", address) ? address : NULL;
	f.domain = *api_parameter(q, "domain", domain) ? domain : NULL;
	f.user = *api_parameter(q, "user", user) ? user : NULL;
	f.rule = *api_parameter(q, "rule", rule) ? rule : NULL;
	f.action = *api_parameter(q, "verdict", verdict) ? verdict : NULL;
	if (f.action && !is_verdict(f.action)) {
		api_error(q, 400, "there is no such verdict", "write accept, hold, discard, tempfail, reject or fault");
		return;
	}
	if (*api_parameter(q, "since", since) && !read_since(since, &f.since_ms)) {
		api_error(q, 400, "'since' is no time", "write how long ago: 15m, 2h or 1d");
		return;
	}
	if (*api_parameter(q, "limit", limit)) {
		if (!ascii_to_u64(limit, strlen(limit), API_HISTORY_MAX, &wanted) || !wanted) {
			api_error(q, 400, "'limit' is no number of cases", "write one from 1 to 1000");
			return;
		}
		f.limit = (size_t)wanted;
	}
	json_open(&q->answer->body, NULL, '{');
	json_open(&q->answer->body, "cases", '[');
	(void)history_list(q->of->history, &f, &q->answer->body);
	json_close(&q->answer->body, ']');
	json_close(&q->answer->body, '}');
}

void api_explain(const struct api_request *q)
{
	if (!history_find(q->of->history, q->rest, &q->answer->body))
		api_error(q, 404, "no case of this id is in memory", "the setting 'history' says how many are; 'sluicectl explain' also looks into the folder of cases");
}

/* ---- what is configured ---- */

static void put_place(struct text *out, struct place at)
{
	json_str(out, "file", at.source ? at.source->path : NULL);
	json_int(out, "line", at.line);
}

void api_rules(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	const struct policy *p = q->s->policy;

	json_open(out, NULL, '{');
	json_open(out, "rules", '[');
	for (size_t i = 0; i < p->rules.len; i++) {
		const struct rule *r = &p->rules.items[i];
		struct metrics_rule hits = metrics_rule(q->of->metrics, r->name);

		json_open(out, NULL, '{');
		json_str(out, "name", r->name);
		put_place(out, r->place);
		json_str(out, "stage", stage_words[r->stage]);
		json_str(out, "action", rule_action_words[r->action]);
		json_bool(out, "shadow", r->shadow);
		json_str(out, "text", r->text);
		json_int(out, "hits", number(hits.cases - hits.shadow_cases));
		json_int(out, "shadow_hits", number(hits.shadow_cases));
		if (hits.last_ms)
			json_int(out, "last_hit", hits.last_ms / 1000);
		else
			json_str(out, "last_hit", NULL);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
}

static void put_check(void *arg, const struct metrics_check *c)
{
	struct text *out = arg;

	json_open(out, NULL, '{');
	json_str(out, "name", c->name);
	json_int(out, "runs", number(c->time.count));
	json_open(out, "outcomes", '{');
	for (size_t i = 0; i < ARRAY_LEN(c->outcomes); i++)
		json_int(out, outcome_words[i], number(c->outcomes[i]));
	json_close(out, '}');
	put_time(out, &c->time);
	json_close(out, '}');
}

void api_checks(const struct api_request *q)
{
	struct text *out = &q->answer->body;

	json_open(out, NULL, '{');
	json_open(out, "checks", '[');
	metrics_each_check(q->of->metrics, put_check, out);
	json_close(out, ']');
	json_close(out, '}');
}

static void put_subject(void *arg, const struct health_row *row)
{
	struct text *out = arg;

	json_open(out, NULL, '{');
	json_str(out, "subject", row->subject);
	json_bool(out, "healthy", row->healthy);
	json_str(out, "why", row->healthy ? NULL : row->why);
	json_int(out, "since", row->since_ms / 1000);
	json_close(out, '}');
}

void api_health(const struct api_request *q)
{
	struct text *out = &q->answer->body;

	json_open(out, NULL, '{');
	json_open(out, "subjects", '[');
	health_each(q->of->health, put_subject, out);
	json_close(out, ']');
	put_store(out, q->s->store);
	json_close(out, '}');
}

static void put_key(void *arg, const struct key_watch_row *row)
{
	struct text *out = arg;

	json_open(out, NULL, '{');
	json_str(out, "name", row->name);
	json_str(out, "state", dkim_found_words[row->found]);
	json_str(out, "text", dkim_found_texts[row->found]);
	json_bool(out, "bad", dkim_found_is_bad(row->found));
	json_int(out, "since", row->since_ms / 1000);
	json_int(out, "asked", row->asked_ms / 1000);
	json_close(out, '}');
}

void api_keys(const struct api_request *q)
{
	struct text *out = &q->answer->body;

	json_open(out, NULL, '{');
	json_open(out, "keys", '[');
	key_watch_each(q->of->keys, put_key, out);
	json_close(out, ']');
	json_close(out, '}');
}

void api_held(const struct api_request *q)
{
	held_show(q->of->held, &q->answer->body);
}

void api_lists(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	const struct policy *p = q->s->policy;
	struct err why;

	json_open(out, NULL, '{');
	json_open(out, "lists", '[');
	for (size_t i = 0; i < p->lists.len; i++) {
		const struct list *l = p->lists.items[i];

		json_open(out, NULL, '{');
		json_str(out, "name", list_name(l));
		json_str(out, "type", list_type_words[list_type(l)]);
		put_place(out, list_place(l));
		json_int(out, "entries", number(list_len(l)));
		json_str(out, "stale", list_stale(l, &why) ? why.text : NULL);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
}

/* ---- what the store has ---- */

static void put_entries(const struct api_request *q, int (*put)(const struct snapshot *s, struct text *out))
{
	if (put(q->s, &q->answer->body) != EX_OK)
		api_error(q, 503, "the store does not answer", "'sluicectl status' says more, and so does the daemon's log");
}

void api_limits(const struct api_request *q)
{
	put_entries(q, control_limits_json);
}

void api_greylist(const struct api_request *q)
{
	put_entries(q, control_greylist_json);
}
