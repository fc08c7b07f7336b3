/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control_dmarc.h"

#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/control.h"
#include "filter/control_store.h"

#define DAY_MS     (INT64_C(24) * 3600 * 1000)
#define WINDOW_MS  (5 * DAY_MS) /* that rows are counted in: as the plugin has it */
#define SENT_MS    (8 * DAY_MS) /* how long is known who got a report: longer than there are rows */
#define CLAIM_MS   (INT64_C(3600) * 1000)
#define DAY_DIGITS 10
#define KEY_BYTES  80

struct request {
	const struct snapshot *s;
	struct text *out;
	const char *day;
	size_t day_len;
	const char *kind;   /* of what there is in the store: "row", "failure" */
	const char *hashes; /* with a blank between; "": none */
};

static void add_key(const struct request *q, struct text *key, const char *kind, const char *hash)
{
	text_addf(key, "dmarc|%s|%.*s|%.*s", kind, (int)q->day_len, q->day, hash ? CONTROL_DMARC_HASH_LEN : 0,
		hash ? hash : "");
}

/* ---- rows ---- */

struct listing {
	struct text *out;
	size_t prefix_len;
};

static void add_hash(void *arg, const struct store_row *row)
{
	const struct listing *l = arg;

	if (row->key_len != l->prefix_len + CONTROL_DMARC_HASH_LEN)
		return;
	text_add(l->out, row->key + l->prefix_len, CONTROL_DMARC_HASH_LEN);
	text_addc(l->out, '\n');
}

static int keys(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text prefix = TEXT_INIT(KEY_BYTES);
	struct listing l = { .out = q->out };

	add_key(q, &prefix, q->kind, NULL);
	l.prefix_len = prefix.len;
	if (store_each(q->s->store, SLUICE_STORE_GET, text_str(&prefix), CONTROL_DMARC_KEYS_MAX, CONTROL_TIMEOUT_MS,
		    add_hash, &l) == 0)
		return EX_OK;
	text_clear(q->out);
	return control_say(q->out, EX_UNAVAILABLE, "the store does not answer");
}

/* Of a failure there is one. */
static bool is_counted(const struct request *q)
{
	return !strcmp(q->kind, "row");
}

/* A row that is gone since it was listed adds nothing. */
static int add_row(const struct request *q, const char *hash)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_BYTES), value = TEXT_INIT(STORE_VALUE_MAX);
	struct sluice_store_answer got, count = { .number = 1 };

	add_key(q, &key, q->kind, hash);
	got = control_store_call(q->s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_GET }, &key, &value);
	if (got.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &got);
	if (got.status == SLUICE_STORE_ABSENT || value.failed)
		return EX_OK;
	if (is_counted(q))
		count = control_store_call(q->s->store,
			(struct sluice_store_op){ .verb = SLUICE_STORE_COUNT, .count = { .window_ms = WINDOW_MS } }, &key, NULL);
	if (count.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &count);
	text_addf(q->out, "%.*s %lld %s\n", CONTROL_DMARC_HASH_LEN, hash, (long long)(count.number + count.before),
		text_str(&value));
	return EX_OK;
}

static int forget_row(const struct request *q, const char *hash)
{
	static const enum sluice_store_verb verbs[] = { SLUICE_STORE_GET, SLUICE_STORE_COUNT };
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_BYTES);

	add_key(q, &key, q->kind, hash);
	for (size_t i = 0; i < (is_counted(q) ? 2 : 1); i++) {
		struct sluice_store_answer a = control_store_call(q->s->store,
			(struct sluice_store_op){ .verb = SLUICE_STORE_DELETE, .entry = { verbs[i] } }, &key, NULL);

		if (a.status == SLUICE_STORE_FAILED)
			return control_store_failed(q->out, &a);
	}
	return EX_OK;
}

static int each_row(const struct request *q, int (*serve)(const struct request *q, const char *hash))
{
	int status = EX_OK;

	for (const char *p = q->hashes; *p && status == EX_OK;
		p += CONTROL_DMARC_HASH_LEN + (p[CONTROL_DMARC_HASH_LEN] == ' '))
		status = serve(q, p);
	return status;
}

static int rows(const struct request *q)
{
	return each_row(q, add_row);
}

static int forget(const struct request *q)
{
	return each_row(q, forget_row);
}

