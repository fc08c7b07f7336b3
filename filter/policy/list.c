/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/hash.h"
#include "filter/base/vec.h"
#include "filter/policy/list_cdb.h"
#include "filter/policy/list_postfix.h"
#include "filter/policy/list_sendmail.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

const char *const list_type_words[] = { "domain", "network", "address", "pattern", NULL };

#define RETRY_MS      30000 /* after a program that has failed */
#define REDIS_LOOK_MS 10000 /* between two looks at a set of Redis: it does not say that it has changed */
#define REDIS_TIME_MS 5000  /* for one of a million members */

struct list_source {
	enum list_kind kind;
	char *name;  /* path, parameter of Postfix, class of Sendmail */
	char *where; /* main.cf's folder, sendmail.cf, or NULL */
	bool optional; /* a mail server that may not be installed */
	bool was_there; /* it was when it was read last */
	struct list_files files; /* of a mail server; list_refresh() alone, once the list is made */
};

struct list_entry {
	char *item;
	struct place place;
};

/* What came from files, once; goes with the last one who looks at it. */
struct contents {
	struct list_items *items;
	VEC(struct list_cdb *) databases;
	uint64_t sum; /* of what was read, whatever its order: two that are the same have the same */
	bool unread;  /* a set of Redis is not in it yet */
	unsigned references; /* under the lock of the list */
};

/* What changes: apart, as the list itself is const to all who look something up. */
struct shared {
	pthread_mutex_t lock; /* guards contents, stale and why */
	struct contents *contents;
	bool stale;
	struct err why;
	uint64_t loaded, seen; /* list_refresh() alone: marks of what was read, and of what the call before saw; */
	int64_t retry_ms;      /* and when to read again what has not changed; 0: never */
};

struct list {
	char *name;
	enum sluice_list_type type;
	struct place place;
	struct list_items *fixed; /* from the configuration, */
	VEC(struct list_entry) entries; /* and where they stand there */
	VEC(struct list_source) sources;
	struct shared *shared;
};

static struct contents *contents_new(enum sluice_list_type type)
{
	struct contents *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->references = 1;
	c->items = list_items_new(type);
	if (c->items)
		return c;
	free(c);
	return NULL;
}

static void contents_free(struct contents *c)
{
	if (!c)
		return;
	list_items_free(c->items);
	for (size_t i = 0; i < c->databases.len; i++)
		list_cdb_free(c->databases.items[i]);
	vec_done(&c->databases);
	free(c);
}

static size_t contents_len(const struct contents *c)
{
	size_t len = list_items_len(c->items);

	for (size_t i = 0; i < c->databases.len; i++)
		len += list_cdb_len(c->databases.items[i]);
	return len;
}

static struct contents *hold(const struct list *l)
{
	struct contents *c;

	(void)pthread_mutex_lock(&l->shared->lock);
	c = l->shared->contents;
	c->references++;
	(void)pthread_mutex_unlock(&l->shared->lock);
	return c;
}

static void let_go(const struct list *l, struct contents *c)
{
	bool last;

	(void)pthread_mutex_lock(&l->shared->lock);
	last = --c->references == 0;
	(void)pthread_mutex_unlock(&l->shared->lock);
	if (last)
		contents_free(c);
}

static void source_done(struct list_source *s)
{
	list_files_done(&s->files);
	free(s->name);
	free(s->where);
}

struct list *list_new(const char *name, enum sluice_list_type type, struct place place)
{
	struct list *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->name = strdup(name);
	l->type = type;
	l->place = place;
	l->fixed = list_items_new(type);
	l->shared = calloc(1, sizeof *l->shared);
	if (l->shared) {
		(void)pthread_mutex_init(&l->shared->lock, NULL);
		l->shared->contents = contents_new(type);
	}
	if (!l->name || !l->fixed || !l->shared || !l->shared->contents) {
		list_free(l);
		return NULL;
	}
	return l;
}

void list_free(struct list *l)
{
	if (!l)
		return;
	if (l->shared) {
		contents_free(l->shared->contents);
		(void)pthread_mutex_destroy(&l->shared->lock);
		free(l->shared);
	}
	for (size_t i = 0; i < l->sources.len; i++)
		source_done(&l->sources.items[i]);
	vec_done(&l->sources);
	for (size_t i = 0; i < l->entries.len; i++)
		free(l->entries.items[i].item);
	vec_done(&l->entries);
	list_items_free(l->fixed);
	free(l->name);
	free(l);
}

const char *list_name(const struct list *l)
{
	return l->name;
}

