/* SPDX-License-Identifier: BSD-2-Clause */
/* host.c - the daemon's side of plugin.h: what a check sees of its transaction, and where its facts go. */
#include <stdio.h>
#include <string.h>

#include "filter/base/shortage.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/pattern.h"
#include "filter/engine/state.h"
#include "filter/services/clock.h"

#define FACT_TEXT_MAX  (64u << 10) /* octets of one fact; more are cut */
#define CHECK_MAX_ROUNDS 200 /* of questions of one check over one event: an evaluation of SPF has some twenty */
#define AUTHRES_MAX_BYTES 32000    /* edits.c puts a blank before it */

/* ---- looking ---- */

const struct sluice_ip *sluice_client_ip(const struct sluice_check_ctx *c)
{
	return &c->d->session->client;
}

const char *sluice_helo(const struct sluice_check_ctx *c, size_t *ret_len)
{
	if (!c->d->session->helo)
		return NULL;
	*ret_len = c->d->session->helo_len;
	return c->d->session->helo;
}

const struct sluice_address *sluice_mail_from(const struct sluice_check_ctx *c)
{
	return c->d->session->message.begun ? &c->d->session->message.from : NULL;
}

const struct sluice_address *sluice_rcpt(const struct sluice_check_ctx *c)
{
	return c->d->session->recipient ? &c->d->session->recipient->address : NULL;
}

const struct sluice_address *sluice_recipient(const struct sluice_check_ctx *c, size_t i)
{
	const struct message *m = &c->d->session->message;

	for (size_t k = 0; k < m->recipients.len; k++)
		if (!m->recipients.items[k].refused && i-- == 0)
			return &m->recipients.items[k].address;
	return NULL;
}

bool sluice_rcpt_rejected(const struct sluice_check_ctx *c)
{
	return c->d->session->recipient == &c->d->session->message.rejected;
}

bool sluice_authenticated(const struct sluice_check_ctx *c)
{
	return *c->d->session->message.auth.authen != '\0';
}

bool sluice_smtputf8(const struct sluice_check_ctx *c)
{
	return c->d->session->message.esmtp.smtputf8;
}

const char *sluice_our_name(const struct sluice_check_ctx *c)
{
	return c->d->snapshot->authserv_id;
}

const char *sluice_queue_id(const struct sluice_check_ctx *c)
{
	return c->d->session->message.queue_id;
}

int64_t sluice_now_s(const struct sluice_check_ctx *c)
{
	return c->d->now_ms / 1000;
}

const char *sluice_body(struct sluice_check_ctx *c, size_t *ret_len, size_t *ret_size, const char **ret_why)
{
	struct body *body = c->d->session->message.body;

	*ret_len = *ret_size = 0;
	*ret_why = "out of memory";
	if (!body)
		return NULL;
	*ret_size = body_size(body);
	return body_bytes(body, ret_len, ret_why);
}

bool sluice_header_field(const struct sluice_check_ctx *c, size_t i, struct sluice_part *ret)
{
	const struct message *m = &c->d->session->message;
	const struct header *h = i < m->headers.len ? &m->headers.items[i] : NULL;

	if (h)
		*ret = (struct sluice_part){ SLUICE_PART_HEADER, h->name, h->name_len, h->value, h->value_len };
	return h != NULL;
}

static struct mime *find_parts(struct message *m, const struct settings *s, const char *body, size_t len)
{
	const struct mime_limits limits = { (unsigned)s->body.parts, (unsigned)s->body.depth, (size_t)s->body.header_bytes,
		2 * (size_t)s->body.max_bytes /* what is decoded twice is of a message that was encoded */, (size_t)s->body.text_bytes };
	struct mime *mime = mime_new(&limits);

	if (!mime)
		return NULL;
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct header *h = &m->headers.items[i];

		mime_field(mime, h->name, h->name_len, h->value, h->value_len);
	}
	if (!mime_parse(mime, body, len, body_is_cut(m->body))) {
		mime_free(mime);
		return NULL;
	}
	return mime;
}

const struct mime *host_mime(struct dialogue *d)
{
	struct message *m = &d->session->message;
	const char *why;
	size_t len;
	const char *body = m->body ? body_bytes(m->body, &len, &why) : NULL;

	if (body && !m->mime)
		m->mime = find_parts(m, &d->snapshot->policy->settings, body, len);
	return body ? m->mime : NULL;
}

