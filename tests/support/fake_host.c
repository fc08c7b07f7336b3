/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/arena.h"
#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/value.h"
#include "filter/mail/address.h"
#include "filter/mail/authres.h"
#include "tests/support/fake_host.h"

#define MAX_FACTS   64
#define MAX_RECORDS 32
#define MAX_TEXTS   64
#define LOG_BYTES   65536

struct ask {
	const char *name;
	enum sluice_dns_type type;
	bool answered; /* in the next run */
	struct sluice_dns_answer answer;
};

struct fake_session {
	struct arena *arena;
	struct sluice_ip client;
	struct sluice_address mail_from, rcpt;
	struct ask asks[FAKE_MAX_ASKS];
	size_t ask_count;
	void *memory;
};

struct sluice_result {
	const struct sluice_plugin *plugin;
	struct arena *arena;
	struct value facts[MAX_FACTS];
	struct value_text texts[MAX_FACTS][MAX_TEXTS];
	struct text *reports;
};

const struct sluice_ip *sluice_client_ip(const struct sluice_check_ctx *c)
{
	return &c->session->client;
}

const char *sluice_helo(const struct sluice_check_ctx *c, size_t *ret_len)
{
	if (c->helo)
		*ret_len = strlen(c->helo);
	return c->helo;
}

const struct sluice_address *sluice_mail_from(const struct sluice_check_ctx *c)
{
	return c->mail_from ? &c->session->mail_from : NULL;
}

const struct sluice_address *sluice_rcpt(const struct sluice_check_ctx *c)
{
	return c->rcpt ? &c->session->rcpt : NULL;
}

bool sluice_authenticated(const struct sluice_check_ctx *c)
{
	return c->authenticated;
}

const char *sluice_our_name(const struct sluice_check_ctx *c)
{
	(void)c;
	return "mx.ours.example";
}

int64_t sluice_now_s(const struct sluice_check_ctx *c)
{
	(void)c;
	return 1700000000;
}

const void *sluice_state(const struct sluice_check_ctx *c)
{
	return c->state;
}

bool sluice_list_has_domain(const struct sluice_check_ctx *c, const char *list, const char *domain, size_t len)
{
	for (const struct fake_item *i = c->lists; i && i->list; i++) {
		if (strcmp(i->list, list) == 0 && ascii_equals(domain, len, i->item))
			return true;
	}
	return false;
}

bool sluice_list_has_ip(const struct sluice_check_ctx *c, const char *list, const struct sluice_ip *ip)
{
	for (const struct fake_item *i = c->lists; i && i->list; i++) {
		struct net net;

		if (strcmp(i->list, list) == 0 && net_parse(i->item, strlen(i->item), &net) && net_contains(&net, ip))
			return true;
	}
	return false;
}

bool sluice_list_has_address(const struct sluice_check_ctx *c, const char *list, const struct sluice_address *a)
{
	return sluice_list_has_domain(c, list, a->text, a->len);
}

const char *sluice_fact_item(const struct sluice_check_ctx *c, const char *name, size_t i, size_t *ret_len)
{
	for (const struct fake_fact *f = c->facts; f && f->name; f++) {
		if (strcmp(f->name, name) != 0 || i-- > 0)
			continue;
		*ret_len = strlen(f->value);
		return f->value;
	}
	return NULL;
}

const char *sluice_fact(const struct sluice_check_ctx *c, const char *name, size_t *ret_len)
{
	return sluice_fact_item(c, name, 0, ret_len);
}

void **sluice_memory(struct sluice_check_ctx *c)
{
	return &c->session->memory;
}

void *sluice_alloc(struct sluice_check_ctx *c, size_t size)
{
	return arena_alloc(c->session->arena, size);
}

/* ---- asking ---- */

static const struct {
	const char *word;
	enum sluice_dns_status status;
} statuses[] = {
	{ "NODATA", SLUICE_DNS_NODATA },
	{ "SERVFAIL", SLUICE_DNS_FAILED },
	{ "TIMEOUT", SLUICE_DNS_TIMEOUT },
};

static const char *type_name(enum sluice_dns_type type)
{
	switch (type) {
	case SLUICE_DNS_A:
		return "A";
	case SLUICE_DNS_CNAME:
		return "CNAME";
	case SLUICE_DNS_PTR:
		return "PTR";
	case SLUICE_DNS_MX:
		return "MX";
	case SLUICE_DNS_TXT:
		return "TXT";
	case SLUICE_DNS_AAAA:
		return "AAAA";
	}
	return "?";
}

