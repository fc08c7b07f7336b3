/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store_redis.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/text.h"
#include "filter/base/vec.h"
#include "filter/services/clock.h"
#include "filter/services/handover.h"
#include "filter/services/redis_guard.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  10000
#define IN_FLIGHT_MAX    65536 /* operations without an answer; one more fails at once */
#define WHY_MAX          200
#define SCRIPTS          STORE_VERBS /* verbs without a script are commands of their own */
#define ARGUMENTS_MAX    10
#define SHA_TEXT         41

/*
 * The same as store_state.c, in Lua; the contract suite compares. KEYS[1] is the one key; numbers of microseconds are below
 * 2^53, so that Lua's numbers hold them exactly. Each answers a list of whole numbers.
 */
#define NOW_MS "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
static const char *const scripts[SCRIPTS] = {
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
		"local stored = tonumber(redis.call('GET', KEYS[1]) or '0') "
		"local before = math.min(math.max(stored, now), now + most) "
		"local want = before + cost * interval "
		"local allowed = want - now <= room "
		"local full = (allowed or ARGV[4] == '1') and want or before "
		"full = math.min(math.max(full, now), now + most) "
		"if full ~= before or stored > before then " /* the clock has gone back */
		"  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.floor((full - now) / 1000) + 1) "
		"end "
		"return { allowed and 1 or 0, allowed and 0 or math.ceil((want - now - room) / 1000), "
		"  math.max(0, math.floor((now + room - full) / interval)) }",
	[SLUICE_STORE_COUNT] = NOW_MS
		"local window, add = tonumber(ARGV[1]), tonumber(ARGV[2]) "
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
	 * Each item is a key of its own, so that it expires by itself: KEYS[1] and its octets, which are on the node of KEYS[1], as nothing
	 * behind the braces counts for that. ARGV[4] is all items, and the answer all counts, so that not each is a reply of its own.
	 */
	[SLUICE_STORE_TALLY] =
		"local add1, add2, lifetime, items, keys, out = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], {}, {} "
		"for i = 1, #items, 8 do keys[#keys + 1] = KEYS[1] .. items:sub(i, i + 7) end "
		"for from = 1, #keys, 512 do "
		"  local got = redis.call('MGET', unpack(keys, from, math.min(from + 511, #keys))) "
		"  for i, old in ipairs(got) do "
		"    local n1, n2 = 0, 0 "
		"    if old and #old == 8 then n1, n2 = struct.unpack('>I4I4', old) end "
		"    n1, n2 = math.min(math.max(n1 + add1, 0), 4294967295), math.min(math.max(n2 + add2, 0), 4294967295) "
		"    local new = struct.pack('>I4I4', n1, n2) "
		"    if add1 ~= 0 or add2 ~= 0 then "
		"      if n1 + n2 > 0 then redis.call('SET', keys[from + i - 1], new, 'PX', lifetime) "
		"      elseif old then redis.call('DEL', keys[from + i - 1]) end "
		"    end "
		"    out[#out + 1] = new "
		"  end "
		"end "
		"return table.concat(out)",
};

struct job {
	struct job *next, *before; /* of those under way, in the order of sending */
	struct redis *redis;
	enum sluice_store_verb verb;
	bool whole_script; /* sent as EVAL: NOSCRIPT cannot be the answer */
	size_t items;      /* of TALLY */
	int64_t sent_ms;
	void (*done)(void *arg, const struct sluice_store_answer *answer);
	void *arg;
	/* the command, kept so that it can be sent again as EVAL; the octets lie behind the job */
	const char *argv[ARGUMENTS_MAX];
	size_t lengths[ARGUMENTS_MAX];
	int argc;
	char numbers[4][24];
};

struct redis {
	struct store store;
	struct store_redis_settings settings;
	char *server, *prefix, *user, *password, *host; /* copies; host: of HOST:PORT */
	int port;
	struct redis_tls *tls; /* NULL: none */
	/* the rest: on the reactor's thread only, but for the atomic counts */
	redisAsyncContext *context; /* NULL: none */
	struct redis_guard guard; /* of the context */
	bool there;     /* the connection is made */
	bool connected; /* and we were let in: AUTH and SELECT were answered well */
	bool closing, working;
	struct event *timer; /* to connect again, or to look for answers that are late */
	int64_t backoff_ms;
	struct job *first, *last;
	size_t in_flight;
	char sha[SCRIPTS][SHA_TEXT]; /* "": not known yet */
	uint64_t asked, failed;      /* atomic */
	int told_working;            /* atomic */
	struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX]; /* of the answer at hand */
};