const struct sluice_mime *sluice_mime(struct sluice_check_ctx *c, const char **ret_why)
{
	const struct mime *mime;
	size_t len, size;

	if (!sluice_body(c, &len, &size, ret_why))
		return NULL;
	*ret_why = "out of memory";
	mime = host_mime(c->d);
	return mime ? mime_view(mime) : NULL;
}

const char *sluice_mime_content(struct sluice_check_ctx *c, size_t part, size_t *ret_len)
{
	return mime_content(c->d->session->message.mime, part, ret_len);
}

const char *sluice_mime_text(struct sluice_check_ctx *c, size_t part, size_t *ret_len)
{
	return mime_text(c->d->session->message.mime, part, ret_len);
}

const void *sluice_state(const struct sluice_check_ctx *c)
{
	return c->d->snapshot->states[c->check->plugin_index];
}

bool sluice_list_has_domain(const struct sluice_check_ctx *c, const char *list, const char *domain, size_t len)
{
	const struct list *l = policy_list(c->d->snapshot->policy, list);

	return l && list_has_domain(l, domain, len);
}

bool sluice_list_has_ip(const struct sluice_check_ctx *c, const char *list, const struct sluice_ip *ip)
{
	const struct list *l = policy_list(c->d->snapshot->policy, list);

	return l && list_has_ip(l, ip);
}

bool sluice_list_has_address(const struct sluice_check_ctx *c, const char *list, const struct sluice_address *a)
{
	const struct list *l = policy_list(c->d->snapshot->policy, list);

	return l && list_has_address(l, a);
}

/* A fact and its place in the catalog. NULL: not known. */
static const struct value *find_fact(const struct sluice_check_ctx *c, const char *name, int *ret_place)
{
	const struct value *v;

	*ret_place = catalog_find(&c->d->snapshot->registry->catalog, name);
	v = *ret_place < 0 ? NULL : &c->d->session->facts[*ret_place];
	return v && v->known ? v : NULL;
}

const char *sluice_fact(const struct sluice_check_ctx *c, const char *name, size_t *ret_len)
{
	const struct catalog *catalog = &c->d->snapshot->registry->catalog;
	int i;
	const struct value *v = find_fact(c, name, &i);

	if (!v)
		return NULL;
	if (v->type == SLUICE_BOOL) {
		*ret_len = v->yes ? 3 : 2;
		return v->yes ? "yes" : "no";
	}
	if (v->type == SLUICE_ENUM) {
		*ret_len = strlen(catalog->facts.items[i].words[v->number]);
		return catalog->facts.items[i].words[v->number];
	}
	if (v->type != SLUICE_TEXT && v->type != SLUICE_DOMAIN && v->type != SLUICE_ADDRESS)
		return NULL;
	*ret_len = v->text.len;
	return v->text.bytes;
}

const char *sluice_fact_item(const struct sluice_check_ctx *c, const char *name, size_t i, size_t *ret_len)
{
	int place;
	const struct value *v = find_fact(c, name, &place);

	if (!v || v->type != SLUICE_TEXTS || i >= v->texts.count)
		return NULL;
	*ret_len = v->texts.items[i].len;
	return v->texts.items[i].bytes;
}

/* ---- memory, asking ---- */

static struct arena *arena_of(const struct sluice_check_ctx *c)
{
	return session_arena(c->d->session, c->check->scope);
}

void *sluice_alloc(struct sluice_check_ctx *c, size_t size)
{
	return arena_alloc(arena_of(c), size);
}

void **sluice_memory(struct sluice_check_ctx *c)
{
	return &c->d->checks[c->index].memory;
}

static void note_failure(struct sluice_check_ctx *c, enum case_error error)
{
	struct check_state *state = &c->d->checks[c->index];

	if (!state->failed)
		state->error = error;
	state->failed = true;
}

const struct sluice_dns_answer *sluice_ask_dns_as(
	struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type, const char *shown)
{
	/* a HELO may come again with other facts, but what was asked for it is as true as before */
	enum slot_scope scope = c->check->scope <= SCOPE_HELO ? SLOT_CONNECTION : SLOT_MESSAGE;

	const struct sluice_dns_answer *answer = slots_ask_dns(c->d->session->slots, scope, name, type, shown, c->index);

	if (answer && answer->status == SLUICE_DNS_TIMEOUT)
		note_failure(c, CASE_ERROR_TIMEOUT);
	else if (answer && answer->status == SLUICE_DNS_FAILED)
		note_failure(c, CASE_ERROR_SERVFAIL);
	return answer;
}