/* ---- who has got a report ---- */

/* Each who counts is first only if nobody was before, in this hour and the one before it. */
static struct sluice_store_answer count_claim(const struct request *q, int64_t add)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_BYTES);

	add_key(q, &key, "claim", q->hashes);
	return control_store_call(q->s->store,
		(struct sluice_store_op){ .verb = SLUICE_STORE_COUNT, .count = { .window_ms = CLAIM_MS, .add = add } }, &key, NULL);
}

static int claim(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_BYTES), value = TEXT_INIT(STORE_VALUE_MAX);
	struct sluice_store_answer a;

	add_key(q, &key, "sent", q->hashes);
	a = control_store_call(q->s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_GET }, &key, &value);
	if (a.status == SLUICE_STORE_OK)
		return control_say(q->out, EX_OK, "done");
	if (a.status == SLUICE_STORE_ABSENT)
		a = count_claim(q, 1);
	if (a.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &a);
	if (a.number + a.before <= 1) /* less: somebody released in the hour after the claim */
		return control_say(q->out, EX_OK, "new");
	(void)count_claim(q, -1);
	return control_say(q->out, EX_OK, "busy");
}

static int release(const struct request *q)
{
	struct sluice_store_answer a = count_claim(q, -1);

	return a.status == SLUICE_STORE_FAILED ? control_store_failed(q->out, &a) : EX_OK;
}

static int done(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_BYTES);
	struct sluice_store_answer a;

	add_key(q, &key, "sent", q->hashes);
	a = control_store_call(q->s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_PUT, .put = { "1", 1, SENT_MS } }, &key, NULL);
	return a.status == SLUICE_STORE_FAILED ? control_store_failed(q->out, &a) : EX_OK;
}

/* ---- requests ---- */

static const struct {
	const char *name;
	int (*serve)(const struct request *q);
	const char *kind;
	size_t least, most; /* hashes */
} verbs[] = {
	{ "keys", keys, "row", 0, 0 },
	{ "rows", rows, "row", 1, SIZE_MAX },
	{ "forget", forget, "row", 1, SIZE_MAX },
	{ "failure-keys", keys, "failure", 0, 0 },
	{ "failure-rows", rows, "failure", 1, SIZE_MAX },
	{ "failure-forget", forget, "failure", 1, SIZE_MAX },
	{ "claim", claim, NULL, 1, 1 },
	{ "release", release, NULL, 1, 1 },
	{ "done", done, NULL, 1, 1 },
};

/* Their number; SIZE_MAX: there is something else. */
static size_t count_hashes(const char *s)
{
	size_t count = 0;

	while (*s) {
		for (size_t i = 0; i < CONTROL_DMARC_HASH_LEN; i++)
			if (!ascii_is_digit(s[i]) && (s[i] < 'a' || s[i] > 'f'))
				return SIZE_MAX;
		s += CONTROL_DMARC_HASH_LEN;
		if (*s == ' ' && s[1])
			s++;
		else if (*s)
			return SIZE_MAX;
		count++;
	}
	return count;
}

int control_dmarc(const struct snapshot *s, const char *line, struct text *out)
{
	size_t len = strcspn(line, " "), hashes;
	struct request q = { .s = s, .out = out };

	q.day = line[len] ? line + len + 1 : "";
	while (ascii_is_digit(q.day[q.day_len]))
		q.day_len++;
	q.hashes = q.day[q.day_len] == ' ' ? q.day + q.day_len + 1 : q.day + q.day_len;
	hashes = q.hashes == q.day + q.day_len && *q.hashes ? SIZE_MAX : count_hashes(q.hashes);
	if (!s->store)
		return control_say(out, EX_UNAVAILABLE,
			"there is no store: say where, with 'state { lmdb /var/lib/sluice/state }'");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strlen(verbs[i].name) != len || memcmp(verbs[i].name, line, len) != 0)
			continue;
		if (!q.day_len || q.day_len > DAY_DIGITS || hashes == SIZE_MAX || hashes < verbs[i].least ||
			hashes > verbs[i].most)
			break;
		q.kind = verbs[i].kind;
		return verbs[i].serve(&q);
	}
	return control_say(out, EX_USAGE, "the daemon does not know this request: is it of another version?");
}
