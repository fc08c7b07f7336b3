/* SPDX-License-Identifier: BSD-2-Clause */
/* record.c - the case: made here, once, from the state of a dialogue. */
#include <string.h>

#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"
#include "filter/mail/header_field.h"
#include "filter/services/clock.h"
#include "filter/services/scan_wire.h"

#define MESSAGE_ID_MAX 998
#define RECORD_MAX     1024 /* records of one answer are shown up to it, in octets each */

/* Time in milliseconds above, a counter below: ids of one process never repeat, those of two hardly. */
void record_new_id(struct dialogue *d)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* no i, l, o, u: people read them out */
	static uint32_t counter;
	uint64_t n = (uint64_t)clock_wall_ms() << 20 | (__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED) & 0xfffff);

	for (size_t i = DIALOGUE_ID_LEN; i-- > 0; n >>= 5)
		d->id[i] = digits[n & 31];
	d->id[DIALOGUE_ID_LEN] = '\0';
}

struct maker {
	struct dialogue *d;
	struct arena *arena;
	bool failed;
	VEC(struct case_answer) answers;
};

static void *take(struct maker *m, size_t count, size_t size)
{
	void *p = arena_alloc(m->arena, (count ? count : 1) * size);

	m->failed |= !p;
	return p;
}

static const struct case_fact *make_facts(struct maker *m, size_t *ret_count)
{
	const struct catalog *c = &m->d->snapshot->registry->catalog;
	struct case_fact *facts = take(m, c->facts.len, sizeof *facts);
	size_t count = 0;

	for (size_t i = 0; facts && i < c->facts.len; i++)
		if (m->d->session->facts[i].known)
			facts[count++] = (struct case_fact){ c->facts.items[i].name, &m->d->session->facts[i], c->facts.items[i].words };
	*ret_count = count;
	return facts;
}

/* The case of a recipient that is refused is about that one, and not about those before it. */
static bool belongs(const struct match *match, const char *only)
{
	return !only || !match->recipient || match->recipient == only;
}

static const struct case_rule *make_rules(struct maker *m, const char *only, size_t *ret_count)
{
	struct case_rule *rules = take(m, m->d->matches.len, sizeof *rules);
	size_t count = 0;

	for (size_t i = 0; rules && i < m->d->matches.len; i++) {
		const struct match *match = &m->d->matches.items[i];

		if (!belongs(match, only))
			continue;
		rules[count++] = (struct case_rule){
			.name = match->rule->name,
			.file = match->rule->place.source->path,
			.line = match->rule->place.line,
			.text = match->rule->text,
			.stage = match->rule->stage,
			.action = rule_action_words[match->rule->action],
			.score_milli = match->rule->score_milli,
			.shadow = match->rule->shadow,
			.warn = match->rule->warn,
			.recipient = match->recipient,
			.facts = match->facts,
			.fact_count = match->rule->fact_count,
		};
	}
	*ret_count = count;
	return rules;
}

static const struct case_missed *make_missed(struct maker *m, const char *only, size_t *ret_count)
{
	const struct catalog *c = &m->d->snapshot->registry->catalog;
	struct case_missed *missed = take(m, m->d->misses.len, sizeof *missed);

	*ret_count = 0;
	for (size_t i = 0; missed && i < m->d->misses.len; i++) {
		const struct miss *miss = &m->d->misses.items[i];
		struct case_fact *facts = take(m, miss->count, sizeof *facts);

		if (only && miss->recipient && miss->recipient != only)
			continue;
		for (size_t k = 0; facts && k < miss->count; k++)
			facts[k] = (struct case_fact){ c->facts.items[miss->facts[k]].name, &miss->values[k], c->facts.items[miss->facts[k]].words };
		missed[(*ret_count)++] = (struct case_missed){ miss->rule->name, miss->rule->place.source->path, miss->rule->place.line, miss->rule->stage,
			miss->why, miss->recipient, facts, miss->count };
	}
	return missed;
}

