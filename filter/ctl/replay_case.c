/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/replay_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/base/ip.h"
#include "filter/services/zone.h"

#define ZONE_MAX_BYTES (4u << 20)
#define RECORD_CUT     1024 /* octets: a case shows no more of a record, and what was cut is no record */

static const char no_case[] = "it is no case";
static const char no_memory[] = "out of memory";

/* ---- names ---- */

struct named {
	const char *name;
	unsigned index;
};

struct replay_names {
	const struct snapshot *snapshot;
	VEC(struct named) facts; /* sorted */
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct replay_names *replay_names_new(const struct snapshot *s)
{
	const struct catalog *c = &s->registry->catalog;
	struct replay_names *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->snapshot = s;
	for (unsigned i = 0; i < c->facts.len; i++)
		if (!vec_push(&n->facts, ((struct named){ c->facts.items[i].name, i }))) {
			replay_names_free(n);
			return NULL;
		}
	qsort(n->facts.items, n->facts.len, sizeof *n->facts.items, by_name);
	return n;
}

void replay_names_free(struct replay_names *n)
{
	if (!n)
		return;
	vec_done(&n->facts);
	free(n);
}

static const struct named *find(const struct replay_names *n, const char *name)
{
	const struct named key = { name, 0 };

	return bsearch(&key, n->facts.items, n->facts.len, sizeof key, by_name);
}

/* ---- facts ---- */

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool read_texts(const json_t *json, struct arena *arena, struct value *v)
{
	struct value_text *items = arena_alloc(arena, json_array_size(json) * sizeof *items);

	v->texts.items = items;
	v->texts.count = json_array_size(json);
	for (size_t i = 0; items && i < v->texts.count; i++) {
		const json_t *item = json_array_get(json, i);

		if (!json_is_string(item))
			return false;
		items[i] = (struct value_text){ json_string_value(item), json_string_length(item) };
	}
	return items != NULL;
}

/* The value of the fact's type; a fact whose type or words have changed is not known. */
static bool read_value(const json_t *json, const struct catalog_fact *f, struct arena *arena, struct value *v)
{
	*v = (struct value){ .known = true, .type = f->type };
	switch (f->type) {
	case SLUICE_BOOL:
		v->yes = json_is_true(json);
		return json_is_boolean(json);
	case SLUICE_INT:
		v->number = json_integer_value(json);
		return json_is_integer(json);
	case SLUICE_MILLI:
		v->number = (int64_t)(json_number_value(json) * 1000 + (json_number_value(json) < 0 ? -0.5 : 0.5));
		return json_is_number(json);
	case SLUICE_ENUM:
		while (json_is_string(json) && f->words[v->number] && strcmp(f->words[v->number], json_string_value(json)) != 0)
			v->number++;
		return json_is_string(json) && f->words[v->number];
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		v->text = (struct value_text){ json_string_value(json), json_string_length(json) };
		return json_is_string(json);
	case SLUICE_IP:
		return json_is_string(json) && ip_parse(json_string_value(json), json_string_length(json), &v->ip);
	case SLUICE_TEXTS:
		return json_is_array(json) && read_texts(json, arena, v);
	}
	return false;
}

/* Of the core, and of checks whose facts are given. */
static bool is_wanted(const struct replay_names *n, const struct replay *r, unsigned fact)
{
	unsigned check = n->snapshot->registry->catalog.facts.items[fact].check;

	return check == CATALOG_NO_CHECK || (r->given >> check & 1);
}

static const char *read_facts(const json_t *facts, const struct replay_names *n, struct arena *arena, const struct replay *r, bool of_rcpt,
	struct kept_fact **items, size_t *len)
{
	struct kept_fact *out = arena_alloc(arena, json_object_size(facts) * sizeof *out);
	const char *name;
	json_t *value;