static const struct sluice_store_answer not_there = { .status = SLUICE_STORE_FAILED, .why = "no connection to Redis" };

static void plan_connect(struct redis *r);

/* ---- state ---- */

static void tell(struct redis *r, bool working, const char *why)
{
	bool was = r->working;

	r->working = working;
	__atomic_store_n(&r->told_working, working, __ATOMIC_RELAXED);
	if (was != working && r->settings.changed && !r->closing)
		r->settings.changed(r->settings.arg, working, why);
}

static void enqueue(struct redis *r, struct job *job)
{
	job->before = r->last;
	job->next = NULL;
	if (r->last)
		r->last->next = job;
	else
		r->first = job;
	r->last = job;
	r->in_flight++;
}

static void dequeue(struct redis *r, struct job *job)
{
	*(job->before ? &job->before->next : &r->first) = job->next;
	*(job->next ? &job->next->before : &r->last) = job->before;
	r->in_flight--;
}

static void finish(struct job *job, const struct sluice_store_answer *answer)
{
	if (answer->status == SLUICE_STORE_FAILED)
		(void)__atomic_add_fetch(&job->redis->failed, 1, __ATOMIC_RELAXED);
	job->done(job->arg, answer);
	free(job);
}

/* ---- answers ---- */

/* Errors of the server as a whole; one of a single key (WRONGTYPE) says nothing about the others. */
static bool whole_server(const char *error)
{
	static const char *const words[] = { "OOM", "READONLY", "LOADING", "NOAUTH", "NOPERM", "MISCONF", "CLUSTERDOWN", "MASTERDOWN" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(error, words[i]))
			return true;
	return false;
}

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