/* What is known of it beside its address. */
static const struct case_fact *make_recipient_facts(struct maker *m, const struct recipient *r, size_t *ret_count)
{
	const struct catalog *c = &m->d->snapshot->registry->catalog;
	struct case_fact *facts = take(m, r->fact_count, sizeof *facts);

	*ret_count = 0;
	for (size_t i = 0; facts && i < r->fact_count; i++) {
		const struct catalog_fact *f = &c->facts.items[r->facts[i].fact];

		if (r->facts[i].fact != CORE_RCPT_ADDRESS && r->facts[i].fact != CORE_RCPT_DOMAIN)
			facts[(*ret_count)++] = (struct case_fact){ f->name, &r->facts[i].value, f->words };
	}
	return facts;
}

static const struct case_limit *make_limits(struct maker *m, const char *only, size_t *ret_count)
{
	struct case_limit *limits = take(m, m->d->looked.len, sizeof *limits);
	size_t count = 0;

	for (size_t i = 0; limits && i < m->d->looked.len; i++) {
		const struct looked *l = &m->d->looked.items[i];
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(4096);
		const char *words;

		if (only && l->recipient && l->recipient != only)
			continue;
		limit_describe(&text, l->rule->limit, &m->d->snapshot->registry->catalog);
		words = arena_copy(m->arena, text_str(&text), text.len);
		m->failed |= !words;
		limits[count++] = (struct case_limit){ l->rule->name, words, l->recipient, l->over, l->wait_s };
	}
	*ret_count = count;
	return limits;
}

static const char *const *make_given(struct maker *m, size_t *ret_count)
{
	const struct registry *r = m->d->snapshot->registry;
	const char **names = take(m, r->checks.len, sizeof *names);
	size_t count = 0;

	for (size_t i = 0; names && i < r->checks.len; i++)
		if (m->d->checks[i].ns && (r->checks.items[i].check->feed || r->checks.items[i].check->body || m->d->stored >> i & 1))
			names[count++] = r->checks.items[i].check->name;
	*ret_count = count;
	return names;
}

static const struct case_recipient *make_recipients(struct maker *m, const char *only, size_t *ret_count)
{
	const struct message *message = &m->d->session->message;
	struct case_recipient *recipients = take(m, only ? 1 : message->recipients.len, sizeof *recipients);
	size_t count = 0;

	for (size_t i = 0; recipients && i < message->recipients.len; i++) {
		const struct recipient *r = &message->recipients.items[i];
		struct case_recipient shown = { r->address.text, r->address.len, r->refused, r->removed, NULL, 0 };

		if (only && r->address.text != only)
			continue;
		shown.facts = make_recipient_facts(m, r, &shown.fact_count);
		recipients[count++] = shown;
	}
	*ret_count = count;
	return recipients;
}

static const struct case_check *make_checks(struct maker *m, size_t *ret_count)
{
	const struct registry *r = m->d->snapshot->registry;
	struct case_check *checks = take(m, r->checks.len, sizeof *checks);
	size_t count = 0;

	for (size_t i = 0; checks && i < r->checks.len; i++)
		if (m->d->checks[i].ns) /* it has run */
			checks[count++] = (struct case_check){ r->checks.items[i].check->name, m->d->checks[i].outcome, m->d->checks[i].ns };
	*ret_count = count;
	return checks;
}

static const char *waiter_names(struct maker *m, uint64_t waiters)
{
	SLUICE_CLEANUP(text_done) struct text names = TEXT_INIT(4096);
	const char *copy;

	for (unsigned i = 0; waiters; i++, waiters >>= 1)
		if (waiters & 1)
			text_addf(&names, "%s%s", names.len ? " " : "", i == REGISTRY_JUDGE ? "rules" : m->d->snapshot->registry->checks.items[i].check->name);
	copy = arena_copy(m->arena, text_str(&names), names.len);
	m->failed |= !copy;
	return copy ? copy : "";
}