const struct sluice_dns_answer *sluice_ask_dns(struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type)
{
	return sluice_ask_dns_as(c, name, type, NULL);
}

/* How long what a check has asked for itself holds. */
static enum slot_scope own_scope(const struct sluice_check_ctx *c)
{
	return c->check->scope == SCOPE_RCPT ? SLOT_RECIPIENT : c->check->scope <= SCOPE_HELO ? SLOT_CONNECTION : SLOT_MESSAGE;
}

const struct sluice_store_answer *sluice_ask_store(struct sluice_check_ctx *c, const struct sluice_store_op *op)
{
	const struct sluice_store_answer *answer;

	c->d->stored |= UINT64_C(1) << c->index;
	answer = slots_ask_store(c->d->session->slots, own_scope(c), op, c->index);

	if (answer && answer->status == SLUICE_STORE_FAILED)
		note_failure(c, CASE_ERROR_STORE);
	return answer;
}

const struct sluice_program_answer *sluice_ask_program(struct sluice_check_ctx *c, const char *request, size_t len)
{
	struct snapshot *s = c->d->snapshot;
	struct program *p = s->programs ? s->programs[c->check->plugin_index] : NULL;
	const struct sluice_program_answer *answer;

	c->d->stored |= UINT64_C(1) << c->index;
	answer = slots_ask_program(c->d->session->slots, own_scope(c), p, request, len, c->index);
	if (answer && answer->status != SLUICE_PROGRAM_OK)
		note_failure(c, answer->status == SLUICE_PROGRAM_TIMEOUT ? CASE_ERROR_TIMEOUT : CASE_ERROR_OTHER);
	return answer;
}

const struct sluice_scan_answer *sluice_ask_scan(struct sluice_check_ctx *c, const struct sluice_scan_request *rq)
{
	const struct sluice_scan_answer *answer;

	c->d->stored |= UINT64_C(1) << c->index;
	answer = slots_ask_scan(c->d->session->slots, own_scope(c), c->d->snapshot->scanner, rq, c->index);
	if (answer && (answer->status == SLUICE_SCAN_FAILED || answer->status == SLUICE_SCAN_TIMEOUT))
		note_failure(c, answer->status == SLUICE_SCAN_TIMEOUT ? CASE_ERROR_TIMEOUT : CASE_ERROR_OTHER);
	return answer;
}

static struct servers *own_servers(const struct sluice_check_ctx *c)
{
	struct snapshot *s = c->d->snapshot;

	return s->servers ? s->servers[c->check->plugin_index] : NULL;
}

const struct sluice_virus_answer *sluice_ask_virus(struct sluice_check_ctx *c, const struct sluice_virus_request *rq)
{
	const struct sluice_virus_answer *answer;

	c->d->stored |= UINT64_C(1) << c->index;
	answer = slots_ask_virus(c->d->session->slots, own_scope(c), c->check->plugin->virus ? own_servers(c) : NULL, rq, c->index);
	if (answer && (answer->status == SLUICE_VIRUS_FAILED || answer->status == SLUICE_VIRUS_TIMEOUT))
		note_failure(c, answer->status == SLUICE_VIRUS_TIMEOUT ? CASE_ERROR_TIMEOUT : CASE_ERROR_OTHER);
	return answer;
}

const struct sluice_exchange_answer *sluice_ask_exchange(struct sluice_check_ctx *c, const struct sluice_exchange_request *rq)
{
	const struct sluice_exchange_answer *answer;

	c->d->stored |= UINT64_C(1) << c->index;
	answer = slots_ask_exchange(c->d->session->slots, own_scope(c), c->check->plugin->exchange ? own_servers(c) : NULL, rq, c->index);
	if (answer && (answer->status == SLUICE_EXCHANGE_FAILED || answer->status == SLUICE_EXCHANGE_TIMEOUT))
		note_failure(c, answer->status == SLUICE_EXCHANGE_TIMEOUT ? CASE_ERROR_TIMEOUT : CASE_ERROR_OTHER);
	return answer;
}

bool sluice_healthy(const struct sluice_check_ctx *c, const char *subject)
{
	return health_is_good(c->d->engine->health, subject);
}

void sluice_report_health(struct sluice_check_ctx *c, const char *subject, bool healthy, const char *why)
{
	health_report(c->d->engine->health, subject, healthy, why);
}

