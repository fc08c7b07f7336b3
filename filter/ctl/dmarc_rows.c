/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_rows.c - the rows of a day, as the daemon has them (filter/control_dmarc.h), put together by policy domain, or, of failures, one by one. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/control.h"
#include "filter/control_dmarc.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/dmarc.h"
#include "filter/mail/domain.h"

#define ARENA_BYTES (1u << 30)
#define ONE_REQUEST 30 /* rows: as many as a line of a request has room for */

/* ---- asking ---- */

static int ask(const char *socket, const struct text *request, struct text *out)
{
	int status = ctl_ask(&(struct ctl_target){ .socket = socket }, text_str(request), out);

	if (status)
		fprintf(stderr, "%s", text_str(out));
	return status;
}

/* VERB of these hashes, up to ONE_REQUEST of them. */
static int ask_rows(
	const struct dmarc_day *d, const char *verb, const char *const *hashes, size_t count, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX);

	text_addf(&request, "dmarc %s%s %" PRId64, d->failures ? "failure-" : "", verb, d->day);
	for (size_t i = 0; i < count; i++)
		text_addf(&request, " %.*s", CONTROL_DMARC_HASH_LEN, hashes[i]);
	text_addc(&request, '\n');
	return ask(d->socket, &request, out);
}

/* ---- one row ---- */

struct entry {
	const char *hash, *key; /* key: equal for rows that say the same of messages */
	int64_t count, seen_s;
	const char *org, *rua;
	struct dmarc_report policy; /* its texts */
	struct dmarc_report_row row;
	struct dmarc_failure failure;
};
struct entries {
	struct entry *items;
	size_t len, capacity;
};

static const char *const policies[] = { "none", "quarantine", "reject", NULL };
static const char *const dispositions[] = { "none", "pass", "quarantine", "reject", NULL };
static const char *const pass_or_fail[] = { "pass", "fail", NULL };
static const char *const modes[] = { "r", "s", NULL };
static const char *const yes_or_no[] = { "y", "n", NULL };
static const char *const discoveries[] = { "treewalk", "psl", NULL };
static const char *const reasons[] = { "local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder",
	NULL };
static const char *const results[] = { "none", "pass", "fail", "softfail", "policy", "neutral", "temperror",
	"permerror", NULL };

/* One of the words; NULL: it is none. */
static const char *word(const json_t *in, const char *key, const char *const *words)
{
	const char *s = json_string_value(json_object_get(in, key));

	for (; s && *words; words++)
		if (!strcmp(s, *words))
			return *words;
	return NULL;
}

static const char *text(struct arena *arena, const json_t *in, const char *key)
{
	const char *s = json_string_value(json_object_get(in, key));

	return s ? arena_copy(arena, s, strlen(s)) : NULL;
}

static bool read_policy(struct arena *arena, const json_t *in, struct entry *e)
{
	struct dmarc_report *p = &e->policy;

	p->domain = text(arena, in, "domain");
	p->fo = text(arena, in, "fo");
	p->discovery = word(in, "discovery", discoveries);
	p->p = word(in, "p", policies);
	p->sp = word(in, "sp", policies);
	p->np = word(in, "np", policies);
	p->adkim = word(in, "adkim", modes);
	p->aspf = word(in, "aspf", modes);
	p->testing = word(in, "testing", yes_or_no);
	e->org = text(arena, in, "org");
	e->rua = text(arena, in, "rua");
	return p->domain && p->p && e->org && e->rua && strlen(p->domain) < DOMAIN_ASCII_SIZE &&
	       !strpbrk(p->domain, "!/\"\\\r\n ");
}

static bool read_reasons(struct arena *arena, const json_t *in, struct dmarc_report_row *row)
{
	size_t count = json_array_size(in);
	struct dmarc_report_reason *list = arena_alloc(arena, (count + 1) * sizeof *list);

	for (size_t i = 0; list && i < count; i++) {
		const json_t *one = json_array_get(in, i);

		list[i] = (struct dmarc_report_reason){ word(one, "type", reasons), text(arena, one, "comment") };
		if (!list[i].type)
			return false;
	}
	row->reasons = list;
	row->reason_count = count;
	return list != NULL;
}

