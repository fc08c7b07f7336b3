/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/cleanup.h"
#include "filter/services/clock.h"
#include "filter/services/handover.h"
#include "filter/services/store_state.h"

#define COMMIT_MS   200   /* operations of this long are committed together, */
#define COMMIT_JOBS 256   /* and no more than these: until then each page that they change is in memory */
#define RETRY_MS    1000  /* after a failure, until it is tried again */
#define QUEUE_MAX   65536 /* operations that wait; one more fails at once */
#define PURGE_MAX   512   /* expired entries removed after a commit: by one transaction of its own, */
#define PURGE_LESS  4     /* or, without room for that, by several with a fourth of it, and so on */
#define INDEX_BYTES 8     /* the time of expiry in front of a key in the index, big-endian */
#define KEY_BYTES   (1 + STORE_KEY_MAX)
#define HEAD_BYTES  8     /* the time of expiry in front of an entry */

struct job {
	struct job *next;
	bool flush;                /* no operation: commit what was done so far */
	struct sluice_store_op op; /* its octets lie behind the job */
	void (*done)(void *arg, const struct sluice_store_answer *answer);
	void *arg;
};

struct flush {
	struct handover *handover;
	bool done;
};

struct lmdb {
	struct store store;
	struct store_lmdb_settings settings;
	MDB_env *env;
	MDB_dbi entries, index; /* key: verb and key; time of expiry, verb and key */
	int lock_fd;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct job *first, **last;
	size_t queued;
	bool closing, working;
	uint64_t asked, failed;

	/* the writer's own */
	MDB_txn *txn; /* with operations that are not committed; NULL: none */
	int64_t txn_began_ms, retry_ms;
	unsigned txn_jobs, jobs_max; /* jobs_max: COMMIT_JOBS; when the file was full it begins with one, and grows with each commit */
	struct store_state state;
	struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX];
};

static const char *const out_of_order = "the store is out of order";

/* ---- one operation ---- */

static void put_be64(unsigned char *to, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		to[i] = (unsigned char)n;
}

static uint64_t get_be64(const unsigned char *from)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | from[i];
	return n;
}

/* GET, PUT and DELETE of a value mean one entry. */
static unsigned char family(const struct sluice_store_op *op)
{
	enum sluice_store_verb verb = op->verb == SLUICE_STORE_DELETE ? op->entry.of : op->verb;

	return (unsigned char)('a' + (verb == SLUICE_STORE_PUT ? SLUICE_STORE_GET : verb));
}

static int read_entry(struct lmdb *l, MDB_val *key)
{
	MDB_val value;
	int e = mdb_get(l->txn, l->entries, key, &value);

	l->state.len = 0;
	l->state.expires_ms = 0;
	if (e == MDB_NOTFOUND)
		return 0;
	if (e || value.mv_size < HEAD_BYTES || value.mv_size - HEAD_BYTES > sizeof l->state.bytes)
		return e;
	l->state.expires_ms = (int64_t)get_be64(value.mv_data);
	l->state.len = value.mv_size - HEAD_BYTES;
	memcpy(l->state.bytes, (const char *)value.mv_data + HEAD_BYTES, l->state.len);
	return 0;
}

static void index_key(unsigned char *bytes, int64_t expires_ms, const MDB_val *key, MDB_val *ret)
{
	put_be64(bytes, (uint64_t)expires_ms);
	memcpy(bytes + INDEX_BYTES, key->mv_data, key->mv_size);
	*ret = (MDB_val){ INDEX_BYTES + key->mv_size, bytes };
}

