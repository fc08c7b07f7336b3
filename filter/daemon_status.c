/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_status.c - what sluicectl asks the daemon about itself. */
#include <string.h>
#include <unistd.h>

#include "filter/daemon_state.h"
#include "filter/held.h"
#include "filter/key_watch.h"
#include "filter/observe/case_log.h"
#include "filter/observe/history.h"
#include "filter/observe/metrics.h"
#include "filter/services/clock.h"
#include "filter/services/health.h"

static void state_status(struct store *store, struct text *out)
{
	struct store_stats stats;

	if (!store)
		return;
	stats = store_stats(store);
	text_addf(out, "store %s\nstore_asked %llu\nstore_failed %llu\n", stats.working ? "works" : "is out of order", (unsigned long long)stats.asked,
		(unsigned long long)stats.failed);
	if (stats.has_local)
		text_addf(out, "store_in_use %s\nstore_local %s\nstore_local_asked %llu\nstore_merged %llu\nstore_to_merge %llu\n",
			stats.working ? "shared" : "local", stats.local_working ? "works" : "is out of order", (unsigned long long)stats.asked_local,
			(unsigned long long)stats.merged, (unsigned long long)stats.to_merge);
}

static void list_status(const struct policy *p, struct text *out)
{
	struct err why;

	for (size_t i = 0; i < p->lists.len; i++)
		if (list_stale(p->lists.items[i], &why)) /* the first line alone: the ones below show the item */
			text_addf(out, "list_stale %s: %.*s\n", list_name(p->lists.items[i]), (int)strcspn(why.text, "\n"), why.text);
}

static void unhealthy(void *arg, const struct health_row *row)
{
	if (!row->healthy)
		text_addf(arg, "switched_off %s: %s\n", row->subject, row->why);
}

static void bad_key(void *arg, const struct key_watch_row *row)
{
	if (dkim_found_is_bad(row->found))
		text_addf(arg, "dkim_key %s: %s\n", row->name, dkim_found_texts[row->found]);
}

const struct snapshot *daemon_snapshot(const struct daemon *d)
{
	return d->snapshot;
}

struct tracer *daemon_tracer(const struct daemon *d)
{
	return d->tracer;
}

struct held *daemon_held(const struct daemon *d)
{
	return d->held;
}

void daemon_status(struct daemon *d, struct text *out)
{
	const struct snapshot *s = d->snapshot;
	struct resolver_stats dns = resolver_stats(s->resolver);

	text_addf(out, "version " SLUICE_VERSION "\npid %ld\nuptime_s %lld\n", (long)getpid(), (long long)((clock_mono_ms() - d->began_ms) / 1000));
	text_addf(out, "configuration %s\ngeneration %u\nrules %zu\nlisten %s\nauthserv_id %s\n", d->config, s->generation, s->policy->rules.len,
		d->listen, s->authserv_id);
	text_addf(out, "stage_deadline_ms %lld\n", (long long)s->policy->settings.stage_deadline_ms);
	text_addf(out, "connections %lld\nin_progress %lld\n", (long long)metrics_get(d->metrics, METRIC_CONNECTIONS_OPEN),
		(long long)metrics_get(d->metrics, METRIC_MESSAGES_OPEN));
	for (enum case_action a = CASE_ACCEPT; a <= CASE_FAULT; a++)
		text_addf(out, "%s %lld\n", case_action_words[a], (long long)metrics_cases(d->metrics, a));
	text_addf(out, "faults %lld\n", (long long)metrics_get(d->metrics, METRIC_FAULTS));
	text_addf(out, "dns %s\ndns_asked %llu\ndns_failed %llu\ndns_cache_hits %llu\n", dns.working ? "works" : "does not answer",
		(unsigned long long)dns.asked, (unsigned long long)dns.failed, (unsigned long long)dns.cache.hits);
	text_addf(out, "guard %s\n", guard_words[d->guard.state]);
	state_status(s->store, out);
	list_status(s->policy, out);
	health_each(d->health, unhealthy, out);
	key_watch_each(d->keys, bad_key, out);
}