static bool read_signatures(struct arena *arena, const json_t *in, struct dmarc_report_row *row)
{
	size_t count = json_array_size(in);
	struct dmarc_report_dkim *list = arena_alloc(arena, (count + 1) * sizeof *list);

	for (size_t i = 0; list && i < count; i++) {
		const json_t *one = json_array_get(in, i);

		list[i] = (struct dmarc_report_dkim){ text(arena, one, "domain"), text(arena, one, "selector"),
			word(one, "result", results), text(arena, one, "why") };
		if (!list[i].domain || !list[i].selector || !list[i].result || !strcmp(list[i].result, "softfail"))
			return false;
	}
	row->signatures = list;
	row->signature_count = count;
	return list != NULL;
}

static bool read_record(struct arena *arena, const json_t *in, struct dmarc_report_row *row)
{
	struct sluice_ip ip;

	row->source_ip = text(arena, in, "source_ip");
	row->disposition = word(in, "disposition", dispositions);
	row->dkim = word(in, "dkim", pass_or_fail);
	row->spf = word(in, "spf", pass_or_fail);
	row->header_from = text(arena, in, "header_from");
	row->envelope_from = text(arena, in, "envelope_from");
	row->envelope_to = text(arena, in, "envelope_to");
	row->spf_domain = text(arena, in, "spf_domain");
	row->spf_result = word(in, "spf_result", results);
	return row->source_ip && ip_parse(row->source_ip, strlen(row->source_ip), &ip) && row->disposition &&
	       row->dkim && row->spf && row->header_from && read_reasons(arena, json_object_get(in, "reasons"), row) &&
	       read_signatures(arena, json_object_get(in, "signatures"), row);
}

/* Of a failure (plugins/dmarc/dmarc_failures.h); the row has been read. */
static bool read_failure(struct arena *arena, const json_t *in, struct entry *e)
{
	static const char *const deliveries[] = { "delivered", "spam", "policy", "reject", "other", NULL };
	const json_t *dkim = json_object_get(in, "dkim");
	struct dmarc_failure *f = &e->failure;

	f->arrived_s = e->seen_s;
	f->source_ip = e->row.source_ip;
	f->header_from = e->row.header_from;
	f->spf_aligned = !strcmp(e->row.spf, "pass");
	f->dkim_aligned = !strcmp(e->row.dkim, "pass");
	f->envelope_from = e->row.envelope_from;
	f->envelope_to = e->row.envelope_to;
	f->spf_domain = e->row.spf_domain;
	f->spf_result = e->row.spf_result;
	f->spf_record = text(arena, in, "spf_record");
	f->delivery = word(in, "delivery", deliveries);
	f->dkim_domain = text(arena, dkim, "domain");
	f->dkim_selector = text(arena, dkim, "selector");
	f->dkim_identity = text(arena, dkim, "identity");
	f->dkim_result = word(dkim, "result", results);
	f->header = text(arena, in, "header");
	return f->delivery != NULL;
}

/* "HASH COUNT VALUE". False: it is of another form. */
static bool read_entry(const struct dmarc_day *d, const char *line, size_t len, struct entry *ret)
{
	const char *count = len > CONTROL_DMARC_HASH_LEN ? line + CONTROL_DMARC_HASH_LEN + 1 : NULL;
	const char *value = count ? memchr(count, ' ', (size_t)(line + len - count)) : NULL;
	json_t *json = value ? json_loadb(value + 1, (size_t)(line + len - value - 1), 0, NULL) : NULL;
	const json_t *row = json_object_get(json, "row"), *record = json_object_get(row, "record");
	struct arena *arena = d->arena;
	char *key = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t number = 0;
	bool good;

	*ret = (struct entry){ .hash = arena_copy(arena, line, CONTROL_DMARC_HASH_LEN) };
	good = key && ret->hash && ascii_to_u64(count, (size_t)(value - count), INT64_MAX, &number);
	ret->count = (int64_t)number;
	ret->seen_s = json_integer_value(json_object_get(json, "seen"));
	ret->key = key ? arena_copy(arena, key, strlen(key)) : NULL;
	good = good && ret->key && read_policy(arena, json_object_get(row, "policy"), ret) &&
	       read_record(arena, record, &ret->row) &&
	       (!d->failures || read_failure(arena, json_object_get(json, "failure"), ret));
	free(key);
	json_decref(json);
	return good;
}