static const char *const *make_records(struct maker *m, const struct slot_row *row)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(64u << 10);
	const char **records = take(m, row->answer->count, sizeof *records);

	for (size_t i = 0; records && i < row->answer->count; i++) {
		text_clear(&text);
		dns_record_print(&text, row->type, &row->answer->records[i]);
		records[i] = arena_copy(m->arena, text_str(&text), text.len > RECORD_MAX ? RECORD_MAX : text.len);
		m->failed |= !records[i];
	}
	return records;
}

static const char *describe_store(struct maker *m, const struct slot_row *row)
{
	const struct sluice_store_answer *a = row->store;
	static const char *const greylist_words[] = { "new", "early", "pass", "known" };
	const char *text = "";

	if (a->status == SLUICE_STORE_FAILED)
		return a->why;
	switch (row->verb) {
	case SLUICE_STORE_GREYLIST:
		text = arena_printf(m->arena, "%s, wait %lld ms, %lld passes", greylist_words[a->greylist], (long long)a->wait_ms, (long long)a->number);
		break;
	case SLUICE_STORE_RATE:
		text = arena_printf(m->arena, "%s, wait %lld ms, %lld left", a->allowed ? "allowed" : "over the limit", (long long)a->wait_ms,
			(long long)a->number);
		break;
	case SLUICE_STORE_COUNT:
	case SLUICE_STORE_SET:
		text = arena_printf(m->arena, "%lld", (long long)a->number);
		break;
	case SLUICE_STORE_GET:
	case SLUICE_STORE_PUT:
	case SLUICE_STORE_DELETE:
		text = a->status == SLUICE_STORE_OK ? "there" : "absent";
		break;
	case SLUICE_STORE_TALLY:
		text = arena_printf(m->arena, "%zu items", a->value_len / sizeof(struct sluice_store_tally));
		break;
	}
	m->failed |= !text;
	return text ? text : "";
}

static void add_store_answer(struct maker *m, const struct slot_row *row, struct case_answer *a)
{
	const char **record = take(m, 1, sizeof *record);

	a->type = store_verb_words[row->verb];
	a->status = !row->store ? "open" : row->store->status == SLUICE_STORE_FAILED ? "failed" : "ok";
	if (!record || !row->store)
		return;
	*record = describe_store(m, row);
	a->records = record;
	a->record_count = 1;
}

static void add_program_answer(struct maker *m, const struct slot_row *row, struct case_answer *a)
{
	const char **record = take(m, 1, sizeof *record);
	const struct sluice_program_answer *p = row->program;
	size_t len;

	a->type = "program";
	a->status = !p ? "open" : p->status == SLUICE_PROGRAM_OK ? "ok" : p->status == SLUICE_PROGRAM_TIMEOUT ? "timeout" : "failed";
	if (!record || !p)
		return;
	len = p->status == SLUICE_PROGRAM_OK ? p->len : strlen(p->why);
	*record = arena_copy(m->arena, p->status == SLUICE_PROGRAM_OK ? p->line : p->why, len > RECORD_MAX ? RECORD_MAX : len);
	m->failed |= !*record;
	a->records = record;
	a->record_count = 1;
}

/* What was found; the files themselves are many. */
static void add_scan_answer(struct maker *m, const struct slot_row *row, struct case_answer *a)
{
	static const char *const words[] = { [SLUICE_SCAN_OK] = "ok", [SLUICE_SCAN_FAILED] = "failed", [SLUICE_SCAN_TIMEOUT] = "timeout",
		[SLUICE_SCAN_TOO_LARGE] = "too-large" };
	const struct sluice_scan_answer *s = row->scan;
	size_t count = !s ? 0 : s->status == SLUICE_SCAN_OK ? s->finding_count : 1;
	const char **records = take(m, count, sizeof *records);

	a->type = "scan";
	a->status = s ? words[s->status] : "open";
	if (!records)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct sluice_scan_finding *f = s->status == SLUICE_SCAN_OK ? &s->findings[i] : NULL;

		records[i] = f ? arena_printf(m->arena, "%s: %s: %s", scan_kind_words[f->kind], f->name, f->text) : arena_copy(m->arena, s->why, strlen(s->why));
		m->failed |= !records[i];
	}
	a->records = records;
	a->record_count = count;
}

