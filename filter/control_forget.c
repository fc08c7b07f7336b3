/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control_forget.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/key.h"
#include "filter/control.h"
#include "filter/observe/case_person.h"

struct entry {
	enum sluice_store_verb verb;
	char *key;
	size_t len;
};

struct search {
	const struct snapshot *s;
	const char *person;
	struct text part; /* as keys have it, a '|' before it */
	enum sluice_store_verb verb; /* that is looked through */
	VEC(struct entry) found;
	bool failed;
};

static void search_done(struct search *q)
{
	for (size_t i = 0; i < q->found.len; i++)
		free(q->found.items[i].key);
	vec_done(&q->found);
	text_done(&q->part);
}

static bool key_has(const struct store_row *row, const struct text *part)
{
	for (size_t i = 0; i + part->len <= row->key_len; i++)
		if (ascii_equal(row->key + i, part->len, part->bytes, part->len) && (i + part->len == row->key_len || row->key[i + part->len] == '|'))
			return true;
	return false;
}

/* Of values, all are taken for now: one names the person perhaps. */
static void look(void *arg, const struct store_row *row)
{
	struct search *q = arg;
	struct entry e = { .verb = q->verb, .len = row->key_len };

	if (q->verb != SLUICE_STORE_GET && !key_has(row, &q->part))
		return;
	e.key = strndup(row->key, row->key_len);
	if (e.key && vec_push(&q->found, e))
		return;
	free(e.key);
	q->failed = true;
}

static bool is_about(const struct search *q, const struct entry *e)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(STORE_VALUE_MAX);
	const struct sluice_store_op op = { .verb = SLUICE_STORE_GET, .key = e->key, .key_len = e->len };
	const struct store_row row = { .key = e->key, .key_len = e->len };

	if (e->verb != SLUICE_STORE_GET || key_has(&row, &q->part))
		return true;
	return store_call(q->s->store, &op, CONTROL_TIMEOUT_MS, &value).status == SLUICE_STORE_OK &&
		case_names(text_str(&value), value.len, q->person, NULL);
}

static bool delete(const struct search *q, const struct entry *e)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_DELETE, .key = e->key, .key_len = e->len, .entry = { e->verb } };

	return store_call(q->s->store, &op, CONTROL_TIMEOUT_MS, NULL).status != SLUICE_STORE_FAILED;
}

long control_forget(const struct snapshot *s, const char *person, struct text *out)
{
	static const enum sluice_store_verb verbs[] = { SLUICE_STORE_GREYLIST, SLUICE_STORE_RATE, SLUICE_STORE_COUNT, SLUICE_STORE_SET, SLUICE_STORE_GET };
	SLUICE_CLEANUP(search_done) struct search q = { .s = s, .person = person, .part = TEXT_INIT(CONTROL_LINE_MAX * 4) };
	long forgotten = 0;

	if (!s->store)
		return 0;
	key_add(&q.part, person, strlen(person), true);
	for (size_t i = 0; i < ARRAY_LEN(verbs) && !q.failed; i++) {
		q.verb = verbs[i];
		q.failed = store_each(s->store, q.verb, "", SIZE_MAX, CONTROL_TIMEOUT_MS, look, &q) < 0 || q.failed;
	}
	for (size_t i = 0; i < q.found.len && !q.failed; i++) {
		if (!is_about(&q, &q.found.items[i]))
			continue;
		q.failed = !delete(&q, &q.found.items[i]);
		forgotten++;
	}
	if (!q.failed)
		return forgotten;
	text_adds(out, "the store does not answer: what it knows of this person stays, try again\n");
	return -1;
}