enum sluice_list_type list_type(const struct list *l)
{
	return l->type;
}

struct place list_place(const struct list *l)
{
	return l->place;
}

size_t list_len(const struct list *l)
{
	struct contents *c = hold(l);
	size_t len = list_items_len(l->fixed) + contents_len(c);

	let_go(l, c);
	return len;
}

int list_add(struct list *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	int r = list_items_add(l->fixed, item, len, at, reterr);
	struct list_entry entry = { r == 0 ? strndup(item, len) : NULL, at };

	if (r < 0 || (entry.item && vec_push(&l->entries, entry)))
		return r;
	free(entry.item);
	return err_set(reterr, -ENOMEM, "out of memory");
}

/* ---- sources ---- */

/* An optional mail server that has no settings, or has left them behind when it went. What tells that it has come is in files. 1: it is there. */
static int server_there(const struct list_source *s, struct list_files *files, struct err *reterr)
{
	bool postfix = s->kind == LIST_POSTFIX;
	char path[4096];
	int r;

	if (postfix)
		(void)snprintf(path, sizeof path, "%s/main.cf", s->where ? s->where : LIST_POSTFIX_FOLDER);
	else
		(void)snprintf(path, sizeof path, "%s", s->where ? s->where : LIST_SENDMAIL_CF);
	r = list_files_add(files, path, reterr);
	return r < 0 ? r : access(path, F_OK) == 0 && command_exists(postfix ? "postconf" : "makemap");
}

static int each_of(const struct list *l, const struct list_source *s, list_line_fn fn, void *arg, struct list_files *files,
	struct err *reterr)
{
	const struct list_postfix postfix = { s->name, s->where, l->type };
	const struct list_sendmail sendmail = { s->name, s->where, l->type };
	int there = s->optional ? server_there(s, files, reterr) : 1;

	if (there <= 0)
		return there;
	switch (s->kind) {
	case LIST_FILE:
		return list_file_each(s->name, fn, arg, reterr);
	case LIST_FOLDER:
		return list_folder_each(s->name, fn, arg, reterr);
	case LIST_REDIS:
		break; /* see read_set(): it is not read without a store */
	case LIST_CDB:
		return list_cdb_each(s->name, l->type, fn, arg, reterr);
	case LIST_POSTFIX:
		return list_postfix_each(&postfix, fn, arg, files, reterr);
	case LIST_SENDMAIL:
		return list_sendmail_each(&sendmail, fn, arg, files, reterr);
	}
	return 0;
}

static int add_line(void *arg, const struct list_line *line, struct err *reterr)
{
	static const struct hash_key fixed = { 0, 0 };
	struct contents *c = arg;

	c->sum += hash_bytes(&fixed, line->item, line->len);
	return list_items_add(c->items, line->item, line->len, line->place, reterr);
}

struct members {
	struct contents *contents;
	struct source at;
	unsigned count;
	int r;
	struct err *err;
};

static void add_member(void *arg, const char *bytes, size_t len)
{
	struct members *m = arg;
	const struct list_line line = { .item = bytes, .len = len, .place = { &m->at, ++m->count, 1 } };

	if (m->r == 0)
		m->r = add_line(m->contents, &line, m->err);
}

/* Without a store it stays as it is, unread. */
static int read_set(const struct list_source *s, struct contents *c, struct store *store, struct err *reterr)
{
	char name[300];
	struct members m = { .contents = c, .at = { .path = name, .bytes = (char *)(uintptr_t)"" }, .err = reterr };
	int r;

	c->unread |= !store;
	if (!store)
		return 0;
	(void)snprintf(name, sizeof name, "redis %.250s", s->name);
	r = store_members(store, s->name, LIST_MAX_ITEMS + 1, REDIS_TIME_MS, add_member, &m);
	if (r == -EINVAL)
		return err_set(reterr, -EINVAL, "%s: this is no set, or we may not see it: SADD makes one", name);
	return r < 0 ? err_set(reterr, r, "%s: the store does not answer", name) : m.r;
}

static bool of_server(const struct list_source *s)
{
	return s->kind == LIST_POSTFIX || s->kind == LIST_SENDMAIL;
}

static uint64_t source_mark(const struct list_source *s)
{
	if (s->kind == LIST_REDIS)
		return (uint64_t)(clock_mono_ms() / REDIS_LOOK_MS);
	return of_server(s) ? list_files_mark(&s->files) : list_file_mark(s->name, s->kind == LIST_FOLDER);
}

