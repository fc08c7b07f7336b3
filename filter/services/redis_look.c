/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/base/text.h"
#include "filter/base/vec.h"
#include "filter/services/handover.h"
#include "filter/services/redis_ops.h"
#include "filter/services/redis_slots.h"

/* Some keys of a cursor's, each with its time to live. */
static const char look_script[] =
	"local r = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 1000) "
	"local out = { r[1] } "
	"for _, k in ipairs(r[2]) do out[#out + 1] = k out[#out + 1] = redis.call('PTTL', k) end "
	"return out";

struct look_row {
	char *key;
	size_t len;
	int64_t expires_ms;
};

struct look {
	struct redis_request request; /* first */
	struct handover *handover;
	struct redis_servers *servers;
	struct reactor *reactor;
	size_t server;     /* whose keys are looked at, by its index */
	char cursor[32];
	bool members;      /* of a set of others, not keys of ours */
	bool denied;       /* Redis does not give them */
	struct text match; /* as SCAN wants it; of members: the key of the set */
	size_t head_len;   /* octets of a key before what the caller knows */
	size_t limit;
	bool failed;
	VEC(struct look_row) rows;
};

static void look_free(void *arg)
{
	struct look *look = arg;

	for (size_t i = 0; i < look->rows.len; i++)
		free(look->rows.items[i].key);
	vec_done(&look->rows);
	text_done(&look->match);
	free(look);
}

static void add_row(struct look *look, const redisReply *key, const redisReply *ttl)
{
	struct look_row row = { .expires_ms = ttl->integer };

	if (key->type != REDIS_REPLY_STRING || ttl->type != REDIS_REPLY_INTEGER || ttl->integer <= 0 || key->len <= look->head_len + 1 ||
		look->rows.len >= look->limit)
		return;
	row.len = key->len - look->head_len - 1; /* without the brace at its end */
	row.key = strndup(key->str + look->head_len, row.len);
	if (!row.key || !vec_push(&look->rows, row)) {
		free(row.key);
		look->failed = true;
	}
}

static void add_member(struct look *look, const redisReply *member)
{
	struct look_row row = { 0 };

	if (member->type != REDIS_REPLY_STRING || look->rows.len >= look->limit)
		return;
	row.len = member->len;
	row.key = malloc(row.len + 1);
	if (row.key)
		memcpy(row.key, member->str, row.len + 1); /* hiredis has a NUL behind it */
	if (!row.key || !vec_push(&look->rows, row)) {
		free(row.key);
		look->failed = true;
	}
}

static void add_rows(struct look *look, const redisReply *reply)
{
	const redisReply *members = look->members && reply->elements == 2 ? reply->element[1] : NULL;

	for (size_t i = 0; members && members->type == REDIS_REPLY_ARRAY && i < members->elements; i++)
		add_member(look, members->element[i]);
	for (size_t i = 1; !look->members && i + 1 < reply->elements; i += 2)
		add_row(look, reply->element[i], reply->element[i + 1]);
}

static void look_on(struct look *look, const char *cursor);

static void on_look(struct redis_request *q, const redisReply *reply, const char *why)
{
	struct look *look = (struct look *)q;

	(void)why;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || !reply->elements || reply->element[0]->type != REDIS_REPLY_STRING) {
		look->failed = true;
		look->denied = reply && reply->type == REDIS_REPLY_ERROR;
		handover_done(look->handover);
		return;
	}
	add_rows(look, reply);
	look_on(look, strcmp(reply->element[0]->str, "0") != 0 ? reply->element[0]->str : NULL);
}