static struct sluice_dns_answer parse_answer(struct arena *arena, enum sluice_dns_type type, const char *text)
{
	struct sluice_dns_record *records = arena_alloc(arena, MAX_RECORDS * sizeof *records);
	struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .ttl_s = 300, .records = records };
	char *save = NULL;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (strcmp(text, statuses[i].word) == 0)
			return (struct sluice_dns_answer){ .status = statuses[i].status };
	}
	if (type == SLUICE_DNS_TXT) {
		records[answer.count++] =
			(struct sluice_dns_record){ arena_copy(arena, text, strlen(text)), strlen(text), 0 };
		return answer;
	}
	for (char *word = strtok_r(arena_copy(arena, text, strlen(text)), " ", &save);
		word && answer.count < MAX_RECORDS; word = strtok_r(NULL, " ", &save)) {
		struct sluice_ip ip;
		bool address = ip_parse(word, strlen(word), &ip);
		size_t len = address ? ip_octets(&ip) : strlen(word);

		records[answer.count++] =
			(struct sluice_dns_record){ arena_copy(arena, address ? (const char *)ip.bytes : word, len),
				len, 0 };
	}
	return answer;
}

const struct sluice_dns_answer *sluice_ask_dns_as(
	struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type, const char *shown)
{
	struct fake_session *s = c->session;
	struct ask *ask = s->asks;

	while (ask < s->asks + s->ask_count && (ask->type != type || !ascii_equals(name, strlen(name), ask->name)))
		ask++;
	if (ask < s->asks + s->ask_count)
		return ask->answered ? &ask->answer : NULL;
	assert_true(s->ask_count < FAKE_MAX_ASKS);
	s->ask_count++;
	*ask = (struct ask){ .name = arena_copy(s->arena, name, strlen(name)), .type = type };
	ask->answer.status = SLUICE_DNS_NXDOMAIN;
	for (const struct fake_record *r = c->dns; r && r->name; r++) {
		if (r->type == type && ascii_equals(name, strlen(name), r->name))
			ask->answer = parse_answer(s->arena, type, r->answer);
	}
	text_addf(&c->asked, "%s %s\n", shown, type_name(type));
	return NULL;
}

const struct sluice_dns_answer *sluice_ask_dns(struct sluice_check_ctx *c, const char *name, enum sluice_dns_type type)
{
	return sluice_ask_dns_as(c, name, type, name);
}

/* Nobody answers; what is asked is in c->asked. */
const struct sluice_store_answer *sluice_ask_store(struct sluice_check_ctx *c, const struct sluice_store_op *op)
{
	static const char *const verbs[] = { "greylist", "rate", "count", "set", "get", "put", "delete" };

	text_addf(&c->asked, "%s %.*s", verbs[op->verb], (int)op->key_len, op->key);
	if (op->verb == SLUICE_STORE_COUNT)
		text_addf(&c->asked, " %+d", (int)op->count.add);
	if (op->verb == SLUICE_STORE_PUT)
		text_addf(&c->asked, " %.*s", (int)op->put.value_len, op->put.value);
	text_addc(&c->asked, '\n');
	return NULL;
}

bool sluice_healthy(const struct sluice_check_ctx *c, const char *subject)
{
	return !c->sick || strcmp(c->sick, subject) != 0;
}

void sluice_report_health(struct sluice_check_ctx *c, const char *subject, bool healthy, const char *why)
{
	if (sluice_healthy(c, subject) == healthy)
		return;
	c->sick = healthy ? NULL : arena_copy(c->session->arena, subject, strlen(subject));
	text_addf(&c->log, "%s is %s: %s\n", subject, healthy ? "healthy" : "sick", why);
}

/* ---- reporting ---- */

static struct value *fact_of(struct sluice_result *res, unsigned fact, bool fits)
{
	if (!fits)
		fail_msg("fact %s is set with a value of another type", res->plugin->facts[fact].name);
	res->facts[fact] = (struct value){ .known = true, .type = res->plugin->facts[fact].type };
	return &res->facts[fact];
}

static enum sluice_type type_of(const struct sluice_result *res, unsigned fact)
{
	return res->plugin->facts[fact].type;
}

void sluice_set_bool(struct sluice_result *res, unsigned fact, bool value)
{
	fact_of(res, fact, type_of(res, fact) == SLUICE_BOOL)->yes = value;
}

void sluice_set_int(struct sluice_result *res, unsigned fact, int64_t value)
{
	fact_of(res, fact, type_of(res, fact) == SLUICE_INT)->number = value;
}

void sluice_set_milli(struct sluice_result *res, unsigned fact, int64_t value)
{
	fact_of(res, fact, type_of(res, fact) == SLUICE_MILLI)->number = value;
}

void sluice_set_enum(struct sluice_result *res, unsigned fact, unsigned word)
{
	fact_of(res, fact, type_of(res, fact) == SLUICE_ENUM)->number = word;
}

void sluice_set_text(struct sluice_result *res, unsigned fact, const char *text, size_t len)
{
	enum sluice_type type = type_of(res, fact);
	struct value *v = fact_of(res, fact, type == SLUICE_TEXT || type == SLUICE_DOMAIN || type == SLUICE_ADDRESS);

	v->text = (struct value_text){ arena_copy(res->arena, text, len), len };
}

void sluice_set_ip(struct sluice_result *res, unsigned fact, const struct sluice_ip *ip)
{
	fact_of(res, fact, type_of(res, fact) == SLUICE_IP)->ip = *ip;
}