static bool read_tallies(struct redis *r, const redisReply *reply, size_t items, struct sluice_store_answer *a)
{
	if (reply->type != REDIS_REPLY_STRING || (size_t)reply->len != items * sizeof *r->tallies)
		return false;
	for (size_t i = 0; i < items; i++)
		r->tallies[i] = (struct sluice_store_tally){ { get_be32(reply->str + 8 * i), get_be32(reply->str + 8 * i + 4) } };
	a->value = (const char *)r->tallies;
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

/* False: not what this command answers. */
static bool read_reply(const struct job *job, const redisReply *reply, struct sluice_store_answer *a)
{
	int64_t n[3] = { 0 };

	if (job->verb <= SLUICE_STORE_SET && !read_numbers(reply, n))
		return false;
	switch (job->verb) {
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
		return read_tallies(job->redis, reply, job->items, a);
	}
	return false;
}

static bool submit(struct job *job);

static void on_reply(redisAsyncContext *context, void *got, void *arg)
{
	static const struct sluice_store_answer refused = { .status = SLUICE_STORE_FAILED, .why = "Redis refuses" };
	struct sluice_store_answer a = { .status = SLUICE_STORE_OK };
	const redisReply *reply = got;
	struct job *job = arg;
	struct redis *r = job->redis;

	(void)context;
	dequeue(r, job);
	if (!reply) {
		finish(job, &not_there);
		return;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		if (!strncmp(reply->str, "NOSCRIPT", 8) && !job->whole_script) {
			r->sha[job->verb][0] = '\0';
			if (submit(job))
				return;
		}
		if (whole_server(reply->str))
			tell(r, false, reply->str);
		finish(job, &refused);
		return;
	}
	if (!read_reply(job, reply, &a)) {
		finish(job, &refused);
		return;
	}
	tell(r, true, NULL);
	finish(job, &a);
}

/* ---- sending ---- */

/* The job's command, with the script's hash where the server knows it. False: it could not be sent, and is still the caller's. */
static bool submit(struct job *job)
{
	struct redis *r = job->redis;

	if (!r->context || !r->connected || r->in_flight >= IN_FLIGHT_MAX)
		return false;
	if (scripts[job->verb]) {
		job->whole_script = !r->sha[job->verb][0];
		job->argv[0] = job->whole_script ? "EVAL" : "EVALSHA";
		job->argv[1] = job->whole_script ? scripts[job->verb] : r->sha[job->verb];
		job->lengths[0] = strlen(job->argv[0]);
		job->lengths[1] = strlen(job->argv[1]);
	}
	job->sent_ms = clock_mono_ms();
	enqueue(r, job);
	if (redisAsyncCommandArgv(r->context, on_reply, job, job->argc, job->argv, job->lengths) == REDIS_OK) {
		r->guard.expected++;
		return true;
	}
	dequeue(r, job);
	return false;
}

static void send_job(void *arg)
{
	struct job *job = arg;

	if (!submit(job))
		finish(job, &not_there);
}

static void add(struct job *job, const char *bytes, size_t len)
{
	job->argv[job->argc] = bytes;
	job->lengths[job->argc++] = len;
}

static void add_number(struct job *job, int i, int64_t n)
{
	int len = snprintf(job->numbers[i], sizeof job->numbers[i], "%" PRId64, n);

	add(job, job->numbers[i], (size_t)len);
}

static enum sluice_store_verb family(const struct sluice_store_op *op)
{
	enum sluice_store_verb verb = op->verb == SLUICE_STORE_DELETE ? op->entry.of : op->verb;

	return verb == SLUICE_STORE_PUT ? SLUICE_STORE_GET : verb;
}

static void make_command(struct job *job, const struct sluice_store_op *op, const char *key, size_t key_len, const char *extra, size_t extra_len)
{
	static const char *const commands[] = { [SLUICE_STORE_GET] = "GET", [SLUICE_STORE_PUT] = "SET", [SLUICE_STORE_DELETE] = "DEL" };

	if (scripts[op->verb]) {
		job->argc = 2; /* submit() fills them */
		add(job, "1", 1);
	} else {
		add(job, commands[op->verb], 3);
	}
	add(job, key, key_len);
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		add_number(job, 0, op->greylist.delay_ms);
		add_number(job, 1, op->greylist.window_ms);
		add_number(job, 2, op->greylist.lifetime_ms);
		add_number(job, 3, op->greylist.look);
		break;
	case SLUICE_STORE_RATE:
		add_number(job, 0, op->rate.interval_us);
		add_number(job, 1, op->rate.burst);
		add_number(job, 2, op->rate.cost);
		add_number(job, 3, op->rate.count_blocked);
		break;
	case SLUICE_STORE_COUNT:
		add_number(job, 0, op->count.window_ms);
		add_number(job, 1, op->count.add);
		break;
	case SLUICE_STORE_SET:
		add_number(job, 0, op->set.window_ms);
		add(job, extra, extra_len);
		break;
	case SLUICE_STORE_PUT:
		add(job, extra, extra_len);
		add(job, "PX", 2);
		add_number(job, 0, op->put.lifetime_ms);
		break;
	case SLUICE_STORE_TALLY:
		add_number(job, 0, op->tally.add[0]);
		add_number(job, 1, op->tally.add[1]);
		add_number(job, 2, op->tally.lifetime_ms);
		add(job, extra, extra_len);
		break;
	case SLUICE_STORE_GET:
	case SLUICE_STORE_DELETE:
		break;
	}
}

static void put_items(struct job *job, const struct sluice_store_op *op, char *bytes)
{
	job->items = op->tally.count;
	for (size_t i = 0; i < op->tally.count; i++) {
		uint64_t item = htobe64(op->tally.items[i]);

		memcpy(bytes + i * STORE_ITEM_BYTES, &item, sizeof item);
	}
}