static int write_entry(struct lmdb *l, MDB_val *key, int64_t old_expires_ms)
{
	unsigned char bytes[INDEX_BYTES + KEY_BYTES];
	MDB_val at, value = { HEAD_BYTES + l->state.len, NULL }, nothing = { 0, NULL };
	int e = 0;

	if (old_expires_ms && (old_expires_ms != l->state.expires_ms || !l->state.len)) {
		index_key(bytes, old_expires_ms, key, &at);
		e = mdb_del(l->txn, l->index, &at, NULL);
		e = e == MDB_NOTFOUND ? 0 : e;
	}
	if (e)
		return e;
	if (!l->state.len) {
		e = mdb_del(l->txn, l->entries, key, NULL);
		return e == MDB_NOTFOUND ? 0 : e;
	}
	e = mdb_put(l->txn, l->entries, key, &value, MDB_RESERVE);
	if (e)
		return e;
	put_be64(value.mv_data, (uint64_t)l->state.expires_ms);
	memcpy((char *)value.mv_data + HEAD_BYTES, l->state.bytes, l->state.len);
	index_key(bytes, l->state.expires_ms, key, &at);
	return mdb_put(l->txn, l->index, &at, &nothing, 0);
}

static int run_entry(struct lmdb *l, const struct sluice_store_op *op, MDB_val *key, int64_t now_us, struct sluice_store_answer *ret)
{
	int e = read_entry(l, key);
	int64_t old_expires_ms = l->state.expires_ms;
	bool changed;

	if (e)
		return e;
	store_state_apply(op, now_us, &l->state, ret, &changed);
	return changed ? write_entry(l, key, old_expires_ms) : 0;
}

/* Each item is an entry of its own: it expires by itself. */
static int run_tally(struct lmdb *l, const struct sluice_store_op *op, MDB_val *key, int64_t now_us, struct sluice_store_answer *ret)
{
	unsigned char *item = (unsigned char *)key->mv_data + key->mv_size;
	int e = 0;

	key->mv_size += STORE_ITEM_BYTES;
	for (size_t i = 0; !e && i < op->tally.count; i++) {
		put_be64(item, op->tally.items[i]);
		e = run_entry(l, op, key, now_us, ret);
		if (!e)
			memcpy(&l->tallies[i], ret->value, sizeof l->tallies[i]);
	}
	*ret = (struct sluice_store_answer){ .status = SLUICE_STORE_OK, .value = (const char *)l->tallies, .value_len = op->tally.count * sizeof *l->tallies };
	return e;
}

static int run(struct lmdb *l, const struct sluice_store_op *op, struct sluice_store_answer *ret)
{
	unsigned char bytes[KEY_BYTES];
	MDB_val key = { 1 + op->key_len, bytes };
	int64_t now_us = clock_wall_ms() * 1000;

	bytes[0] = family(op);
	memcpy(bytes + 1, op->key, op->key_len);
	return op->verb == SLUICE_STORE_TALLY ? run_tally(l, op, &key, now_us, ret) : run_entry(l, op, &key, now_us, ret);
}

/* ---- transactions ---- */

static void tell(struct lmdb *l, bool working, const char *why)
{
	bool was;

	(void)pthread_mutex_lock(&l->lock);
	was = l->working;
	l->working = working;
	(void)pthread_mutex_unlock(&l->lock);
	if (was != working && l->settings.changed)
		l->settings.changed(l->settings.arg, working, why);
}

static int begin(struct lmdb *l)
{
	int e;

	if (l->txn)
		return 0;
	e = mdb_txn_begin(l->env, NULL, 0, &l->txn);
	l->txn_began_ms = clock_mono_ms();
	l->txn_jobs = 0;
	if (e)
		l->txn = NULL;
	return e;
}

static int end(struct lmdb *l)
{
	int e = mdb_txn_commit(l->txn);

	l->txn = NULL; /* gone, whatever came of it */
	return e;
}

static void undo(struct lmdb *l)
{
	if (l->txn)
		mdb_txn_abort(l->txn);
	l->txn = NULL;
}