static void add_virus_answer(struct maker *m, const struct slot_row *row, struct case_answer *a)
{
	static const char *const words[] = { [SLUICE_VIRUS_OK] = "ok", [SLUICE_VIRUS_FAILED] = "failed", [SLUICE_VIRUS_TIMEOUT] = "timeout",
		[SLUICE_VIRUS_TOO_LARGE] = "too-large" };
	const struct sluice_virus_answer *v = row->virus;
	const char **record = take(m, 1, sizeof *record);
	const char *text;

	a->type = "virus";
	a->status = v ? words[v->status] : "open";
	if (!record || !v)
		return;
	text = v->status != SLUICE_VIRUS_OK ? v->why : *v->found ? v->found : "nothing found";
	*record = arena_copy(m->arena, text, strlen(text));
	m->failed |= !*record;
	a->records = record;
	a->record_count = 1;
}

/* Its first line: what a protocol says of how it went. */
static void add_exchange_answer(struct maker *m, const struct slot_row *row, struct case_answer *a)
{
	static const char *const words[] = { [SLUICE_EXCHANGE_OK] = "ok", [SLUICE_EXCHANGE_FAILED] = "failed", [SLUICE_EXCHANGE_TIMEOUT] = "timeout",
		[SLUICE_EXCHANGE_TOO_LARGE] = "too-large" };
	const struct sluice_exchange_answer *e = row->exchange;
	const char **record = take(m, 1, sizeof *record);
	const char *text;
	size_t len;

	a->type = "exchange";
	a->status = e ? words[e->status] : "open";
	if (!record || !e)
		return;
	text = e->status == SLUICE_EXCHANGE_OK ? e->bytes : e->why;
	len = strcspn(text, "\r\n");
	*record = arena_copy(m->arena, text, len > RECORD_MAX ? RECORD_MAX : len);
	m->failed |= !*record;
	a->records = record;
	a->record_count = 1;
}

static void add_answer(void *arg, const struct slot_row *row)
{
	struct maker *m = arg;
	struct case_answer a = {
		.type = dns_type_name(row->type),
		.source = slot_source_words[row->source],
		.status = row->answer ? dns_status_name(row->answer->status) : "open",
		.age_s = row->age_s,
		.waited_ns = row->waited_ns,
		.checks = waiter_names(m, row->waiters),
	};

	a.name = arena_copy(m->arena, row->name, row->name_len);
	if (row->kind == SLOT_OF_STORE)
		add_store_answer(m, row, &a);
	if (row->kind == SLOT_OF_PROGRAM)
		add_program_answer(m, row, &a);
	if (row->kind == SLOT_OF_SCAN)
		add_scan_answer(m, row, &a);
	if (row->kind == SLOT_OF_VIRUS)
		add_virus_answer(m, row, &a);
	if (row->kind == SLOT_OF_EXCHANGE)
		add_exchange_answer(m, row, &a);
	if (row->answer) {
		a.ttl_s = row->answer->ttl_s;
		a.records = make_records(m, row);
		a.record_count = row->answer->count;
	}
	m->failed |= !a.name || m->failed || !vec_push(&m->answers, a);
}

static bool goes_on(const struct verdict *v)
{
	return v->action == VERDICT_CONTINUE || v->action == VERDICT_HOLD;
}

/* A message that is refused gets none. */
static const struct case_header *make_inserted(struct maker *m, const struct verdict *v, size_t *ret_count)
{
	size_t count = goes_on(v) ? m->d->edits.insert.len : 0;
	struct case_header *fields = take(m, count, sizeof *fields);

	for (size_t i = 0; fields && i < count; i++) {
		const struct edit_header *h = &m->d->edits.insert.items[count - 1 - i];

		fields[i] = (struct case_header){ h->name, h->value };
	}
	*ret_count = fields ? count : 0;
	return fields;
}