/* ---- reporting ---- */

/* The check does what plugin.h forbids: the operator hears of it, and what it wanted to say is not believed. */
static void broken(struct sluice_result *res, const char *why)
{
	res->broken = true;
	host_complain(res->c->d, res->c->index, why);
}

/* NULL: it is not for this check to set, or not in this way. */
static struct value *fact_of(struct sluice_result *res, unsigned fact, uint32_t types)
{
	const struct registry_check *check = res->c->check;

	if (check->check->stage == SLUICE_STAGE_PROBE || fact < check->check->first_fact || fact > check->check->last_fact) {
		broken(res, "it sets a fact that is not its own");
		return NULL;
	}
	if (!(types >> check->plugin->facts[fact].type & 1)) {
		broken(res, "it sets a fact to a value of another type");
		return NULL;
	}
	return &res->c->d->session->facts[check->fact_base + fact];
}

static struct value *set_fact(struct sluice_result *res, unsigned fact, uint32_t types)
{
	struct value *v = fact_of(res, fact, types);

	if (v)
		*v = (struct value){ .known = true, .type = res->c->check->plugin->facts[fact].type };
	return v;
}

#define TYPE(t) (UINT32_C(1) << (t))

void sluice_set_bool(struct sluice_result *res, unsigned fact, bool value)
{
	struct value *v = set_fact(res, fact, TYPE(SLUICE_BOOL));

	if (v)
		v->yes = value;
}

static void set_number(struct sluice_result *res, unsigned fact, enum sluice_type type, int64_t value)
{
	struct value *v = set_fact(res, fact, TYPE(type));

	if (v)
		v->number = value;
}

void sluice_set_int(struct sluice_result *res, unsigned fact, int64_t value)
{
	set_number(res, fact, SLUICE_INT, value);
}

void sluice_set_milli(struct sluice_result *res, unsigned fact, int64_t value)
{
	set_number(res, fact, SLUICE_MILLI, value);
}

void sluice_set_enum(struct sluice_result *res, unsigned fact, unsigned word)
{
	struct value *v = fact_of(res, fact, TYPE(SLUICE_ENUM));
	const char *const *words = v ? res->c->check->plugin->facts[fact].words : NULL;
	unsigned count = 0;

	while (words && words[count])
		count++;
	if (v && word >= count)
		broken(res, "it sets a fact to a word that the fact does not have");
	else if (v)
		set_number(res, fact, SLUICE_ENUM, word);
}

static bool copy_text(const struct sluice_result *res, const char *text, size_t len, struct value_text *ret)
{
	len = len > FACT_TEXT_MAX ? FACT_TEXT_MAX : len;
	ret->bytes = arena_copy(arena_of(res->c), text, len);
	ret->len = len;
	return ret->bytes != NULL;
}

void sluice_set_text(struct sluice_result *res, unsigned fact, const char *text, size_t len)
{
	struct value *v = set_fact(res, fact, TYPE(SLUICE_TEXT) | TYPE(SLUICE_DOMAIN) | TYPE(SLUICE_ADDRESS));

	if (v)
		v->known = copy_text(res, text, len, &v->text);
}

void sluice_set_ip(struct sluice_result *res, unsigned fact, const struct sluice_ip *ip)
{
	struct value *v = set_fact(res, fact, TYPE(SLUICE_IP));

	if (v)
		v->ip = *ip;
}

void sluice_add_text(struct sluice_result *res, unsigned fact, const char *text, size_t len)
{
	struct value *v = fact_of(res, fact, TYPE(SLUICE_TEXTS));
	size_t count = v && v->known ? v->texts.count : 0;
	struct value_text *items = count ? (struct value_text *)v->texts.items : NULL; /* made below */

	if (!v || count >= FACT_TEXTS_MAX)
		return;
	if ((count & (count - 1)) == 0) { /* full: room for twice as many */
		struct value_text *more = arena_alloc(arena_of(res->c), (count ? 2 * count : 1) * sizeof *more);

		if (!more)
			return;
		if (count)
			memcpy(more, items, count * sizeof *more);
		items = more;
	}
	if (copy_text(res, text, len, &items[count]))
		*v = (struct value){ .known = true, .type = SLUICE_TEXTS, .texts = { items, count + 1 } };
}