/* prefix:{verb:key} - the braces keep all that belongs to a key on one node of a cluster. */
static struct job *job_new(struct redis *r, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	size_t extra_len;
	const void *extra = store_op_extra(op, &extra_len);
	const char *verb = store_verb_words[family(op)];
	size_t head = strlen(r->prefix) + strlen(verb) + 3, key_len = head + op->key_len + 1;
	struct job *job = calloc(1, sizeof *job + key_len + extra_len + 1);
	char *bytes;

	if (!job)
		return NULL;
	job->redis = r;
	job->verb = op->verb;
	job->done = done;
	job->arg = arg;
	bytes = (char *)(job + 1);
	(void)snprintf(bytes, head + 1, "%s:{%s:", r->prefix, verb);
	memcpy(bytes + head, op->key, op->key_len);
	bytes[key_len - 1] = '}';
	if (extra_len)
		memcpy(bytes + key_len, extra, extra_len);
	if (op->verb == SLUICE_STORE_TALLY)
		put_items(job, op, bytes + key_len);
	make_command(job, op, bytes, key_len, bytes + key_len, extra_len);
	return job;
}

static void redis_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	struct redis *r = (struct redis *)s;
	struct job *job = job_new(r, op, done, arg);

	(void)__atomic_add_fetch(&r->asked, 1, __ATOMIC_RELAXED);
	if (job && reactor_post(r->settings.reactor, send_job, job) == 0)
		return;
	free(job);
	(void)__atomic_add_fetch(&r->failed, 1, __ATOMIC_RELAXED);
	done(arg, &not_there);
}

/* ---- the connection ---- */

static void set_timer(struct redis *r, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)event_add(r->timer, &tv);
}

/* The connection is no more; hiredis has answered all that was under way with nothing, and frees the context. */
static void lost(struct redis *r, const char *why)
{
	char text[WHY_MAX];

	(void)snprintf(text, sizeof text, "%s", why && *why ? why : "the connection was closed");
	r->context = NULL;
	r->there = r->connected = false;
	memset(r->sha, 0, sizeof r->sha);
	tell(r, false, text);
	if (!r->closing)
		plan_connect(r);
}

static void on_script(redisAsyncContext *context, void *got, void *arg)
{
	const redisReply *reply = got;
	char *sha = arg;

	(void)context;
	if (reply && reply->type == REDIS_REPLY_STRING && reply->len == SHA_TEXT - 1)
		memcpy(sha, reply->str, SHA_TEXT);
}

/* To AUTH and SELECT: a refusal is of the server as a whole, and of another database nothing must be read. */
static bool refused(struct redis *r, redisAsyncContext *context, const redisReply *reply)
{
	if (!reply || reply->type == REDIS_REPLY_STATUS)
		return !reply;
	if (r->context) {
		tell(r, false, reply->type == REDIS_REPLY_ERROR ? reply->str : "it does not answer as a Redis does");
		redisAsyncDisconnect(context);
	}
	return true;
}

static void on_auth(redisAsyncContext *context, void *got, void *arg)
{
	(void)refused(arg, context, got);
}

static void on_select(redisAsyncContext *context, void *got, void *arg)
{
	struct redis *r = arg;

	if (refused(r, context, got) || (context->c.flags & REDIS_DISCONNECTING))
		return;
	r->connected = true;
	r->backoff_ms = BACKOFF_FIRST_MS;
	tell(r, true, NULL);
}

/* Send a command that is no job. */
static bool say(struct redis *r, redisCallbackFn *done, void *arg, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = redisvAsyncCommand(r->context, done, arg, format, args);
	va_end(args);
	r->guard.expected += result == REDIS_OK;
	return result == REDIS_OK;
}

static void greet(struct redis *r)
{
	if (*r->password && *r->user)
		(void)say(r, on_auth, r, "AUTH %s %s", r->user, r->password);
	else if (*r->password)
		(void)say(r, on_auth, r, "AUTH %s", r->password);
	(void)say(r, on_select, r, "SELECT %d", (int)r->settings.database);
	for (size_t i = 0; i < SCRIPTS; i++)
		if (scripts[i])
			(void)say(r, on_script, r->sha[i], "SCRIPT LOAD %s", scripts[i]);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct redis *r = context->data;

	if (status != REDIS_OK) {
		lost(r, context->errstr);
		return;
	}
	r->there = true;
	greet(r);
	set_timer(r, r->settings.timeout_ms);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
	lost(context->data, status == REDIS_OK ? "" : context->errstr);
}

/* It came to nothing before it was a connection. */
static void broken(struct redis *r, const char *otherwise)
{
	redisAsyncContext *context = r->context;
	char why[WHY_MAX];

	(void)snprintf(why, sizeof why, "%s", context && context->c.err ? context->c.errstr : otherwise);
	r->context = NULL;
	if (context)
		redisAsyncFree(context);
	lost(r, why);
}