/* Up to `most` expired entries. */
static int remove_expired(struct lmdb *l, unsigned most, unsigned *ret_removed)
{
	int64_t now_ms = clock_wall_ms();
	MDB_cursor *cursor;
	MDB_val at, nothing;
	int e = mdb_cursor_open(l->txn, l->index, &cursor);

	if (e)
		return e;
	for (*ret_removed = 0; *ret_removed < most; ++*ret_removed) {
		unsigned char bytes[KEY_BYTES];
		MDB_val key = { 0, bytes };

		e = mdb_cursor_get(cursor, &at, &nothing, MDB_FIRST);
		if (e || at.mv_size <= INDEX_BYTES || at.mv_size > INDEX_BYTES + KEY_BYTES || (int64_t)get_be64(at.mv_data) > now_ms)
			break;
		key.mv_size = at.mv_size - INDEX_BYTES;
		memcpy(bytes, (const char *)at.mv_data + INDEX_BYTES, key.mv_size);
		e = mdb_cursor_del(cursor, 0);
		if (!e)
			e = mdb_del(l->txn, l->entries, &key, NULL);
		if (e && e != MDB_NOTFOUND)
			break;
	}
	mdb_cursor_close(cursor);
	return e == MDB_NOTFOUND ? 0 : e;
}

/*
 * Remove expired entries, with transactions of their own that are made smaller until there is room for them: each page that changes needs a
 * free one first, and one that becomes free is of use to the next transaction but one. *ret_removed 0: there are none, or no room at all.
 */
static int purge(struct lmdb *l, unsigned *ret_removed)
{
	unsigned most = PURGE_MAX, removed = 0;
	int e = 0;

	*ret_removed = 0;
	while (most && *ret_removed < PURGE_MAX) {
		e = begin(l);
		if (!e)
			e = remove_expired(l, most, &removed);
		if (!e)
			e = end(l);
		undo(l);
		if (e == MDB_MAP_FULL) {
			most /= PURGE_LESS;
			continue;
		}
		if (e)
			return e;
		*ret_removed += removed;
		if (removed < most)
			break;
	}
	return 0;
}

/* The file is full: all that has expired goes, as far as time allows. A few of many do not help, as a page is free when most of it is. */
static void make_room(struct lmdb *l)
{
	int64_t until_ms = clock_mono_ms() + COMMIT_MS;
	unsigned removed;

	while (purge(l, &removed) == 0 && removed && clock_mono_ms() < until_ms)
		;
}

static void fail(struct lmdb *l, int e)
{
	undo(l);
	l->retry_ms = clock_mono_ms() + RETRY_MS;
	tell(l, false, e == MDB_MAP_FULL ? "it has grown to its max_size: give it more, or wait until entries expire" : mdb_strerror(e));
	if (e == MDB_MAP_FULL) {
		l->jobs_max = 1;
		make_room(l);
	}
}

/* in_time: its time was up before there were jobs_max. Else it works again only when there is room for as many as ever: not in each second anew. */
static int commit(struct lmdb *l, bool in_time)
{
	unsigned removed;
	int e = end(l);

	if (!e)
		e = purge(l, &removed);
	if (e) {
		fail(l, e);
		return e;
	}
	if (l->jobs_max < COMMIT_JOBS)
		l->jobs_max++;
	if (in_time || l->jobs_max == COMMIT_JOBS)
		tell(l, true, NULL);
	return 0;
}

/* ---- the writer ---- */

static void answer(struct lmdb *l, const struct job *job, const struct sluice_store_answer *a)
{
	if (a->status == SLUICE_STORE_FAILED) {
		(void)pthread_mutex_lock(&l->lock);
		l->failed++;
		(void)pthread_mutex_unlock(&l->lock);
	}
	job->done(job->arg, a);
}

static void serve(struct lmdb *l, const struct job *job)
{
	struct sluice_store_answer a = { .status = SLUICE_STORE_FAILED, .why = out_of_order };
	int e = 0;

	if (job->flush) {
		if (l->txn)
			(void)commit(l, true);
		a.status = l->working ? SLUICE_STORE_OK : SLUICE_STORE_FAILED; /* only this thread changes it */
	} else if (l->txn || clock_mono_ms() >= l->retry_ms) {
		e = begin(l);
		if (!e)
			e = run(l, &job->op, &a);
		if (e)
			fail(l, e);
		else if (++l->txn_jobs >= l->jobs_max)
			e = commit(l, false);
	}
	if (e)
		a = (struct sluice_store_answer){ .status = SLUICE_STORE_FAILED, .why = out_of_order };
	answer(l, job, &a);
}

