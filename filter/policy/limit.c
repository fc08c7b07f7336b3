/* SPDX-License-Identifier: BSD-2-Clause */
/* limit.c - reading `limit RATE [of UNIT] [burst N] by FACT, ... [strict]`, and the keys it makes. */
#include "filter/policy/limit.h"

#include <string.h>

#include "filter/base/key.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

#define US_PER_MS     1000
#define ROOM_MAX_US   (INT64_C(1) << 52) /* burst and interval multiplied: Redis counts with doubles */
#define VALUE_MAX     (1u << 17) /* of a fact in words: more than the engine keeps */
#define PART_MAX      256        /* of a value in a key; escaped it is three times as long at most */
#define PERIOD_MAX_MS (INT64_C(30) * 86400000)

const char *const limit_unit_words[] = { "connections", "messages", "recipients", "bytes", NULL };

/* Which units can be counted at a stage; the first is the usual one. */
static const enum limit_unit units_at[SLUICE_STAGES][3] = {
	[SLUICE_STAGE_CONNECT] = { LIMIT_CONNECTIONS, LIMIT_CONNECTIONS, LIMIT_CONNECTIONS },
	[SLUICE_STAGE_HELO] = { LIMIT_CONNECTIONS, LIMIT_CONNECTIONS, LIMIT_CONNECTIONS },
	[SLUICE_STAGE_MAIL] = { LIMIT_MESSAGES, LIMIT_MESSAGES, LIMIT_MESSAGES },
	[SLUICE_STAGE_RCPT] = { LIMIT_RECIPIENTS, LIMIT_MESSAGES, LIMIT_MESSAGES },
	[SLUICE_STAGE_DATA] = { LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_RECIPIENTS },
	[SLUICE_STAGE_MESSAGE] = { LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_KILOBYTES },
};

/* ---- reading ---- */

struct rate {
	struct place place;
	int64_t units, period_ms;
};

/* "60/1m", "10M/1h" */
static int read_rate(struct parser *ps, struct rate *ret)
{
	const struct token *t = &ps->l->token;
	const char *slash = t->type == TOKEN_WORD ? memchr(t->text, '/', t->len) : NULL;

	ret->place = t->place;
	if (!slash || !option_size(t->text, (size_t)(slash - t->text), &ret->units) ||
		!option_duration(slash + 1, t->len - (size_t)(slash + 1 - t->text), &ret->period_ms))
		return parser_unexpected(ps, "a rate such as 60/1m or, of bytes, 10M/1h");
	if (!ret->units || !ret->period_ms || ret->period_ms > PERIOD_MAX_MS)
		return place_error(t->place, ps->err, "a rate is of at least 1, in a time of at most 30d");
	return parser_next(ps);
}

static int read_unit(struct parser *ps, enum sluice_stage stage, enum limit_unit *ret)
{
	int r;

	*ret = units_at[stage][0];
	if (!token_is(&ps->l->token, "of"))
		return 0;
	r = parser_next(ps);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(units_at[stage]); i++)
		if (token_is(&ps->l->token, limit_unit_words[units_at[stage][i]])) {
			*ret = units_at[stage][i];
			return parser_next(ps);
		}
	for (size_t i = 0; limit_unit_words[i]; i++)
		if (token_is(&ps->l->token, limit_unit_words[i]))
			return place_error(ps->l->token.place, ps->err, "%s cannot be counted at '%s', but %s can", limit_unit_words[i], stage_words[stage],
				limit_unit_words[units_at[stage][0]]);
	return parser_unexpected(ps, "what is counted (connections, messages, recipients or bytes)");
}

static int read_burst(struct parser *ps, int64_t *burst)
{
	int r;

	if (!token_is(&ps->l->token, "burst"))
		return 0;
	r = parser_next(ps);
	if (r < 0)
		return r;
	if (ps->l->token.type != TOKEN_WORD || !option_size(ps->l->token.text, ps->l->token.len, burst) || !*burst)
		return parser_unexpected(ps, "how many at once, such as 120");
	return parser_next(ps);
}