void sluice_authres(struct sluice_result *res, const char *method, const char *result, const char *reason,
	const struct sluice_authres_property *properties)
{
	struct dialogue *d = res->c->d;
	struct arena *arena = arena_of(res->c);
	struct authres_entry entry = { .method = method };
	struct sluice_authres_property *copies;
	size_t count = 0;

	if (res->c->check->scope == SCOPE_RCPT)
		return; /* the header is one for all recipients */
	while (properties && properties[count].name)
		count++;
	copies = arena_alloc(arena, (count + 1) * sizeof *copies);
	entry.method = arena_copy(arena, method, strlen(method));
	entry.result = arena_copy(arena, result, strlen(result));
	entry.reason = reason ? arena_copy(arena, reason, strlen(reason)) : NULL;
	if (!copies || !entry.method || !entry.result || (reason && !entry.reason))
		return;
	for (size_t i = 0; i < count; i++) {
		copies[i].name = arena_copy(arena, properties[i].name, strlen(properties[i].name));
		copies[i].value = arena_copy(arena, properties[i].value, properties[i].len);
		copies[i].len = properties[i].len;
		if (!copies[i].name || !copies[i].value)
			return;
	}
	entry.properties = copies;
	(void)vec_push(&d->authres[res->c->check->scope], entry);
}

/* Who has authenticated, and so needs nobody to vouch for him (RFC 8601 2.7.4). */
static struct authres_entry auth_entry(const struct dialogue *d, struct sluice_authres_property properties[2])
{
	const char *user = d->session->message.auth.authen;

	properties[0] = (struct sluice_authres_property){ "smtp.auth", user, strlen(user) };
	properties[1] = (struct sluice_authres_property){ .name = NULL };
	return (struct authres_entry){ .method = "auth", .result = "pass", .properties = properties };
}

const char *host_authres(struct dialogue *d)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(AUTHRES_MAX_BYTES);
	struct authres_entry entries[AUTHRES_MAX_METHODS];
	struct sluice_authres_property auth[2];
	size_t count = 0;

	if (*d->session->message.auth.authen)
		entries[count++] = auth_entry(d, auth);
	for (size_t scope = 0; scope < ARRAY_LEN(d->authres); scope++)
		for (size_t i = 0; i < d->authres[scope].len && count < ARRAY_LEN(entries); i++)
			entries[count++] = d->authres[scope].items[i];
	authres_write(&out, d->snapshot->authserv_id, entries, count, d->session->message.esmtp.smtputf8);
	return arena_copy(session_arena(d->session, SCOPE_MESSAGE), text_str(&out), out.len);
}

const char *sluice_authres_value(struct sluice_check_ctx *c)
{
	return host_authres(c->d);
}

void sluice_insert_header(struct sluice_result *res, const char *name, const char *value)
{
	struct arena *arena = arena_of(res->c);
	struct edit_header header = { arena_copy(arena, name, strlen(name)), arena_copy(arena, value, strlen(value)) };

	if (res->c->check->check->stage != SLUICE_STAGE_MESSAGE)
		return; /* at no other stage is it known whether the message goes on */
	if (!header.name || !header.value || !vec_push(&res->c->d->edits.insert, header))
		res->c->d->fault = true;
}

/* ---- running ---- */

static void forget_facts(struct dialogue *d, const struct registry_check *check)
{
	for (unsigned i = check->check->first_fact; i <= check->check->last_fact; i++)
		d->session->facts[check->fact_base + i] = (struct value){ .type = check->plugin->facts[i].type };
}

static void set_open(struct dialogue *d, const struct registry_check *check, bool open)
{
	for (unsigned i = check->check->first_fact; i <= check->check->last_fact; i++)
		d->session->facts[check->fact_base + i].open = open;
}

void host_ended(struct dialogue *d, unsigned index, enum sluice_outcome outcome)
{
	const struct registry_check *check = &d->snapshot->registry->checks.items[index];
	struct check_state *state = &d->checks[index];

	d->pending &= ~(UINT64_C(1) << index);
	d->held &= ~(UINT64_C(1) << index);
	state->outcome = outcome;
	if (check->check->stage == SLUICE_STAGE_PROBE)
		return;
	set_open(d, check, false);
	d->session->facts[check->outcome_fact] = (struct value){ .known = true, .type = SLUICE_ENUM, .number = outcome };
	d->session->facts[check->outcome_fact + 1] = (struct value){ .known = outcome == SLUICE_TEMPERROR, .type = SLUICE_ENUM,
		.number = state->failed ? state->error : CASE_ERROR_OTHER };
}