/* What is queued, or NULL when it is time to commit, or to end. */
static struct job *take(struct lmdb *l, bool *ret_closing)
{
	struct job *jobs;
	struct timespec until = { 0 };

	if (l->txn)
		until = clock_timespec(l->txn_began_ms + COMMIT_MS);
	(void)pthread_mutex_lock(&l->lock);
	while (!l->first && !l->closing) {
		if (!l->txn)
			(void)pthread_cond_wait(&l->wake, &l->lock);
		else if (pthread_cond_timedwait(&l->wake, &l->lock, &until))
			break;
	}
	jobs = l->first;
	l->first = NULL;
	l->last = &l->first;
	l->queued = 0;
	*ret_closing = l->closing && !jobs;
	(void)pthread_mutex_unlock(&l->lock);
	return jobs;
}

static void *writer(void *arg)
{
	struct lmdb *l = arg;
	bool closing = false;

	while (!closing) {
		struct job *job = take(l, &closing), *next;

		for (; job; job = next) {
			next = job->next;
			serve(l, job);
			free(job);
		}
		if (l->txn && (closing || clock_mono_ms() - l->txn_began_ms >= COMMIT_MS))
			(void)commit(l, true);
	}
	return NULL;
}

/* ---- the interface ---- */

static struct job *job_new(const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	size_t extra_len;
	const void *extra = store_op_extra(op, &extra_len);
	struct job *job = malloc(sizeof *job + extra_len + op->key_len + 1);
	void *bytes;

	if (!job)
		return NULL;
	*job = (struct job){ .op = *op, .done = done, .arg = arg };
	bytes = job + 1; /* items need this alignment: the key comes behind them */
	if (extra_len)
		memcpy(bytes, extra, extra_len);
	job->op.key = memcpy((char *)bytes + extra_len, op->key, op->key_len);
	if (op->verb == SLUICE_STORE_PUT)
		job->op.put.value = bytes;
	if (op->verb == SLUICE_STORE_SET)
		job->op.set.member = bytes;
	if (op->verb == SLUICE_STORE_TALLY)
		job->op.tally.items = bytes;
	return job;
}

/* Give a job to the writer. job: NULL is a job for which there was no memory. */
static void enqueue(struct lmdb *l, struct job *job, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	static const struct sluice_store_answer full = { .status = SLUICE_STORE_FAILED, .why = "too many operations wait for the store" };
	bool taken;

	(void)pthread_mutex_lock(&l->lock);
	l->asked++;
	taken = job && l->queued < QUEUE_MAX && !l->closing;
	if (taken) {
		*l->last = job;
		l->last = &job->next;
		if (l->queued++ == 0)
			(void)pthread_cond_signal(&l->wake);
	} else {
		l->failed++;
	}
	(void)pthread_mutex_unlock(&l->lock);
	if (taken)
		return;
	free(job);
	done(arg, &full);
}

static void lmdb_run(struct store *s, const struct sluice_store_op *op, void (*done)(void *arg, const struct sluice_store_answer *answer), void *arg)
{
	enqueue((struct lmdb *)s, job_new(op, done, arg), done, arg);
}

static void on_flush(void *arg, const struct sluice_store_answer *answer)
{
	struct flush *flush = arg;

	flush->done = answer->status == SLUICE_STORE_OK;
	handover_done(flush->handover);
}

