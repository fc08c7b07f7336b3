/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store_redis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/services/redis_look.h"
#include "filter/services/redis_ops.h"

struct redis {
	struct store store;
	struct store_redis_settings settings; /* its texts are copies */
	char **servers;
	struct redis_tls *tls; /* NULL: none */
	struct redis_servers *on;
	struct redis_script scripts[STORE_VERBS];
	uint64_t asked, failed; /* atomic */
	int working;            /* atomic */
	struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX]; /* of the answer at hand; on the reactor's thread */
};

struct job {
	struct redis_op op; /* first */
	struct redis *redis;
	void (*done)(void *arg, const struct sluice_store_answer *answer);
	void *arg;
	char bytes[]; /* of the command */
};

/* ---- operations ---- */

static void finish(struct job *job, const struct sluice_store_answer *answer)
{
	if (answer->status == SLUICE_STORE_FAILED)
		(void)__atomic_add_fetch(&job->redis->failed, 1, __ATOMIC_RELAXED);
	job->done(job->arg, answer);
	free(job);
}

static void on_answer(struct redis_request *q, const redisReply *reply, const char *why)
{
	struct job *job = (struct job *)q;
	struct sluice_store_answer a = { .status = SLUICE_STORE_OK };

	if (!reply || reply->type == REDIS_REPLY_ERROR || !redis_op_read(&job->op, reply, job->redis->tallies, &a))
		a = (struct sluice_store_answer){ .status = SLUICE_STORE_FAILED, .why = reply ? "Redis refuses" : why };
	finish(job, &a);
}

static void send_job(void *arg)
{
	struct job *job = arg;

	redis_servers_run(job->redis->on, &job->op.request);
}

static void redis_run_once(struct store *s, const struct sluice_store_op *op, uint64_t token,
	void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	static const struct sluice_store_answer no_memory = { .status = SLUICE_STORE_FAILED, .why = "out of memory" };
	struct redis *r = (struct redis *)s;
	struct job *job = malloc(sizeof *job + redis_op_size(r->settings.prefix, op));

	(void)__atomic_add_fetch(&r->asked, 1, __ATOMIC_RELAXED);
	if (job) {
		redis_op_make(&job->op, r->settings.prefix, op, token, r->scripts, job->bytes);
		job->op.request.answered = on_answer;
		job->redis = r;
		job->done = done;
		job->arg = arg;
		if (reactor_post(r->settings.reactor, send_job, job) == 0)
			return;
	}
	free(job);
	(void)__atomic_add_fetch(&r->failed, 1, __ATOMIC_RELAXED);
	done(arg, &no_memory);
}

static void redis_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	redis_run_once(s, op, 0, done, arg);
}

static int redis_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	struct redis *r = (struct redis *)s;

	return redis_look_each(r->on, r->settings.reactor, r->settings.prefix, verb, prefix, limit, timeout_ms, row, arg);
}

static int redis_members(struct store *s, const char *key, size_t limit, int64_t timeout_ms, void (*member)(void *arg, const char *bytes, size_t len),
	void *arg)
{
	struct redis *r = (struct redis *)s;

	return redis_look_members(r->on, r->settings.reactor, key, limit, timeout_ms, member, arg);
}

static struct store_stats redis_stats(struct store *s)
{
	struct redis *r = (struct redis *)s;
	struct redis_servers_counts counts = redis_servers_counts(r->on);

	return (struct store_stats){
		.asked = __atomic_load_n(&r->asked, __ATOMIC_RELAXED),
		.failed = __atomic_load_n(&r->failed, __ATOMIC_RELAXED),
		.working = __atomic_load_n(&r->working, __ATOMIC_RELAXED) != 0,
		.moved = counts.moved,
		.ask = counts.ask,
		.later = counts.later,
		.lost = counts.lost,
	};
}

/* ---- opening ---- */

static void on_changed(void *arg, bool working, const char *why)
{
	struct redis *r = arg;

	__atomic_store_n(&r->working, working, __ATOMIC_RELAXED);
	if (r->settings.changed)
		r->settings.changed(r->settings.arg, working, why);
}