/* What is in a database stays there. */
static int open_database(const struct list *l, const struct list_source *s, struct contents *c, struct err *reterr)
{
	struct list_cdb *database;
	int r = list_cdb_open(s->name, l->type, &database, reterr);

	if (r < 0 || vec_push(&c->databases, database))
		return r;
	list_cdb_free(database);
	return err_set(reterr, -ENOMEM, "out of memory");
}

/*
 * A mail server that goes while we run may be on its way back, as when its settings are written anew: its domains are not forgotten for that, which
 * would refuse their mail for good.
 */
static int look_whether_there(struct list_source *s, struct err *reterr)
{
	struct list_files files = { 0 };
	int there = server_there(s, &files, reterr);

	list_files_done(&files);
	if (!there && s->was_there)
		return err_set(reterr, -ENOENT, "%s: %s has no settings there any more, or its programs are not installed: a reload takes that",
			s->where ? s->where : s->kind == LIST_POSTFIX ? LIST_POSTFIX_FOLDER : LIST_SENDMAIL_CF, s->kind == LIST_POSTFIX ? "Postfix" : "Sendmail");
	s->was_there = there > 0;
	return there < 0 ? there : 0;
}

/* The mark is from before it was read: what changes meanwhile is read again. */
static int read_source(const struct list *l, struct list_source *s, struct contents *c, struct store *store, uint64_t *mark, struct err *reterr)
{
	uint64_t before = source_mark(s);
	struct list_files files = { 0 };
	int r = s->optional ? look_whether_there(s, reterr) : 0;

	if (r == 0 && s->kind == LIST_CDB)
		r = open_database(l, s, c, reterr);
	else if (r == 0 && s->kind == LIST_REDIS)
		r = read_set(s, c, store, reterr);
	else if (r == 0)
		r = each_of(l, s, add_line, c, &files, reterr);

	if (files.paths.len) {
		list_files_done(&s->files);
		s->files = files;
		before = files.mark;
	}
	*mark = *mark * 31 + before;
	return r;
}

static uint64_t mark_of(const struct list *l)
{
	uint64_t mark = 0;

	for (size_t i = 0; i < l->sources.len; i++)
		mark = mark * 31 + source_mark(&l->sources.items[i]);
	return mark;
}

int list_add_source(struct list *l, enum list_kind kind, const char *name, const char *where, bool optional, struct place at,
	struct err *reterr)
{
	struct list_source source = { .kind = kind, .name = strdup(name), .where = where ? strdup(where) : NULL, .optional = optional };
	struct err why;
	int r;