static void connect_now(struct redis *r)
{
	r->context = *r->server == '/' ? redisAsyncConnectUnix(r->server) : redisAsyncConnect(r->host, r->port);
	if (!r->context || r->context->err) {
		broken(r, "out of memory");
		return;
	}
	if (r->tls && !redis_tls_begin(r->tls, r->context, r->host)) {
		broken(r, "TLS cannot be begun");
		return;
	}
	r->context->data = r;
	redis_guard_install(&r->guard, r->context);
	(void)redisLibeventAttach(r->context, reactor_base(r->settings.reactor)); /* first: the call after it waits for an event */
	(void)redisAsyncSetConnectCallback(r->context, on_connect);
	(void)redisAsyncSetDisconnectCallback(r->context, on_disconnect);
	set_timer(r, r->settings.timeout_ms);
}

/* Half of the wait is left to chance: gateways that lost one Redis together do not come back together. */
static void plan_connect(struct redis *r)
{
	unsigned chance = 0;

	(void)!getrandom(&chance, sizeof chance, 0);
	set_timer(r, r->backoff_ms / 2 + (int64_t)(chance % (unsigned)(r->backoff_ms / 2 + 1)));
	r->backoff_ms = r->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : r->backoff_ms * 2;
}

static void drop(struct redis *r, const char *why)
{
	redisAsyncContext *context = r->context;

	/* redisAsyncFree() tells on_disconnect() only of a connection that was one */
	if (r->there) {
		tell(r, false, why);
		redisAsyncFree(context);
		return;
	}
	r->context = NULL;
	redisAsyncFree(context);
	lost(r, why);
}

static void on_timer(int fd, short what, void *arg)
{
	struct redis *r = arg;

	(void)fd;
	(void)what;
	if (!r->context)
		connect_now(r);
	else if (!r->connected)
		drop(r, "no connection within the timeout");
	else if (r->first && clock_mono_ms() - r->first->sent_ms >= r->settings.timeout_ms)
		drop(r, "no answer within the timeout");
	else
		set_timer(r, r->first ? r->settings.timeout_ms - (clock_mono_ms() - r->first->sent_ms) + 1 : r->settings.timeout_ms);
}

/* ---- the interface ---- */

static void open_on_reactor(void *arg)
{
	struct redis *r = arg;

	r->timer = event_new(reactor_base(r->settings.reactor), -1, 0, on_timer, r);
	if (r->timer)
		connect_now(r);
}

static void close_on_reactor(void *arg)
{
	struct redis *r = arg;
	redisAsyncContext *context = r->context;

	r->closing = true;
	r->context = NULL;
	if (context)
		redisAsyncFree(context); /* answers what is under way with nothing */
	if (r->timer)
		event_free(r->timer);
}

static void redis_free(struct store *s)
{
	struct redis *r = (struct redis *)s;

	reactor_call(r->settings.reactor, close_on_reactor, r);
	redis_tls_free(r->tls);
	free(r->server);
	free(r->prefix);
	free(r->user);
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	free(r->password);
	free(r->host);
	free(r);
}

/* ---- looking through ---- */

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
	struct handover *handover;
	struct redis *redis;
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

static void on_look(redisAsyncContext *context, void *got, void *arg)
{
	const redisReply *reply = got;
	struct look *look = arg;

	(void)context;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || !reply->elements || reply->element[0]->type != REDIS_REPLY_STRING) {
		look->failed = true;
		look->denied = reply && reply->type == REDIS_REPLY_ERROR;
		handover_done(look->handover);
		return;
	}
	add_rows(look, reply);
	look_on(look, strcmp(reply->element[0]->str, "0") != 0 ? reply->element[0]->str : NULL);
}