void sluice_add_text(struct sluice_result *res, unsigned fact, const char *text, size_t len)
{
	size_t count = res->facts[fact].known ? res->facts[fact].texts.count : 0;
	struct value *v = fact_of(res, fact, type_of(res, fact) == SLUICE_TEXTS);

	assert_true(count < MAX_TEXTS);
	res->texts[fact][count] = (struct value_text){ arena_copy(res->arena, text, len), len };
	v->texts.items = res->texts[fact];
	v->texts.count = count + 1;
}

void sluice_authres(struct sluice_result *res, const char *method, const char *result, const char *reason,
	const struct sluice_authres_property *properties)
{
	const struct authres_entry entry = { method, result, reason, properties };

	authres_write(res->reports, "mx.ours.example", &entry, 1, false);
	text_addc(res->reports, '\n');
}

/* ---- running ---- */

static struct fake_session *session_of(const struct sluice_check_ctx *c)
{
	struct arena *arena = arena_new(1 << 22);
	struct fake_session *s = arena ? arena_alloc(arena, sizeof *s) : NULL;

	assert_non_null(s);
	s->arena = arena;
	if (c->client)
		assert_true(ip_parse(c->client, strlen(c->client), &s->client));
	if (c->mail_from)
		assert_true(address_copy(arena, c->mail_from, strlen(c->mail_from), &s->mail_from));
	if (c->rcpt)
		assert_true(address_copy(arena, c->rcpt, strlen(c->rcpt), &s->rcpt));
	return s;
}

static const struct sluice_check *find_check(const struct sluice_plugin *plugin, const char *name)
{
	const struct sluice_check *check = plugin->checks;

	while (check->name && strcmp(check->name, name) != 0)
		check++;
	assert_non_null(check->name);
	return check;
}

static void log_facts(struct sluice_check_ctx *c, const struct sluice_result *res, const struct sluice_check *check)
{
	for (unsigned i = 0; res->plugin->facts && res->plugin->facts[i].name; i++) {
		if (!res->facts[i].known)
			continue;
		if (check->stage == SLUICE_STAGE_PROBE || i < check->first_fact || i > check->last_fact)
			fail_msg("check %s sets the fact %s of another", check->name, res->plugin->facts[i].name);
		text_addf(&c->log, " %s=", res->plugin->facts[i].name);
		value_print(&c->log, &res->facts[i], res->plugin->facts[i].words);
	}
	text_addc(&c->log, '\n');
}

static void feed(struct sluice_check_ctx *c, const struct sluice_check *check)
{
	struct sluice_part end = { .type = SLUICE_PART_HEADER_END };

	if (!check->feed || !c->header)
		return;
	for (const char *at = c->header; *at;) {
		const char *colon = strchr(at, ':'), *line_end = colon ? strchr(colon, '\n') : NULL;

		assert_non_null(line_end);
		check->feed(c, &(struct sluice_part){ SLUICE_PART_HEADER,
				       arena_copy(c->session->arena, at, (size_t)(colon - at)), (size_t)(colon - at),
				       colon + 1, (size_t)(line_end - colon - 1) });
		at = line_end + 1;
	}
	check->feed(c, &end);
}

const char *fake_run(struct sluice_check_ctx *c, const struct sluice_plugin *plugin, const char *name)
{
	static const char *const outcomes[] = { "done", "pending", "skipped", "temperror" };
	const struct sluice_check *check = find_check(plugin, name);
	enum sluice_outcome outcome;

	fake_done(c);
	c->session = session_of(c);
	c->log = TEXT_INIT(LOG_BYTES);
	c->asked = TEXT_INIT(LOG_BYTES);
	c->runs = 0;
	feed(c, check);
	for (size_t i = 0; i < c->session->ask_count; i++)
		c->session->asks[i].answered = true; /* by the end of the message */
	do {
		SLUICE_CLEANUP(text_done) struct text reports = TEXT_INIT(LOG_BYTES);
		struct sluice_result *res = arena_alloc(c->session->arena, sizeof *res);
		size_t open = 0;

		assert_non_null(res);
		res->plugin = plugin;
		res->arena = c->session->arena;
		res->reports = &reports;
		outcome = check->run(c, res);
		c->runs++;
		for (size_t i = 0; i < c->session->ask_count; i++) {
			open += !c->session->asks[i].answered;
			c->session->asks[i].answered = true;
		}
		if (outcome == SLUICE_PENDING && open == 0)
			fail_msg("check %s is pending and waits for nothing", name);
		if (outcome == SLUICE_PENDING)
			continue;
		text_adds(&c->log, outcomes[outcome]);
		log_facts(c, res, check);
		text_add(&c->log, reports.bytes, reports.len);
	} while (outcome == SLUICE_PENDING);
	if (c->conclusion && check->concluded)
		check->concluded(c, c->conclusion);
	if (c->session->memory && check->drop)
		check->drop(c->session->memory);
	c->session->memory = NULL;
	return text_str(&c->log);
}

void fake_done(struct sluice_check_ctx *c)
{
	text_done(&c->log);
	text_done(&c->asked);
	if (c->session)
		arena_free(c->session->arena);
	c->session = NULL;
}