	*items = out;
	*len = 0;
	if (!out)
		return no_memory;
	json_object_foreach((json_t *)(uintptr_t)facts, name, value) {
		const struct named *found = find(n, name);
		const struct catalog_fact *f = found ? &n->snapshot->registry->catalog.facts.items[found->index] : NULL;
		struct kept_fact fact;

		if (!f || !is_wanted(n, r, found->index) || (f->scope == SCOPE_RCPT) != of_rcpt)
			continue;
		fact.fact = found->index;
		if (read_value(value, f, arena, &fact.value))
			out[(*len)++] = fact;
	}
	return NULL;
}

/* The checks whose facts are taken as they are; one that had not ended knows nothing. */
static void read_given(const json_t *c, const struct replay_names *n, struct replay *r)
{
	const struct registry *reg = n->snapshot->registry;
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(c, "given"), i, name) {
		for (size_t k = 0; json_is_string(name) && k < reg->checks.len; k++) {
			bool ended = reg->checks.items[k].scope == SCOPE_RCPT ||
				     json_object_get(json_object_get(c, "facts"), reg->catalog.facts.items[reg->checks.items[k].outcome_fact].name);

			if (reg->checks.items[k].check->stage != SLUICE_STAGE_PROBE && !strcmp(reg->checks.items[k].check->name, json_string_value(name)) && ended)
				r->given |= UINT64_C(1) << k;
		}
	}
}

/* ---- answers ---- */

/* The records of all answers, each under a name of its own, so that one look at the text reads them all. */
static void add_records(struct text *zone, size_t index, const char *type, const json_t *records)
{
	const json_t *record;
	size_t i;

	json_array_foreach(records, i, record)
		text_addf(zone, "r%zu %s %s\n", index, type, json_is_string(record) ? json_string_value(record) : "");
}

static bool is_cut(const json_t *records)
{
	const json_t *record;
	size_t i;

	json_array_foreach(records, i, record)
		if (json_string_length(record) >= RECORD_CUT)
			return true;
	return false;
}

static struct dns_answer *from_zone(const struct zone *zone, size_t index, enum sluice_dns_type type)
{
	struct dns_answer *answer = NULL;
	struct dns_question q;
	char name[32], buf[DNS_NAME_TEXT_MAX];

	(void)snprintf(name, sizeof name, "r%zu", index);
	return dns_question_set(&q, buf, name, type) && zone_find(zone, &q, &answer) == ZONE_ANSWER ? answer : NULL;
}

static struct dns_answer *without_records(const char *status)
{
	for (enum sluice_dns_status s = SLUICE_DNS_NODATA; s <= SLUICE_DNS_TIMEOUT; s++)
		if (!strcmp(dns_status_name(s), status))
			return dns_answer_empty(s, 0);
	return NULL; /* "open": nobody has heard it */
}

static bool is_of_dns(const json_t *answer)
{
	enum sluice_dns_type type;

	return dns_type_parse(str(answer, "type"), strlen(str(answer, "type")), &type);
}

static const char *read_answers(const json_t *c, struct replay *r)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(ZONE_MAX_BYTES);
	const json_t *answers = json_object_get(c, "answers"), *a;
	struct zone *zone = NULL;
	struct err err;
	size_t i;

	json_array_foreach(answers, i, a)
		if (is_of_dns(a) && !strcmp(str(a, "status"), "ok") && !is_cut(json_object_get(a, "records")))
			add_records(&text, i, str(a, "type"), json_object_get(a, "records"));
	if (text.failed || zone_parse("case", text_str(&text), text.len, &zone, &err) < 0)
		return "its answers cannot be read";
	json_array_foreach(answers, i, a) {
		struct replay_answer answer = { .name = str(a, "name") };

		if (!dns_type_parse(str(a, "type"), strlen(str(a, "type")), &answer.type))
			continue; /* of the store */
		answer.answer = !strcmp(str(a, "status"), "ok") ? from_zone(zone, i, answer.type) : without_records(str(a, "status"));
		if (answer.answer && !vec_push(&r->answers, answer)) {
			dns_answer_unref(answer.answer);
			zone_free(zone);
			return no_memory;
		}
	}
	zone_free(zone);
	return NULL;
}

/* ---- the transaction ---- */