void host_complain(struct dialogue *d, unsigned index, const char *why)
{
	char subject[160];

	(void)snprintf(subject, sizeof subject, "check %s", d->snapshot->registry->checks.items[index].check->name);
	health_report(d->engine->health, subject, false, why);
}

/* What it finds has been given. */
static void take_given(struct dialogue *d, unsigned index)
{
	const struct registry_check *check = &d->snapshot->registry->checks.items[index];
	const struct value *outcome = &d->given[check->outcome_fact], *error = outcome + 1;

	if (d->replay && !outcome->known)
		d->unrecorded |= UINT64_C(1) << index; /* it had not ended */
	for (unsigned i = check->check->first_fact; i <= check->check->last_fact; i++)
		d->session->facts[check->fact_base + i] = d->given[check->fact_base + i];
	if (check->plugin == &pattern_plugin && !pattern_take(d, d->given) && d->replay && outcome->known && outcome->number == SLUICE_DONE)
		d->unrecorded |= UINT64_C(1) << index;
	host_ended(d, index, outcome->known ? (enum sluice_outcome)outcome->number : error->known ? SLUICE_TEMPERROR : SLUICE_DONE);
	if (error->known)
		d->session->facts[check->outcome_fact + 1] = *error;
}

/* What is wrong of the connection stays wrong for its next message. */
static void note_shortage(struct dialogue *d, enum scope scope, unsigned before)
{
	if (scope < SCOPE_MESSAGE && shortage_count() != before)
		d->lost = true;
}

void host_run(struct dialogue *d, unsigned index)
{
	const struct registry_check *check = &d->snapshot->registry->checks.items[index];
	struct sluice_check_ctx c = { d, check, index };
	struct sluice_result res = { .c = &c };
	size_t authres_len = check->scope == SCOPE_RCPT ? 0 : d->authres[check->scope].len;
	size_t insert_len = d->edits.insert.len;
	uint64_t asked = slots_asked(d->session->slots);
	int64_t began = clock_mono_ns();
	unsigned shortage = shortage_count();
	bool probe = check->check->stage == SLUICE_STAGE_PROBE;
	enum sluice_outcome outcome;

	if (check->after & d->pending) { /* stage_run() comes back to it */
		d->pending |= UINT64_C(1) << index;
		d->held |= UINT64_C(1) << index;
		return;
	}
	d->held &= ~(UINT64_C(1) << index);
	if (d->given_checks & UINT64_C(1) << index) {
		take_given(d, index);
		return;
	}
	if (d->replay && (check->check->feed || check->check->body)) {
		d->unrecorded |= UINT64_C(1) << index;
		host_ended(d, index, SLUICE_TEMPERROR);
		return;
	}
	if (!probe)
		forget_facts(d, check);
	d->checks[index].failed = false;
	outcome = check->check->run(&c, &res);
	note_shortage(d, check->scope, shortage);
	if (outcome == SLUICE_PENDING && slots_asked(d->session->slots) != asked && ++d->checks[index].rounds >= CHECK_MAX_ROUNDS) {
		broken(&res, "it has asked for ever and came to no end");
		outcome = SLUICE_TEMPERROR;
	}
	if ((unsigned)outcome > SLUICE_TEMPERROR) {
		broken(&res, "its run() returned an outcome that does not exist");
		outcome = SLUICE_TEMPERROR;
	}
	if (res.broken && outcome != SLUICE_PENDING) {
		outcome = SLUICE_TEMPERROR;
		if (!probe)
			forget_facts(d, check);
	}
	d->checks[index].outcome = outcome;
	d->checks[index].ns += clock_mono_ns() - began;
	if (outcome == SLUICE_PENDING) { /* it will say everything again */
		d->pending |= UINT64_C(1) << index;
		if (!probe)
			forget_facts(d, check);
		if (check->scope != SCOPE_RCPT)
			d->authres[check->scope].len = authres_len;
		d->edits.insert.len = insert_len;
		return;
	}
	host_ended(d, index, outcome);
}

void host_feed_one(struct dialogue *d, unsigned check, const struct sluice_part *part)
{
	struct sluice_check_ctx c = { d, &d->snapshot->registry->checks.items[check], check };
	int64_t began = clock_mono_ns();

	c.check->check->feed(&c, part);
	d->checks[check].ns += clock_mono_ns() - began;
}

