/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_ops.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/services/redis_slots.h"

/*
 * The same as store_state.c, in Lua; the contract suite compares. KEYS[1] is the one key; numbers of microseconds are below
 * 2^53, so that Lua's numbers hold them exactly. Each answers a list of whole numbers.
 *
 * A token (store_run_once()) is the last of ARGV, where it is there, and is kept with the entry: what was merged and has expired, or was
 * deleted, needs none. MARK adds it to those that are there.
 */
#define MARK "marks = (marks .. ' ' .. token):sub(-272) " /* sixteen of them: a gateway needs its last */
#define NOW_MS "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
static const char *const scripts[STORE_VERBS] = { /* verbs without a script are commands of their own */
	[SLUICE_STORE_GREYLIST] = NOW_MS
		"local delay, window, lifetime, look = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1' "
		"local e = redis.call('HMGET', KEYS[1], 'first', 'passes') "
		"if not e[1] then "
		"  if look then return { 0, delay, 0 } end "
		"  redis.call('HSET', KEYS[1], 'first', string.format('%.0f', now), 'passes', 0) "
		"  redis.call('PEXPIRE', KEYS[1], window) return { 0, delay, 0 } "
		"end "
		"local first, passes = tonumber(e[1]), tonumber(e[2]) "
		"if first > now then "
		"  first = now if not look then redis.call('HSET', KEYS[1], 'first', string.format('%.0f', now)) end "
		"end "
		"if passes == 0 and now - first < delay then return { 1, delay - (now - first), 0 } end "
		"if look then return { passes == 0 and 2 or 3, 0, passes } end "
		"redis.call('HINCRBY', KEYS[1], 'passes', 1) redis.call('PEXPIRE', KEYS[1], lifetime) "
		"return { passes == 0 and 2 or 3, 0, passes + 1 }",
	[SLUICE_STORE_RATE] =
		"local t = redis.call('TIME') local now = t[1] * 1000000 + t[2] "
		"local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
		"local room = burst * interval local most = ARGV[4] == '1' and 2 * room or room "
		"local e, token, marks = redis.call('GET', KEYS[1]) or '0', ARGV[5], '' "
		"if not tonumber(e) then e, marks = e:match('^(%d+)(.*)$') end "
		"if token and marks:find(token, 1, true) then cost = 0 elseif token then " MARK "end "
		"local stored = tonumber(e) "
		"local before = math.min(math.max(stored, now), now + most) "
		"local want = before + cost * interval "
		"local allowed = want - now <= room "
		"local full = (allowed or ARGV[4] == '1') and want or before "
		"full = math.min(math.max(full, now), now + most) "
		"if full ~= before or stored > before then " /* the clock has gone back */
		"  redis.call('SET', KEYS[1], string.format('%.0f', full) .. marks, 'PX', math.floor((full - now) / 1000) + 1) "
		"end "
		"return { allowed and 1 or 0, allowed and 0 or math.ceil((want - now - room) / 1000), "
		"  math.max(0, math.floor((now + room - full) / interval)) }",
	[SLUICE_STORE_COUNT] = NOW_MS
		"local window, add = tonumber(ARGV[1]), tonumber(ARGV[2]) "
		"local token, marks = ARGV[3], ARGV[3] and redis.call('HGET', KEYS[1], 'once') or '' "
		"if token and marks:find(token, 1, true) then add = 0 elseif token then " MARK "redis.call('HSET', KEYS[1], 'once', marks) end "
		"local e = redis.call('HMGET', KEYS[1], 'window', 'number', 'before') "
		"local present = math.floor(now / window) "
		"local w, n, b = tonumber(e[1] or present), tonumber(e[2] or 0), tonumber(e[3] or 0) "
		"if present < w then w = present end "
		"if present > w then b = present == w + 1 and n or 0 n = 0 w = present end "
		"n = n + add "
		"if add ~= 0 then "
		"  redis.call('HSET', KEYS[1], 'window', string.format('%.0f', w), 'number', n, 'before', b) "
		"  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', (w + 2) * window)) "
		"end "
		"return { n, b, 0 }",
	[SLUICE_STORE_SET] = NOW_MS
		"local window = tonumber(ARGV[1]) "
		"redis.call('PFADD', KEYS[1], ARGV[2]) "
		"local left = redis.call('PTTL', KEYS[1]) "
		"if left < 0 or left > window then "
		"  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', (math.floor(now / window) + 1) * window)) "
		"end "
		"return { redis.call('PFCOUNT', KEYS[1]), 0, 0 }",
	/*
	 * Each item is a key of its own, so that it expires by itself: the book's key and its octets, which are in the slot of that, as nothing
	 * behind the braces counts for it. KEYS[1] is the key of the first item, so that a Cluster that moves the slot knows whether it is there
	 * yet. ARGV[4] is all items, and the answer all counts, so that not each is a reply of its own. All are read before one is written: a
	 * read of items of which some have moved is refused.
	 */
	[SLUICE_STORE_TALLY] =
		"local add1, add2, lifetime, items, keys, out = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], {}, {} "
		"local book = #items > 0 and KEYS[1]:sub(1, -9) or KEYS[1] "
		"for i = 1, #items, 8 do keys[#keys + 1] = book .. items:sub(i, i + 7) end "
		"local old = {} "
		"for from = 1, #keys, 512 do "
		"  for i, e in ipairs(redis.call('MGET', unpack(keys, from, math.min(from + 511, #keys)))) do old[from + i - 1] = e end "
		"end "
		"for i = 1, #keys do "
		"  local n1, n2 = 0, 0 "
		"  if old[i] and #old[i] == 8 then n1, n2 = struct.unpack('>I4I4', old[i]) end "
		"  n1, n2 = math.min(math.max(n1 + add1, 0), 4294967295), math.min(math.max(n2 + add2, 0), 4294967295) "
		"  local new = struct.pack('>I4I4', n1, n2) "
		"  if add1 ~= 0 or add2 ~= 0 then "
		"    if n1 + n2 > 0 then redis.call('SET', keys[i], new, 'PX', lifetime) "
		"    elseif old[i] then redis.call('DEL', keys[i]) end "
		"  end "
		"  out[i] = new "
		"end "
		"return table.concat(out)",
};