static const char *read_recipients(const json_t *c, const struct replay_names *n, struct arena *arena, struct replay *r)
{
	const json_t *rcpt;
	size_t i;

	json_array_foreach(json_object_get(c, "recipients"), i, rcpt) {
		struct replay_recipient recipient = { .argument = arena_printf(arena, "<%s>", str(rcpt, "address")) };
		const char *why = read_facts(json_object_get(rcpt, "facts"), n, arena, r, true, &recipient.facts.items, &recipient.facts.len);

		if (why)
			return why;
		if (!recipient.argument || !vec_push(&r->recipients, recipient))
			return no_memory;
	}
	return NULL;
}

static const char *read_limits(const json_t *c, struct replay *r)
{
	const json_t *limit;
	size_t i;

	json_array_foreach(json_object_get(c, "limits"), i, limit) {
		const struct replay_limit l = { str(limit, "rule"), str(limit, "limit"), json_string_value(json_object_get(limit, "recipient")),
			json_is_true(json_object_get(limit, "over")), json_integer_value(json_object_get(limit, "wait")) };

		if (!vec_push(&r->limits, l))
			return no_memory;
	}
	return NULL;
}

static bool read_time(const char *s, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms = 0;

	if (!end || (*end == '.' && sscanf(end, ".%3d", &ms) != 1))
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

static const char *read_client(const json_t *c, struct arena *arena, struct replay *r)
{
	static char word[] = "SMTPUTF8";
	static char *const smtputf8[] = { word, NULL };
	const json_t *client = json_object_get(c, "client"), *facts = json_object_get(c, "facts");
	const char *ip = str(client, "ip");

	if (*ip && !ip_parse(ip, strlen(ip), &r->client.ip))
		r->client.ip = (struct sluice_ip){ 0 }; /* a local submission has none */
	r->client.macros.client_name = str(client, "name");
	r->client.macros.client_port = (uint16_t)json_integer_value(json_object_get(client, "port"));
	r->client.macros.daemon_port = (uint16_t)json_integer_value(json_object_get(client, "daemon_port"));
	r->helo = *str(client, "helo") ? str(client, "helo") : NULL;
	r->has_mail = json_is_string(json_object_get(c, "from"));
	r->mail = (struct dialogue_mail){ .argument = arena_printf(arena, "<%s>", str(c, "from")), .queue_id = str(c, "queue_id"),
		.auth = { .type = str(facts, "auth.mechanism"), .authen = str(client, "user"), .author = str(facts, "auth.author") } };
	if (json_is_true(json_object_get(facts, "mail.smtputf8")))
		r->mail.parameters = smtputf8;
	return r->mail.argument ? NULL : no_memory;
}

const char *replay_case_read(const json_t *c, const struct replay_names *n, struct arena *arena, struct replay *ret)
{
	const json_t *verdict = json_object_get(c, "verdict");
	const char *why;

	*ret = (struct replay){ .connection = str(c, "connection"), .message = str(c, "message") };
	if (!json_is_object(verdict) || !json_is_object(json_object_get(c, "facts")) || !read_time(str(c, "time"), &ret->time_ms))
		return no_case;
	if (strlen(ret->connection) != strlen(ret->message) || !*ret->message || strlen(ret->message) != strlen(str(c, "case")))
		return "it is of an older version, and has too little in it";
	if (json_is_true(json_object_get(c, "hidden")))
		return "the people in it are hidden, as 'cases { addresses TIME }' says";
	if (!strcmp(str(verdict, "action"), "fault") || (strcmp(str(verdict, "action"), "accept") != 0 && !*str(verdict, "rule")))
		return "no policy decided it, but a fault or a limit of Sluice itself";
	ret->has_message = !strcmp(str(verdict, "stage"), "message");
	ret->has_data = ret->has_message || !strcmp(str(verdict, "stage"), "data");
	read_given(c, n, ret);
	why = read_client(c, arena, ret);
	if (!why)
		why = read_facts(json_object_get(c, "facts"), n, arena, ret, false, &ret->facts.items, &ret->facts.len);
	if (!why)
		why = read_recipients(c, n, arena, ret);
	if (!why)
		why = read_limits(c, ret);
	return why ? why : read_answers(c, ret);
}

void replay_case_done(struct replay *r)
{
	for (size_t i = 0; i < r->answers.len; i++)
		dns_answer_unref(r->answers.items[i].answer);
	vec_done(&r->answers);
	vec_done(&r->recipients);
	vec_done(&r->limits);
}