void host_feed(struct dialogue *d, const struct sluice_part *part)
{
	uint64_t checks = d->fed;

	for (unsigned i = 0; checks; i++, checks >>= 1)
		if (checks & 1)
			host_feed_one(d, i, part);
}

void host_conclude(struct dialogue *d, const struct sluice_conclusion *v)
{
	const struct registry *r = d->snapshot->registry;

	for (unsigned i = 0; i < r->checks.len; i++) {
		struct sluice_check_ctx c = { d, &r->checks.items[i], i };

		if (c.check->check->concluded && d->checks[i].outcome != SLUICE_PENDING)
			c.check->check->concluded(&c, v);
	}
}

void host_drop_one(struct dialogue *d, unsigned check)
{
	const struct sluice_check *c = d->snapshot->registry->checks.items[check].check;

	if (d->checks[check].memory && c->drop)
		c->drop(d->checks[check].memory);
	d->checks[check].memory = NULL;
}

void host_drop(struct dialogue *d, enum scope scope)
{
	const struct registry *r = d->snapshot->registry;

	for (unsigned i = 0; i < r->checks.len; i++)
		if (r->checks.items[i].scope == scope)
			host_drop_one(d, i);
}

bool host_rest(struct dialogue *d)
{
	const struct catalog *catalog = &d->snapshot->registry->catalog;
	struct session *s = d->session;
	struct kept_fact *kept;
	size_t count = 0;

	if (!s->facts)
		return true;
	for (size_t i = 0; i < s->fact_count; i++)
		count += s->facts[i].known && catalog->facts.items[i].scope <= SCOPE_HELO;
	kept = malloc((count ? count : 1) * sizeof *kept);
	if (!kept)
		return false;
	s->kept = kept;
	s->kept_count = count;
	for (size_t i = 0; i < s->fact_count; i++)
		if (s->facts[i].known && catalog->facts.items[i].scope <= SCOPE_HELO)
			*kept++ = (struct kept_fact){ (unsigned)i, s->facts[i] };
	free(s->facts);
	s->facts = NULL;
	return true;
}

bool host_wake(struct dialogue *d)
{
	const struct registry *r = d->snapshot->registry;
	struct session *s = d->session;

	if (s->facts)
		return true;
	s->facts = calloc(s->fact_count ? s->fact_count : 1, sizeof *s->facts);
	if (!s->facts)
		return false;
	for (size_t i = 0; i < s->fact_count; i++)
		s->facts[i].type = r->catalog.facts.items[i].type;
	for (size_t i = 0; i < r->checks.len; i++)
		if (d->plan->costly >> i & 1)
			set_open(d, &r->checks.items[i], true);
	for (size_t i = 0; i < s->kept_count; i++)
		s->facts[s->kept[i].fact] = s->kept[i].value;
	free(s->kept);
	s->kept = NULL;
	s->kept_count = 0;
	return true;
}

void host_reset(struct dialogue *d, enum scope scope)
{
	const struct registry *r = d->snapshot->registry;
	size_t kept = 0;

	for (size_t i = 0; i < r->catalog.facts.len; i++)
		if (r->catalog.facts.items[i].scope == scope)
			d->session->facts[i] = (struct value){ .type = r->catalog.facts.items[i].type };
	host_drop(d, scope);
	for (size_t i = 0; i < r->checks.len; i++) {
		if (r->checks.items[i].scope != scope)
			continue;
		d->pending &= ~(UINT64_C(1) << i);
		d->held &= ~(UINT64_C(1) << i);
		d->checks[i] = (struct check_state){ .outcome = SLUICE_PENDING };
		if (d->plan->costly >> i & 1)
			set_open(d, &r->checks.items[i], true);
	}
	if (scope == SCOPE_RCPT)
		return; /* what rules made of one recipient counts for the message */
	d->authres[scope].len = 0;
	for (size_t i = 0; i < d->matches.len; i++)
		if (d->matches.items[i].scope != scope)
			d->matches.items[kept++] = d->matches.items[i];
	d->matches.len = kept;
	kept = 0;
	for (size_t i = 0; i < d->misses.len; i++)
		if (d->misses.items[i].scope != scope)
			d->misses.items[kept++] = d->misses.items[i];
	d->misses.len = kept;
	kept = 0;
	for (size_t i = 0; i < d->looked.len; i++)
		if (d->looked.items[i].scope != scope)
			d->looked.items[kept++] = d->looked.items[i];
	d->looked.len = kept;
}