	if (!source.name || (where && !source.where) || !vec_push(&l->sources, source)) {
		source_done(&source);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	r = read_source(l, &l->sources.items[l->sources.len - 1], l->shared->contents, NULL, &l->shared->loaded, &why);
	l->shared->seen = kind == LIST_REDIS ? ~l->shared->loaded : l->shared->loaded; /* a look later: the store has yet to be connected */
	if (r == 0 || r == -ENOMEM || r == -EINVAL)
		return r ? err_set(reterr, r, "%s", why.text) : 0;
	return place_error(at, reterr, "list %s: %s", l->name, why.text);
}

static int read_all(struct list *l, bool needed, struct contents *c, struct store *store, struct err *reterr)
{
	uint64_t mark = 0;
	int r = 0;

	for (size_t i = 0; i < l->sources.len; i++)
		if (r == 0)
			r = read_source(l, &l->sources.items[i], c, store, &mark, reterr);
		else
			mark = mark * 31 + source_mark(&l->sources.items[i]);
	l->shared->loaded = l->shared->seen = mark;
	if (r == 0 && needed && (!list_optional(l) || contents_len(l->shared->contents)) && contents_len(c) + list_items_len(l->fixed) == 0)
		return err_set(reterr, -EINVAL, "%s: nothing is left in list %s, which a check needs", l->sources.items[0].name, l->name);
	return r;
}

static void take(struct list *l, struct contents *fresh)
{
	struct contents *old;

	(void)pthread_mutex_lock(&l->shared->lock);
	old = l->shared->contents;
	l->shared->contents = fresh;
	l->shared->stale = false;
	(void)pthread_mutex_unlock(&l->shared->lock);
	let_go(l, old);
}

static int keep(struct list *l, const struct err *why, int r, struct err *reterr)
{
	bool known;

	(void)pthread_mutex_lock(&l->shared->lock);
	known = l->shared->stale && !strcmp(l->shared->why.text, why->text);
	l->shared->stale = true;
	l->shared->why = *why;
	(void)pthread_mutex_unlock(&l->shared->lock);
	*reterr = *why;
	return known ? 0 : r;
}

/* Sets of Redis are looked at whether they have changed or not: the same once more is no news. 1: taken. */
static int take_news(struct list *l, struct contents *fresh)
{
	const struct contents *old = l->shared->contents; /* which this thread alone exchanges */
	bool same = list_first(l, LIST_REDIS) && !old->unread && !l->shared->stale && old->sum == fresh->sum && contents_len(old) == contents_len(fresh);

	if (same)
		contents_free(fresh);
	else
		take(l, fresh);
	return !same;
}

static int read_again(struct list *l, bool needed, struct store *store, struct err *reterr)
{
	struct contents *fresh = contents_new(l->type);
	struct err why;
	int r = fresh ? read_all(l, needed, fresh, store, &why) : err_set(&why, -ENOMEM, "out of memory");

	if (r == 0)
		return take_news(l, fresh);
	contents_free(fresh);
	if (list_first(l, LIST_POSTFIX) || list_first(l, LIST_SENDMAIL))
		l->shared->retry_ms = clock_mono_ms() + RETRY_MS;
	return keep(l, &why, r, reterr);
}

int list_refresh(struct list *l, bool needed, struct store *store, struct err *reterr)
{
	uint64_t mark = mark_of(l), before = l->shared->seen;
	bool unread = list_unread(l) && store;

	l->shared->seen = mark;
	if (mark != before || (!unread && (mark == l->shared->loaded && !(l->shared->retry_ms && clock_mono_ms() >= l->shared->retry_ms))))
		return 0;
	l->shared->retry_ms = 0;
	return read_again(l, needed, store, reterr);
}

int list_read(struct list *l, struct store *store, struct err *reterr)
{
	return list_unread(l) ? read_again(l, false, store, reterr) : 0;
}

bool list_unread(const struct list *l)
{
	struct contents *c = hold(l);
	bool unread = c->unread;

	let_go(l, c);
	return unread;
}

bool list_stale(const struct list *l, struct err *ret)
{
	bool stale;

	(void)pthread_mutex_lock(&l->shared->lock);
	stale = l->shared->stale;
	if (stale)
		*ret = l->shared->why;
	(void)pthread_mutex_unlock(&l->shared->lock);
	return stale;
}

int list_each(const struct list *l, list_line_fn fn, void *arg, struct err *reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->entries.len; i++) {
		const struct list_entry *e = &l->entries.items[i];
		const struct list_line line = { .item = e->item, .len = strlen(e->item), .place = e->place };

		r = fn(arg, &line, reterr);
	}
	for (size_t i = 0; r == 0 && i < l->sources.len; i++) {
		struct list_files files = { 0 };

		r = each_of(l, &l->sources.items[i], fn, arg, &files, reterr);
		list_files_done(&files);
	}
	return r;
}

bool list_optional(const struct list *l)
{
	for (size_t i = 0; i < l->sources.len; i++)
		if (l->sources.items[i].optional)
			return true;
	return false;
}

const char *list_first(const struct list *l, enum list_kind kind)
{
	for (size_t i = 0; i < l->sources.len; i++)
		if (l->sources.items[i].kind == kind)
			return l->sources.items[i].name;
	return NULL;
}

/* ---- looking up ---- */

bool list_has_domain(const struct list *l, const char *domain, size_t len)
{
	struct contents *c = hold(l);
	bool has = list_items_domain(l->fixed, domain, len) || list_items_domain(c->items, domain, len);

	for (size_t i = 0; i < c->databases.len && !has; i++)
		has = list_cdb_domain(c->databases.items[i], domain, len);
	let_go(l, c);
	return has;
}

bool list_has_ip(const struct list *l, const struct sluice_ip *ip)
{
	struct contents *c = hold(l);
	bool has = list_items_ip(l->fixed, ip) || list_items_ip(c->items, ip);

	let_go(l, c);
	return has;
}

bool list_has_address(const struct list *l, const struct sluice_address *a)
{
	struct contents *c = hold(l);
	bool has = list_items_address(l->fixed, a) || list_items_address(c->items, a);

	for (size_t i = 0; i < c->databases.len && !has; i++)
		has = list_cdb_address(c->databases.items[i], a);
	let_go(l, c);
	return has;
}

bool list_has_match(const struct list *l, const char *text, size_t len)
{
	struct contents *c = hold(l);
	bool has = list_items_match(l->fixed, text, len) || list_items_match(c->items, text, len);

	let_go(l, c);
	return has;
}