/* Everything that was answered is committed, and can be read. */
static bool flush(struct lmdb *l, int64_t timeout_ms)
{
	struct flush *flush = calloc(1, sizeof *flush);
	struct handover *h = flush ? handover_new(flush, free) : NULL;
	struct job *job = calloc(1, sizeof *job);
	bool done;

	if (!h) {
		free(flush);
		free(job);
		return false;
	}
	flush->handover = h;
	if (job)
		*job = (struct job){ .flush = true, .done = on_flush, .arg = flush };
	enqueue(l, job, on_flush, flush);
	done = handover_wait(h, timeout_ms) && flush->done;
	handover_leave(h);
	return done;
}

static struct store_stats lmdb_stats(struct store *s)
{
	struct lmdb *l = (struct lmdb *)s;
	struct store_stats stats = { 0 };
	MDB_txn *txn;
	MDB_stat st;

	if (mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn) == 0) {
		if (mdb_stat(txn, l->entries, &st) == 0)
			stats.entries = st.ms_entries;
		mdb_txn_abort(txn);
	}
	(void)pthread_mutex_lock(&l->lock);
	stats.asked = l->asked;
	stats.failed = l->failed;
	stats.working = l->working;
	(void)pthread_mutex_unlock(&l->lock);
	return stats;
}

/* The writer goes on meanwhile. */
static int lmdb_each(struct store *s, enum sluice_store_verb verb, const char *prefix, size_t limit, int64_t timeout_ms,
	void (*row)(void *arg, const struct store_row *row), void *arg)
{
	struct lmdb *l = (struct lmdb *)s;
	unsigned char start[KEY_BYTES] = { (unsigned char)('a' + verb) };
	size_t start_len = 1 + strnlen(prefix, STORE_KEY_MAX);
	int64_t now_ms = clock_wall_ms();
	MDB_cursor *cursor = NULL;
	MDB_val key = { start_len, start }, value;
	MDB_cursor_op step = MDB_SET_RANGE;
	MDB_txn *txn;
	int e = flush(l, timeout_ms) ? mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn) : EIO;

	if (e)
		return -EIO;
	memcpy(start + 1, prefix, start_len - 1);
	e = mdb_cursor_open(txn, l->entries, &cursor);
	for (; !e && limit && (e = mdb_cursor_get(cursor, &key, &value, step)) == 0; step = MDB_NEXT) {
		struct store_row r = { .key = (const char *)key.mv_data + 1, .key_len = key.mv_size - 1 };

		if (key.mv_size < start_len || memcmp(key.mv_data, start, start_len) != 0)
			break;
		r.expires_ms = value.mv_size < HEAD_BYTES ? 0 : (int64_t)get_be64(value.mv_data) - now_ms;
		if (r.expires_ms <= 0)
			continue;
		row(arg, &r);
		limit--;
	}
	if (cursor)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return e == 0 || e == MDB_NOTFOUND ? 0 : -EIO;
}

static void lmdb_free(struct store *s)
{
	struct lmdb *l = (struct lmdb *)s;

	if (l->started) {
		(void)pthread_mutex_lock(&l->lock);
		l->closing = true;
		(void)pthread_cond_signal(&l->wake);
		(void)pthread_mutex_unlock(&l->lock);
		(void)pthread_join(l->thread, NULL);
	}
	if (l->env)
		mdb_env_close(l->env);
	if (l->lock_fd >= 0)
		(void)close(l->lock_fd);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->wake);
	free(l);
}

/* LMDB itself lets several processes work with one environment; the lock is there so that nobody starts a second daemon by mistake. */
static void lmdb_share(struct store *s, bool yes)
{
	(void)flock(((struct lmdb *)s)->lock_fd, yes ? LOCK_UN : LOCK_EX | LOCK_NB);
}

static const struct store_home home = {
	.run = lmdb_run, .each = lmdb_each, .stats = lmdb_stats, .free = lmdb_free, .share = lmdb_share
};