/* ---- answers ---- */

static bool read_numbers(const redisReply *reply, int64_t numbers[3])
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
		numbers[i] = reply->element[i]->integer;
	}
	return true;
}

static uint32_t get_be32(const char *from)
{
	uint32_t n;

	memcpy(&n, from, sizeof n);
	return be32toh(n);
}

static bool read_tallies(const redisReply *reply, size_t items, struct sluice_store_tally *tallies, struct sluice_store_answer *a)
{
	if (reply->type != REDIS_REPLY_STRING || (size_t)reply->len != items * sizeof *tallies)
		return false;
	for (size_t i = 0; i < items; i++)
		tallies[i] = (struct sluice_store_tally){ { get_be32(reply->str + 8 * i), get_be32(reply->str + 8 * i + 4) } };
	a->value = (const char *)tallies;
	a->value_len = (size_t)reply->len;
	return true;
}

static bool read_value(const redisReply *reply, struct sluice_store_answer *a)
{
	a->status = reply->type == REDIS_REPLY_NIL ? SLUICE_STORE_ABSENT : SLUICE_STORE_OK;
	a->value = reply->str;
	a->value_len = reply->len;
	return reply->type == REDIS_REPLY_NIL || reply->type == REDIS_REPLY_STRING;
}

bool redis_op_read(const struct redis_op *op, const redisReply *reply, struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX], struct sluice_store_answer *a)
{
	int64_t n[3] = { 0 };

	if (op->verb <= SLUICE_STORE_SET && !read_numbers(reply, n))
		return false;
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		if (n[0] < SLUICE_STORE_GREYLIST_NEW || n[0] > SLUICE_STORE_GREYLIST_KNOWN)
			return false;
		a->greylist = (enum sluice_store_greylist)n[0];
		a->wait_ms = n[1];
		a->number = n[2];
		return true;
	case SLUICE_STORE_RATE:
		a->allowed = n[0] == 1;
		a->wait_ms = n[1];
		a->number = n[2];
		return true;
	case SLUICE_STORE_COUNT:
		a->number = n[0];
		a->before = n[1];
		return true;
	case SLUICE_STORE_SET:
		a->number = n[0];
		return true;
	case SLUICE_STORE_GET:
		return read_value(reply, a);
	case SLUICE_STORE_PUT:
		return reply->type == REDIS_REPLY_STATUS;
	case SLUICE_STORE_DELETE:
		a->status = reply->type == REDIS_REPLY_INTEGER && reply->integer ? SLUICE_STORE_OK : SLUICE_STORE_ABSENT;
		return reply->type == REDIS_REPLY_INTEGER;
	case SLUICE_STORE_TALLY:
		return read_tallies(reply, op->items, tallies, a);
	}
	return false;
}

/* ---- commands ---- */

static void add(struct redis_op *c, const char *bytes, size_t len)
{
	c->request.command.argv[c->request.command.argc] = bytes;
	c->request.command.lengths[c->request.command.argc++] = len;
}