static int read_keys(struct parser *ps, struct limit *l)
{
	unsigned keys[LIMIT_MAX_KEYS];

	if (!token_is(&ps->l->token, "by"))
		return parser_unexpected(ps, "'by' and the facts that are counted apart, such as client.net,");
	do {
		const struct token *t = &ps->l->token;
		int fact, r = parser_next(ps); /* over 'by' or ',' */

		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (l->key_count == LIMIT_MAX_KEYS)
			return place_error(t->place, ps->err, "more than %d facts", LIMIT_MAX_KEYS);
		r = expr_find_fact(t, ps->host->catalog, &fact, ps->err);
		if (r < 0)
			return r;
		if (ps->host->catalog->facts.items[fact].type == SLUICE_TEXTS)
			return place_error(t->place, ps->err, "%s is a list, and no key", t->text);
		keys[l->key_count++] = (unsigned)fact;
		r = parser_next(ps);
		if (r < 0)
			return r;
	} while (ps->l->token.type == TOKEN_COMMA);
	l->keys = (const unsigned *)(void *)arena_copy(ps->p->arena, keys, l->key_count * sizeof *keys);
	return l->keys ? 0 : parser_no_memory(ps);
}

static int64_t in_units(int64_t n, enum limit_unit unit)
{
	return unit == LIMIT_KILOBYTES ? (n + LIMIT_KILOBYTE - 1) / LIMIT_KILOBYTE : n;
}

int limit_parse(struct parser *ps, enum sluice_stage stage, const struct limit **ret)
{
	struct limit *l = arena_alloc(ps->p->arena, sizeof *l);
	struct rate rate;
	int64_t burst = 0;
	int r = l ? read_rate(ps, &rate) : parser_no_memory(ps);

	if (r == 0)
		r = read_unit(ps, stage, &l->unit);
	if (r == 0)
		r = read_burst(ps, &burst);
	if (r == 0)
		r = read_keys(ps, l);
	if (r < 0)
		return r;
	l->burst = in_units(burst ? burst : rate.units, l->unit);
	l->interval_us = rate.period_ms * US_PER_MS / in_units(rate.units, l->unit);
	if (!l->interval_us)
		return place_error(rate.place, ps->err, "a rate of more than %lld in this time cannot be told from no limit",
			(long long)(rate.period_ms * US_PER_MS));
	if (l->burst > ROOM_MAX_US / l->interval_us)
		return place_error(rate.place, ps->err, "with this burst it would take more than a hundred years to fill up again");
	l->strict = token_is(&ps->l->token, "strict");
	*ret = l;
	return l->strict ? parser_next(ps) : 0;
}

/* ---- counting ---- */

bool limit_key(struct text *out, const char *rule, const struct limit *l, const struct value *facts, const struct catalog *c)
{
	text_addf(out, "limit|%s", rule);
	for (size_t i = 0; i < l->key_count; i++) {
		const struct value *v = &facts[l->keys[i]];
		SLUICE_CLEANUP(text_done) struct text printed = TEXT_INIT(VALUE_MAX);

		if (!v->known)
			return false;
		value_print(&printed, v, c->facts.items[l->keys[i]].words);
		key_shorten(&printed, PART_MAX);
		key_add(out, text_str(&printed), printed.len, v->type == SLUICE_DOMAIN || v->type == SLUICE_ADDRESS);
	}
	key_shorten(out, SLUICE_STORE_KEY_MAX);
	return !out->failed;
}

void limit_describe(struct text *out, const struct limit *l, const struct catalog *c)
{
	static const char *const one[] = { "a connection", "a message", "a recipient", "a kilobyte" }; /* in the order of enum limit_unit */

	text_addf(out, "%s in %lld us, %lld at once%s, by ", one[l->unit], (long long)l->interval_us, (long long)l->burst, l->strict ? ", strict" : "");
	for (size_t i = 0; i < l->key_count; i++)
		text_addf(out, "%s%s", i ? ", " : "", c->facts.items[l->keys[i]].name);
}

struct sluice_store_op limit_op(const struct limit *l, const char *key, size_t key_len, int64_t cost)
{
	return (struct sluice_store_op){ .verb = SLUICE_STORE_RATE, .key = key, .key_len = key_len,
		.rate = { .interval_us = l->interval_us, .burst = l->burst, .cost = cost, .count_blocked = l->strict } };
}