static void ask(struct look *look, const char *cursor)
{
	struct redis_command *c = &look->request.command;
	const char *members[] = { "SSCAN", text_str(&look->match), cursor, "COUNT", "1000" };
	const char *keys[] = { "EVAL", look_script, "0", cursor, text_str(&look->match) };

	(void)snprintf(look->cursor, sizeof look->cursor, "%s", cursor);
	*c = (struct redis_command){ .argc = ARRAY_LEN(members) };
	for (int i = 0; i < c->argc; i++) {
		c->argv[i] = look->members ? members[i] : keys[i];
		c->argv[i] = c->argv[i] == cursor ? look->cursor : c->argv[i]; /* it may have to wait, and the reply at hand does not */
		c->lengths[i] = strlen(c->argv[i]);
	}
	look->request.answered = on_look;
	if (look->members) {
		look->request.slot = (int)redis_slot(text_str(&look->match), look->match.len);
		redis_servers_run(look->servers, &look->request);
	} else {
		redis_servers_run_on(look->servers, look->server, &look->request);
	}
}

/* From this cursor on; NULL: that was all of this server. */
static void look_on(struct look *look, const char *cursor)
{
	if (!cursor && !look->members && ++look->server < redis_servers_count(look->servers))
		cursor = "0";
	if (cursor && !look->failed && look->rows.len < look->limit)
		ask(look, cursor);
	else
		handover_done(look->handover);
}

static void look_start(void *arg)
{
	look_on(arg, "0");
}

/* Octets that mean themselves in a pattern of SCAN. */
static void add_pattern(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("*?[]^\\-", *s))
			text_addc(out, '\\');
		text_addc(out, *s);
	}
}

static struct look *look_new(struct redis_servers *servers, struct reactor *reactor, size_t limit)
{
	struct look *look = calloc(1, sizeof *look);

	if (!look)
		return NULL;
	look->servers = servers;
	look->reactor = reactor;
	look->limit = limit;
	look->match = TEXT_INIT(4096);
	look->handover = handover_new(look, look_free);
	if (look->handover)
		return look;
	look_free(look);
	return NULL;
}

/* Begin, and wait for the end of it. 0: all rows are here; -EIO; -EINVAL: denied. To be left with handover_leave() in any case. */
static int look_run(struct look *look, int64_t timeout_ms)
{
	if (look->match.failed || reactor_post(look->reactor, look_start, look) < 0) {
		handover_done(look->handover);
		return -EIO;
	}
	if (!handover_wait(look->handover, timeout_ms))
		return -EIO;
	return !look->failed ? 0 : look->denied ? -EINVAL : -EIO;
}

int redis_look_each(struct redis_servers *servers, struct reactor *reactor, const char *prefix, enum sluice_store_verb verb, const char *key_prefix,
	size_t limit, int64_t timeout_ms, void (*row)(void *arg, const struct store_row *row), void *arg)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(4096);
	struct look *look = look_new(servers, reactor, limit);
	struct handover *h;
	int result;

	if (!look)
		return -ENOMEM;
	h = look->handover;
	redis_op_head(&head, prefix, verb);
	look->head_len = head.len;
	add_pattern(&look->match, text_str(&head));
	add_pattern(&look->match, key_prefix);
	text_addc(&look->match, '*');
	result = look_run(look, timeout_ms) < 0 ? -EIO : 0;
	for (size_t i = 0; result == 0 && i < look->rows.len; i++)
		row(arg, &(struct store_row){ look->rows.items[i].key, look->rows.items[i].len, look->rows.items[i].expires_ms });
	handover_leave(h);
	return result;
}

int redis_look_members(struct redis_servers *servers, struct reactor *reactor, const char *key, size_t limit, int64_t timeout_ms,
	void (*member)(void *arg, const char *bytes, size_t len), void *arg)
{
	struct look *look = look_new(servers, reactor, limit);
	struct handover *h;
	int result;

	if (!look)
		return -ENOMEM;
	h = look->handover;
	look->members = true;
	text_adds(&look->match, key);
	result = look_run(look, timeout_ms);
	for (size_t i = 0; result == 0 && i < look->rows.len; i++)
		member(arg, look->rows.items[i].key, look->rows.items[i].len);
	handover_leave(h);
	return result;
}