static void add_number(struct redis_op *c, int i, int64_t n)
{
	int len = snprintf(c->numbers[i], sizeof c->numbers[i], "%" PRId64, n);

	add(c, c->numbers[i], (size_t)len);
}

static enum sluice_store_verb family(const struct sluice_store_op *op)
{
	enum sluice_store_verb verb = op->verb == SLUICE_STORE_DELETE ? op->entry.of : op->verb;

	return verb == SLUICE_STORE_PUT ? SLUICE_STORE_GET : verb;
}

static void make_command(struct redis_op *c, const struct sluice_store_op *op, const char *key, size_t key_len, const char *extra, size_t extra_len)
{
	static const char *const commands[] = { [SLUICE_STORE_GET] = "GET", [SLUICE_STORE_PUT] = "SET", [SLUICE_STORE_DELETE] = "DEL" };

	if (scripts[op->verb]) {
		c->request.command.argc = 2; /* redis_servers_run() fills them */
		add(c, "1", 1);
	} else {
		add(c, commands[op->verb], 3);
	}
	add(c, key, key_len);
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		add_number(c, 0, op->greylist.delay_ms);
		add_number(c, 1, op->greylist.window_ms);
		add_number(c, 2, op->greylist.lifetime_ms);
		add_number(c, 3, op->greylist.look);
		break;
	case SLUICE_STORE_RATE:
		add_number(c, 0, op->rate.interval_us);
		add_number(c, 1, op->rate.burst);
		add_number(c, 2, op->rate.cost);
		add_number(c, 3, op->rate.count_blocked);
		break;
	case SLUICE_STORE_COUNT:
		add_number(c, 0, op->count.window_ms);
		add_number(c, 1, op->count.add);
		break;
	case SLUICE_STORE_SET:
		add_number(c, 0, op->set.window_ms);
		add(c, extra, extra_len);
		break;
	case SLUICE_STORE_PUT:
		add(c, extra, extra_len);
		add(c, "PX", 2);
		add_number(c, 0, op->put.lifetime_ms);
		break;
	case SLUICE_STORE_TALLY:
		add_number(c, 0, op->tally.add[0]);
		add_number(c, 1, op->tally.add[1]);
		add_number(c, 2, op->tally.lifetime_ms);
		add(c, extra, extra_len);
		break;
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
		break;
	}
}

static void put_items(const struct sluice_store_op *op, char *bytes)
{
	for (size_t i = 0; i < op->tally.count; i++) {
		uint64_t item = htobe64(op->tally.items[i]);

		memcpy(bytes + i * STORE_ITEM_BYTES, &item, sizeof item);
	}
}

void redis_op_head(struct text *out, const char *prefix, enum sluice_store_verb verb)
{
	text_addf(out, "%s:{%s:", prefix, store_verb_words[verb]);
}

size_t redis_op_size(const char *prefix, const struct sluice_store_op *op)
{
	size_t extra_len;

	(void)store_op_extra(op, &extra_len);
	return strlen(prefix) + strlen(store_verb_words[family(op)]) + 4 + op->key_len + extra_len + 1;
}

/* prefix:{verb:key} - the braces keep all that belongs to a key in one slot of a Cluster. */
void redis_op_make(struct redis_op *ret, const char *prefix, const struct sluice_store_op *op, uint64_t token, struct redis_script all[STORE_VERBS],
	char *bytes)
{
	size_t extra_len;
	const void *extra = store_op_extra(op, &extra_len);
	const char *verb = store_verb_words[family(op)];
	size_t head = strlen(prefix) + strlen(verb) + 3, key_len = head + op->key_len + 1;

	*ret = (struct redis_op){ .verb = op->verb };
	(void)snprintf(bytes, head + 1, "%s:{%s:", prefix, verb);
	memcpy(bytes + head, op->key, op->key_len);
	bytes[key_len - 1] = '}';
	if (extra_len)
		memcpy(bytes + key_len, extra, extra_len);
	if (op->verb == SLUICE_STORE_TALLY) {
		put_items(op, bytes + key_len);
		ret->items = op->tally.count;
	}
	ret->request.slot = (int)redis_slot(bytes, key_len);
	ret->request.script = all[op->verb].text ? &all[op->verb] : NULL;
	make_command(ret, op, bytes, key_len + (ret->items ? STORE_ITEM_BYTES : 0), bytes + key_len, extra_len);
	if (token)
		add(ret, ret->token, (size_t)snprintf(ret->token, sizeof ret->token, "%016" PRIx64, token));
}

void redis_op_scripts(struct redis_script ret[STORE_VERBS])
{
	for (size_t i = 0; i < STORE_VERBS; i++)
		ret[i].text = scripts[i];
}