static void forget(const char *text)
{
	if (text)
		explicit_bzero((char *)(uintptr_t)text, strlen(text));
	free((char *)(uintptr_t)text);
}

static void redis_free(struct store *s)
{
	struct redis *r = (struct redis *)s;

	redis_servers_free(r->on);
	redis_tls_free(r->tls);
	for (size_t i = 0; r->servers && i < r->settings.server_count; i++)
		free(r->servers[i]);
	free(r->servers);
	forget(r->settings.master);
	forget(r->settings.prefix);
	forget(r->settings.user);
	forget(r->settings.password);
	forget(r->settings.sentinel_user);
	forget(r->settings.sentinel_password);
	free(r);
}

static const struct store_home home = {
	.run = redis_run, .run_once = redis_run_once, .each = redis_each, .members = redis_members, .stats = redis_stats, .free = redis_free
};

static bool copy_texts(struct redis *r)
{
	const char **texts[] = { &r->settings.master, &r->settings.prefix, &r->settings.user, &r->settings.password, &r->settings.sentinel_user,
		&r->settings.sentinel_password };
	const char *const *servers = r->settings.servers;
	bool good;

	r->servers = calloc(r->settings.server_count + 1, sizeof *r->servers);
	good = r->servers != NULL;
	for (size_t i = 0; good && i < r->settings.server_count; i++)
		good = (r->servers[i] = strdup(servers[i])) != NULL;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		*texts[i] = strdup(*texts[i] ? *texts[i] : "");
		good &= *texts[i] != NULL;
	}
	return good;
}

int store_redis_check(const struct store_redis_settings *settings, struct err *reterr)
{
	static const char *const what[] = { "Redis server", "sentinel", "server of a Cluster" };

	for (size_t i = 0; i < settings->server_count; i++) {
		char host[REDIS_SERVER_MAX];
		int port;

		if (!redis_server_read(settings->servers[i], host, &port) || (!port && settings->kind != REDIS_ONE))
			return err_set(reterr, -EINVAL, "'%s' is no %s: write HOST:PORT%s", settings->servers[i], what[settings->kind],
				settings->kind == REDIS_ONE ? ", or the absolute path of a unix socket" : "");
		if (!port && settings->tls)
			return err_set(reterr, -EINVAL, "tls is for HOST:PORT: through a unix socket nobody listens");
	}
	if (settings->kind == REDIS_CLUSTER && settings->database)
		return err_set(reterr, -EINVAL, "a Cluster has one database: leave out 'database %lld'", (long long)settings->database);
	if (settings->kind == REDIS_CLUSTER && strpbrk(settings->prefix, "{}"))
		return err_set(reterr, -EINVAL, "prefix '%s': braces choose the slot in a Cluster, leave them out", settings->prefix);
	return 0;
}

static struct redis_servers *open_servers(struct redis *r, struct err *reterr)
{
	const struct store_redis_settings *settings = &r->settings;
	struct redis_servers_settings servers = {
		.link = { .reactor = settings->reactor, .user = settings->user, .password = settings->password, .database = settings->database, .tls = r->tls,
			.timeout_ms = settings->timeout_ms, .scripts = r->scripts, .script_count = STORE_VERBS },
		.kind = settings->kind,
		.takeover_ms = settings->takeover_ms,
		.servers = (const char *const *)r->servers,
		.server_count = settings->server_count,
		.master = settings->master,
		.sentinel_user = settings->sentinel_user,
		.sentinel_password = settings->sentinel_password,
		.changed = on_changed,
		.arg = r,
	};

	return redis_servers_new(&servers, reterr);
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
	r->working = 1;
	redis_op_scripts(r->scripts);
	if (!copy_texts(r)) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
	} else {
		if (settings->tls)
			r->tls = redis_tls_new(&settings->tls_files, reterr);
		if (r->tls || !settings->tls)
			r->on = open_servers(r, reterr);
		if (r->on)
			return &r->store;
	}
	redis_free(&r->store);
	return NULL;
}