/* The file must reach as far as it says itself: reading beyond its end would be the end of the process. */
static int check_file(struct lmdb *l, struct err *reterr)
{
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	int fd;

	if (mdb_env_info(l->env, &info) || mdb_env_stat(l->env, &st) || mdb_env_get_fd(l->env, &fd) || fstat(fd, &file) < 0)
		return err_set(reterr, -EIO, "%s: LMDB does not say how large it is", l->settings.path);
	if ((uint64_t)file.st_size < (uint64_t)(info.me_last_pgno + 1) * st.ms_psize && info.me_last_pgno > 1)
		return err_set(reterr, -EIO, "%s/data.mdb is cut off: restore it, or remove it and begin with an empty store", l->settings.path);
	return 0;
}

static int open_tables(struct lmdb *l)
{
	MDB_txn *txn;
	int e = mdb_txn_begin(l->env, NULL, 0, &txn);

	if (e)
		return e;
	e = mdb_dbi_open(txn, "entries", MDB_CREATE, &l->entries);
	if (!e)
		e = mdb_dbi_open(txn, "index", MDB_CREATE, &l->index);
	if (e) {
		mdb_txn_abort(txn);
		return e;
	}
	return mdb_txn_commit(txn);
}

/* LMDB lets several processes in; two writers with a commit every fifth of a second would wait for each other. */
static int take_folder(struct lmdb *l, struct err *reterr)
{
	const char *path = l->settings.path;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(reterr, -errno, "%s: cannot be made: %s", path, strerror(errno));
	l->lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->lock_fd < 0)
		return err_set(reterr, -errno, "%s: cannot be opened: %s", path, strerror(errno));
	if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(reterr, -EBUSY, "%s: another process has it: is sluiced running?", path);
	return 0;
}

/* Made by root before it is given up: another start may be without root. */
static int give_away(const struct lmdb *l, struct err *reterr)
{
	static const char *const names[] = { "", "/data.mdb", "/lock.mdb" };
	const struct passwd *pw = l->settings.user && *l->settings.user && geteuid() == 0 ? getpwnam(l->settings.user) : NULL;
	char path[PATH_MAX];

	for (size_t i = 0; pw && i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof path, "%s%s", l->settings.path, names[i]);
		if (lchown(path, pw->pw_uid, pw->pw_gid) < 0)
			return err_set(reterr, -errno, "%s: cannot be given to %s: %s", path, l->settings.user, strerror(errno));
	}
	return 0;
}

static int open_env(struct lmdb *l, struct err *reterr)
{
	int e = mdb_env_create(&l->env);

	if (!e)
		e = mdb_env_set_maxdbs(l->env, 2);
	if (!e)
		e = mdb_env_set_mapsize(l->env, l->settings.max_bytes);
	if (!e) /* NOTLS: a reader's slot belongs to its transaction, as threads come and go */
		e = mdb_env_open(l->env, l->settings.path, MDB_NOTLS | MDB_NOMETASYNC, 0600);
	if (e)
		return err_set(reterr, -EIO, "%s: cannot be opened: %s", l->settings.path, mdb_strerror(e));
	if (check_file(l, reterr) < 0)
		return -EIO;
	if (give_away(l, reterr) < 0)
		return -EIO;
	e = open_tables(l);
	return e ? err_set(reterr, -EIO, "%s: cannot be used: %s", l->settings.path, mdb_strerror(e)) : 0;
}

static int start(struct lmdb *l, struct err *reterr)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&l->thread, NULL, writer, l);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	l->started = r == 0;
	return r ? err_set(reterr, -r, "no thread: %s", strerror(r)) : 0;
}

struct store *store_lmdb_open(const struct store_lmdb_settings *settings, struct err *reterr)
{
	struct lmdb *l = calloc(1, sizeof *l);

	if (!l) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	l->store.home = &home;
	l->settings = *settings;
	l->lock_fd = -1;
	l->last = &l->first;
	l->working = true;
	l->jobs_max = COMMIT_JOBS;
	(void)pthread_mutex_init(&l->lock, NULL);
	clock_cond_init(&l->wake);
	if (take_folder(l, reterr) < 0 || open_env(l, reterr) < 0 || start(l, reterr) < 0) {
		lmdb_free(&l->store);
		return NULL;
	}
	return &l->store;
}
