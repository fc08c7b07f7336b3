/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/observe/case_person.h"
#include "filter/observe/case_summary.h"

#define NAMES_MAX (1u << 20) /* of the addresses of a case, and of its rules */
#define ROOM_STEP 1024       /* octets: the memory of an entry, which the next one in its place may have, is a multiple */

struct entry {
	char *json; /* NULL: empty */
	size_t len, room;
	char id[16], queue_id[64];
	char *message_id; /* points behind the JSON, as do these: */
	char *user, *summary;
	char *addresses, *rules; /* one string behind the other, an empty one behind the last */
	enum case_action action;
	int64_t time_ms;
};

struct history {
	pthread_mutex_t lock; /* guards all below */
	struct entry *ring;
	size_t size, next;
};

struct history *history_new(size_t cases)
{
	struct history *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	(void)pthread_mutex_init(&h->lock, NULL);
	if (!history_resize(h, cases)) {
		history_free(h);
		return NULL;
	}
	return h;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->size; i++)
		free(h->ring[i].json);
	free(h->ring);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

bool history_resize(struct history *h, size_t cases)
{
	struct entry *ring = calloc(cases ? cases : 1, sizeof *ring);
	size_t kept = 0;

	if (!ring)
		return false;
	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size; i++) { /* from the newest back */
		struct entry *e = &h->ring[(h->next + h->size - 1 - i) % h->size];

		if (e->json && kept < cases)
			ring[cases - 1 - kept++] = *e;
		else
			free(e->json);
	}
	free(h->ring);
	h->ring = ring;
	h->size = cases;
	h->next = 0;
	(void)pthread_mutex_unlock(&h->lock);
	return true;
}

/* What is looked for without reading the JSON. */
static void add_names(struct text *addresses, struct text *rules, const struct case_ *c)
{
	if (c->envelope)
		case_summary_add_name(addresses, c->from, c->from_len);
	for (size_t i = 0; i < c->recipient_count; i++)
		case_summary_add_name(addresses, c->recipients[i].address, c->recipients[i].len);
	for (size_t i = 0; i < c->fact_count; i++)
		if (c->facts[i].value->known && c->facts[i].value->type == SLUICE_ADDRESS)
			case_summary_add_name(addresses, c->facts[i].value->text.bytes, c->facts[i].value->text.len);
	for (size_t i = 0; i < c->rule_count; i++)
		case_summary_add_name(rules, c->rules[i].name, strlen(c->rules[i].name));
	text_addc(addresses, '\0');
	text_addc(rules, '\0');
}

/* Pieces one behind the other, a NUL behind each. */
static void join(char *at, const struct sluice_text *pieces, size_t count, char **const *starts)
{
	for (size_t i = 0; i < count; i++) {
		*starts[i] = at;
		memcpy(at, pieces[i].bytes, pieces[i].len);
		at[pieces[i].len] = '\0';
		at += pieces[i].len + 1;
	}
}

/*
 * Memory for `len` octets, of an entry that is no more if it has about as much: cases are alike, and so a history that is full takes none from the heap,
 * and leaves no holes there. NULL: there is none.
 */
static char *room_for(struct entry *old, size_t len, size_t *ret_room)
{
	size_t wanted = (len + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;

	if (old->json && old->room >= wanted && old->room / 2 <= wanted) {
		*ret_room = old->room;
		return old->json;
	}
	free(old->json);
	old->json = NULL;
	*ret_room = wanted;
	return malloc(wanted);
}

void history_add(struct history *h, const struct case_ *c, const char *json, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text summary = TEXT_INIT(CASE_SUMMARY_MAX), addresses = TEXT_INIT(NAMES_MAX), rules = TEXT_INIT(NAMES_MAX);
	struct entry e = { .len = len, .action = c->verdict.action, .time_ms = c->time_ms };
	char **const starts[] = { &e.json, &e.message_id, &e.user, &e.summary, &e.addresses, &e.rules };
	size_t total = 0;

	case_summary(&summary, c);
	add_names(&addresses, &rules, c);
	(void)strncpy(e.id, c->id, sizeof e.id - 1);
	(void)strncpy(e.queue_id, c->queue_id, sizeof e.queue_id - 1);

	const struct sluice_text pieces[] = { { json, len }, { c->message_id, strlen(c->message_id) }, { c->client.user, strlen(c->client.user) },
		{ text_str(&summary), summary.len }, { text_str(&addresses), addresses.len }, { text_str(&rules), rules.len } };

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		total += pieces[i].len + 1;
	(void)pthread_mutex_lock(&h->lock);
	if (h->size) {
		struct entry *place = &h->ring[h->next];
		char *at = room_for(place, total, &e.room);

		if (at) { /* else it is a case less to look back at */
			join(at, pieces, ARRAY_LEN(pieces), starts);
			*place = e;
			h->next = (h->next + 1) % h->size;
		}
	}
	(void)pthread_mutex_unlock(&h->lock);
}

static bool same_message_id(const char *have, const char *want)
{
	size_t len = strlen(have);

	if (!strcmp(have, want))
		return *want != '\0';
	return len > 2 && have[0] == '<' && strlen(want) == len - 2 && !strncmp(have + 1, want, len - 2);
}

bool history_find(struct history *h, const char *id, struct text *out)
{
	bool found = false;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size && !found; i++) {
		const struct entry *e = &h->ring[(h->next + h->size - 1 - i) % h->size];

		if (!e->json || (strcmp(e->id, id) != 0 && (!*id || strcmp(e->queue_id, id) != 0) && !same_message_id(e->message_id, id)))
			continue;
		text_add(out, e->json, e->len);
		found = true;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return found;
}

static bool is_in_domain(const char *address, const char *domain)
{
	const char *at = strrchr(address, '@');
	size_t len = at ? strlen(at + 1) : 0, wanted = strlen(domain);

	if (len < wanted || !ascii_equals(at + 1 + (len - wanted), wanted, domain))
		return false;
	return len == wanted || at[len - wanted] == '.';
}

static bool matches(const struct entry *e, const struct history_filter *f)
{
	bool found = !f->address && !f->domain;

	if (f->since_ms > e->time_ms || (f->action && strcmp(f->action, case_action_words[e->action]) != 0))
		return false;
	if (f->user && !ascii_equals(e->user, strlen(e->user), f->user))
		return false;
	for (const char *a = e->addresses; !found && *a; a += strlen(a) + 1)
		found = (!f->address || ascii_equals(a, strlen(a), f->address)) && (!f->domain || is_in_domain(a, f->domain));
	if (!f->rule || !found)
		return found;
	for (const char *r = e->rules; *r; r += strlen(r) + 1)
		if (!strcmp(r, f->rule))
			return true;
	return false;
}

size_t history_list(struct history *h, const struct history_filter *f, struct text *out)
{
	size_t listed = 0;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size && (!f->limit || listed < f->limit) && !out->failed; i++) {
		const struct entry *e = &h->ring[(h->next + h->size - 1 - i) % h->size];

		if (!e->json || !matches(e, f))
			continue;
		if (out->len && out->bytes[out->len - 1] != '[')
			text_addc(out, ',');
		text_adds(out, e->summary);
		listed++;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return listed;
}

size_t history_forget(struct history *h, const char *person)
{
	size_t forgotten = 0;

	(void)pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->size; i++) {
		if (!h->ring[i].json || !case_names(h->ring[i].json, h->ring[i].len, person, NULL))
			continue;
		free(h->ring[i].json);
		h->ring[i] = (struct entry){ 0 };
		forgotten++;
	}
	(void)pthread_mutex_unlock(&h->lock);
	return forgotten;
}