bool daemon_explain(struct daemon *d, const char *id, struct text *out)
{
	const char *folder = d->snapshot->policy->settings.cases.to;

	if (history_find(d->history, id, out))
		return true;
	if (*folder == '/')
		text_adds(out, folder);
	return false;
}

int daemon_forget(struct daemon *d, const char *person, struct text *out, struct err *reterr)
{
	int r = case_log_next(d->cases, reterr);

	if (r < 0)
		return r;
	text_addf(out, "memory %zu\n", history_forget(d->history, person));
	if (r == 0)
		text_addf(out, "folder %s\n", d->snapshot->policy->settings.cases.to);
	return 0;
}

static void print_unhealthy(void *arg, const struct health_row *row)
{
	if (!row->healthy)
		metrics_print_row(arg, "sluice_switched_off", "subject", row->subject, 1);
}

static void print_key(void *arg, const struct key_watch_row *row)
{
	if (row->found != DKIM_FOUND_UNANSWERED)
		metrics_print_row(arg, "sluice_dkim_key_good", "name", row->name, !dkim_found_is_bad(row->found));
}

void daemon_metrics(struct daemon *d, struct text *out)
{
	struct snapshot *s = daemon_current(d);
	struct resolver_stats dns = resolver_stats(s->resolver);

	metrics_print(out, d->metrics);
	metrics_print_one(out, "sluice_dns_questions_total", "counter", "questions sent to the network", (int64_t)dns.asked);
	metrics_print_one(out, "sluice_dns_failures_total", "counter", "of them without an answer", (int64_t)dns.failed);
	metrics_print_one(out, "sluice_dns_working", "gauge", "1: the DNS answers; 0: of the last questions none was answered", dns.working);
	metrics_print_one(out, "sluice_dns_cache_hits_total", "counter", "answers from the cache", (int64_t)dns.cache.hits);
	metrics_print_one(out, "sluice_dns_cache_misses_total", "counter", "questions that the cache could not answer", (int64_t)dns.cache.misses);
	metrics_print_one(out, "sluice_dns_cache_bytes", "gauge", "memory that the cache uses", (int64_t)dns.cache.size_bytes);
	if (s->store) {
		struct store_stats stats = store_stats(s->store);

		metrics_print_one(out, "sluice_store_operations_total", "counter", "operations asked of the store", (int64_t)stats.asked);
		metrics_print_one(out, "sluice_store_failures_total", "counter", "of them without an answer", (int64_t)stats.failed);
		metrics_print_one(out, "sluice_store_working", "gauge", "1: the store answers", stats.working);
		metrics_print_one(out, "sluice_store_moved_total", "counter", "operations that a Redis Cluster sent elsewhere for good (MOVED)", (int64_t)stats.moved);
		metrics_print_one(out, "sluice_store_ask_total", "counter", "operations that a Redis Cluster sent elsewhere once (ASK)", (int64_t)stats.ask);
		metrics_print_one(out, "sluice_store_later_total", "counter", "operations that Redis wanted later (TRYAGAIN, CLUSTERDOWN, READONLY, LOADING)",
			(int64_t)stats.later);
		metrics_print_one(out, "sluice_store_lost_total", "counter", "operations under way when a connection to Redis was lost: they may have been done",
			(int64_t)stats.lost);
		if (stats.has_local) {
			metrics_print_one(out, "sluice_store_local", "gauge", "1: the shared store is away, and this machine's own is in use", !stats.working);
			metrics_print_one(out, "sluice_store_local_operations_total", "counter", "operations that this machine's own store answered",
				(int64_t)stats.asked_local);
			metrics_print_one(out, "sluice_store_merged_total", "counter", "keys of it that were merged into the shared store", (int64_t)stats.merged);
		}
	}
	metrics_print_gauge(out, "sluice_switched_off", "1: it did not answer, or not as it should, and is done without");
	health_each(d->health, print_unhealthy, out);
	metrics_print_gauge(out, "sluice_dkim_key_good", "1: a key that signs is in the DNS; 0: what signs with it is worth nothing to others");
	key_watch_each(d->keys, print_key, out);
	snapshot_unref(s);
}