/* From this cursor on; NULL: that was all. */
static void look_on(struct look *look, const char *cursor)
{
	struct redis *r = look->redis;

	if (cursor && !look->failed && look->rows.len < look->limit) {
		if (r->context && r->connected &&
			(look->members ? say(r, on_look, look, "SSCAN %b %s COUNT 1000", look->match.bytes, look->match.len, cursor)
				       : say(r, on_look, look, "EVAL %s 0 %s %b", look_script, cursor, look->match.bytes, look->match.len)))
			return;
		look->failed = true;
	}
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

static struct look *look_new(struct redis *r, size_t limit)
{
	struct look *look = calloc(1, sizeof *look);

	if (!look)
		return NULL;
	look->redis = r;
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
	if (look->match.failed || reactor_post(look->redis->settings.reactor, look_start, look) < 0) {
		handover_done(look->handover);
		return -EIO;
	}
	if (!handover_wait(look->handover, timeout_ms))
		return -EIO;
	return !look->failed ? 0 : look->denied ? -EINVAL : -EIO;
}

static int redis_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	struct redis *r = (struct redis *)s;
	struct look *look = look_new(r, limit);
	struct handover *h;
	int result;

	if (!look)
		return -ENOMEM;
	h = look->handover;
	look->head_len = strlen(r->prefix) + strlen(store_verb_words[verb]) + 3;
	add_pattern(&look->match, r->prefix);
	text_addf(&look->match, ":{%s:", store_verb_words[verb]);
	add_pattern(&look->match, prefix);
	text_addc(&look->match, '*');
	result = look_run(look, timeout_ms) < 0 ? -EIO : 0;
	for (size_t i = 0; result == 0 && i < look->rows.len; i++)
		row(arg, &(struct store_row){ look->rows.items[i].key, look->rows.items[i].len, look->rows.items[i].expires_ms });
	handover_leave(h);
	return result;
}

static int redis_members(struct store *s, const char *key, size_t limit, int64_t timeout_ms, void (*member)(void *arg, const char *bytes, size_t len),
	void *arg)
{
	struct look *look = look_new((struct redis *)s, limit);
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

static struct store_stats redis_stats(struct store *s)
{
	struct redis *r = (struct redis *)s;

	return (struct store_stats){
		.asked = __atomic_load_n(&r->asked, __ATOMIC_RELAXED),
		.failed = __atomic_load_n(&r->failed, __ATOMIC_RELAXED),
		.working = __atomic_load_n(&r->told_working, __ATOMIC_RELAXED) != 0,
	};
}

static const struct store_home home = { redis_run, redis_each, redis_members, redis_stats, redis_free };

static bool parse_server(struct redis *r)
{
	const char *colon = strrchr(r->server, ':');
	size_t len = colon ? (size_t)(colon - r->server) : 0;
	uint64_t port;

	if (*r->server == '/')
		return true;
	if (!len || !ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return false;
	r->port = (int)port;
	if (r->server[0] == '[' && colon[-1] == ']')
		memmove(r->host, r->server + 1, len - 2), r->host[len - 2] = '\0';
	else
		memcpy(r->host, r->server, len), r->host[len] = '\0';
	return true;
}

struct store *store_redis_open(const struct store_redis_settings *settings, struct err *reterr)
{
	struct redis *r = calloc(1, sizeof *r);

	if (!r) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	r->store.home = &home;
	r->settings = *settings;
	r->server = strdup(settings->server);
	r->prefix = strdup(settings->prefix);
	r->user = strdup(settings->user);
	r->password = strdup(settings->password);
	r->host = r->server ? strdup(r->server) : NULL;
	r->backoff_ms = BACKOFF_FIRST_MS;
	r->working = true;
	r->told_working = 1;
	if (!r->prefix || !r->user || !r->password || !r->host) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
	} else if (!parse_server(r)) {
		(void)err_set(reterr, -EINVAL, "'%s' is no Redis server: write HOST:PORT, or the absolute path of a unix socket", r->server);
	} else if (settings->tls && *r->server == '/') {
		(void)err_set(reterr, -EINVAL, "tls is for HOST:PORT: through a unix socket nobody listens");
	} else if (settings->tls && !(r->tls = redis_tls_new(&settings->tls_files, reterr))) {
		; /* it has said why */
	} else {
		reactor_call(settings->reactor, open_on_reactor, r);
		if (r->timer)
			return &r->store;
		(void)err_set(reterr, -ENOMEM, "out of memory");
	}
	redis_free(&r->store);
	return NULL;
}