static const char *message_id(struct maker *m)
{
	const struct message *message = &m->d->session->message;

	for (size_t i = 0; i < message->headers.len; i++) {
		const struct header *h = &message->headers.items[i];
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(MESSAGE_ID_MAX);
		const char *copy;

		if (!header_field_is(h->name, h->name_len, "Message-ID"))
			continue;
		header_field_unfold(&value, h->value, h->value_len);
		copy = arena_copy(m->arena, text_str(&value), value.len);
		m->failed |= !copy;
		return copy ? copy : "";
	}
	return "";
}

static int64_t score_of(const struct dialogue *d)
{
	int score = catalog_find(&d->snapshot->registry->catalog, "score");

	return d->session->facts[score].known ? d->session->facts[score].number : 0;
}

static enum case_action action_of(enum verdict_action action)
{
	switch (action) {
	case VERDICT_CONTINUE:
		return CASE_ACCEPT;
	case VERDICT_HOLD:
		return CASE_HOLD;
	case VERDICT_DISCARD:
		return CASE_DISCARD;
	case VERDICT_TEMPFAIL:
		return CASE_TEMPFAIL;
	case VERDICT_REJECT:
		return CASE_REJECT;
	case VERDICT_FAULT:
		break;
	}
	return CASE_FAULT;
}

void record_tell(struct dialogue *d, const struct verdict *v)
{
	const struct session *s = d->session;
	const char *only = NULL;
	struct maker m = { .d = d, .arena = arena_new(SESSION_MESSAGE_BYTES) };
	struct case_ c = {
		.id = d->id,
		.connection = d->connection,
		.message = d->message,
		.time_ms = d->now_ms,
		.queue_id = s->message.queue_id,
		.client = { .ip = s->client, .name = s->connection.client_name, .helo = s->helo ? s->helo : "", .helo_len = s->helo_len,
			.port = s->connection.client_port, .daemon_port = s->connection.daemon_port, .user = s->message.auth.authen },
		.envelope = s->message.begun,
		.from = s->message.begun ? s->message.from.text : "",
		.from_len = s->message.begun ? s->message.from.len : 0,
		.size_bytes = (int64_t)(s->message.header_bytes + s->message.body_bytes),
		.verdict = { .action = action_of(v->action), .stage = v->stage, .code = v->code, .dsn = v->dsn ? v->dsn : "",
			.text = v->text ? v->text : "", .rule = v->rule ? v->rule->name : "", .file = v->rule ? v->rule->place.source->path : "",
			.line = v->rule ? v->rule->place.line : 0 },
		.score_milli = score_of(d),
		.authres = d->edits.authres,
		.added = d->edits.add_recipients.items,
		.added_count = d->edits.add_recipients.len,
	};

	if (v->stage == SLUICE_STAGE_RCPT && v->action != VERDICT_CONTINUE && !d->hold_cases)
		only = v->rule ? s->recipient->address.text : ""; /* without a rule: one too many, which was not kept */
	if (!m.arena || !d->engine->on_case) {
		arena_free(m.arena);
		return;
	}
	memcpy(c.stages, d->stages, sizeof c.stages);
	c.message_id = message_id(&m);
	c.recipients = make_recipients(&m, only, &c.recipient_count);
	c.inserted = make_inserted(&m, v, &c.inserted_count);
	c.changed = d->edits.changed.items;
	c.changed_count = goes_on(v) ? d->edits.changed.len : 0;
	c.facts = make_facts(&m, &c.fact_count);
	c.rules = make_rules(&m, only, &c.rule_count);
	c.missed = make_missed(&m, only, &c.missed_count);
	c.limits = make_limits(&m, only, &c.limit_count);
	c.given = make_given(&m, &c.given_count);
	c.checks = make_checks(&m, &c.check_count);
	slots_each(d->session->slots, add_answer, &m);
	c.answers = m.answers.items;
	c.answer_count = m.answers.len;
	if (!m.failed)
		d->engine->on_case(d->engine->arg, &c);
	vec_done(&m.answers);
	arena_free(m.arena);
}