static int read_entries(const struct dmarc_day *d, const char *const *hashes, size_t count, struct entries *ret)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	int status = ask_rows(d, "rows", hashes, count, &out);

	for (const char *p = text_str(&out), *end; status == EX_OK && (end = strchr(p, '\n')) != NULL; p = end + 1) {
		struct entry e;

		if (!read_entry(d, p, (size_t)(end - p), &e))
			continue;
		if (!vec_push(ret, e))
			return EX_OSERR;
	}
	return status;
}

/* ---- the day ---- */

static int by_domain(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->policy.domain, y->policy.domain);

	r = r ? r : strcmp(x->key, y->key);
	return r ? r : strcmp(x->hash, y->hash);
}

static bool add_to(struct dmarc_batch *b, const struct entry *e, const struct entry *before)
{
	struct dmarc_report_row row = e->row;

	if (!vec_push(&b->hashes, e->hash))
		return false;
	b->messages += e->count;
	row.count = e->count;
	if (e->count == 0)
		return true; /* its messages are not counted yet, or no more: it is nothing to report, and is deleted */
	if (b->rows.len > 0 && before && !strcmp(before->key, e->key)) {
		b->rows.items[b->rows.len - 1].count += e->count;
		return true;
	}
	return vec_push(&b->rows, row);
}

/* Entries of one domain. What it has published last is what it is told of. */
static bool add_batch(struct dmarc_day *d, const struct entry *entries, size_t count)
{
	struct dmarc_batch b = { .messages = 0 };
	const struct entry *last = entries;
	bool added = true;

	for (size_t i = 0; added && i < count; i++) {
		if (entries[i].seen_s > last->seen_s)
			last = &entries[i];
		added = add_to(&b, &entries[i], i ? &entries[i - 1] : NULL);
	}
	b.failure = last->failure;
	b.report = last->policy;
	b.org = last->org;
	b.rua = last->rua;
	b.report.rows = b.rows.items;
	b.report.row_count = b.rows.len;
	if (added && vec_push(&d->batches, b))
		return true;
	vec_done(&b.rows);
	vec_done(&b.hashes);
	return false;
}

static bool group(struct dmarc_day *d, struct entries *entries)
{
	size_t next;

	if (entries->len)
		qsort(entries->items, entries->len, sizeof entries->items[0], by_domain);
	for (size_t i = 0; i < entries->len; i = next) {
		for (next = i + 1; next < entries->len && !d->failures; next++)
			if (strcmp(entries->items[i].policy.domain, entries->items[next].policy.domain) != 0)
				break;
		if (!add_batch(d, &entries->items[i], next - i))
			return false;
	}
	return true;
}

int dmarc_day_read(const char *socket, int64_t day, bool failures, struct dmarc_day *ret)
{
	SLUICE_CLEANUP(text_done)
	struct text request = TEXT_INIT(CONTROL_LINE_MAX), keys = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct entries entries = { .items = NULL };
	int status;

	*ret = (struct dmarc_day){
		.socket = socket, .day = day, .failures = failures, .arena = arena_new(ARENA_BYTES)
	};
	if (!ret->arena)
		return EX_OSERR;
	text_addf(&request, "dmarc %skeys %" PRId64 "\n", failures ? "failure-" : "", day);
	status = ask(socket, &request, &keys);
	for (size_t at = 0; status == EX_OK && at < keys.len;) {
		const char *hashes[ONE_REQUEST];
		size_t count = 0;

		for (; count < ONE_REQUEST && keys.len - at > CONTROL_DMARC_HASH_LEN; at += CONTROL_DMARC_HASH_LEN + 1)
			hashes[count++] = keys.bytes + at;
		if (count == 0)
			break;
		status = read_entries(ret, hashes, count, &entries);
	}
	if (status == EX_OK && !group(ret, &entries))
		status = EX_OSERR;
	vec_done(&entries);
	return status;
}

void dmarc_day_done(struct dmarc_day *d)
{
	for (size_t i = 0; i < d->batches.len; i++) {
		vec_done(&d->batches.items[i].rows);
		vec_done(&d->batches.items[i].hashes);
	}
	vec_done(&d->batches);
	arena_free(d->arena);
	d->arena = NULL;
}

int dmarc_day_forget(const struct dmarc_day *d, const struct dmarc_batch *b)
{
	int status = EX_OK;

	for (size_t at = 0; status == EX_OK && at < b->hashes.len; at += ONE_REQUEST) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
		size_t left = b->hashes.len - at;

		status = ask_rows(d, "forget", b->hashes.items + at, left < ONE_REQUEST ? left : ONE_REQUEST, &out);
	}
	return status;
}
