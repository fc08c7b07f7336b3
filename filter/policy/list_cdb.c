/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list_cdb.h"

#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_SHOWN 100
#define TABLES    256 /* pointers to them, of eight octets each, begin the file */

struct list_cdb {
	enum sluice_list_type type;
	struct cdb cdb;   /* a search changes it: each has its own copy, of the same mapping */
	size_t len;
	bool plain, nul; /* there are keys without, and with, a NUL behind them */
};

static int no_cdb(const char *path, struct err *reterr)
{
	return err_set(reterr, -EINVAL, "%s: this is no cdb, or it was cut: make it with 'postmap cdb:FILE' or 'cdb -c FILE'", path);
}

/* The mapping stays when the descriptor goes. */
static int map(const char *path, struct cdb *ret, struct err *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	r = cdb_init(ret, fd);
	(void)close(fd);
	ret->cdb_fd = -1;
	return r < 0 ? no_cdb(path, reterr) : 0;
}

/* Are all its tables there, with two places for each key? A file that was cut has its keys first, and would look like a short one. */
static bool is_whole(const struct cdb *cdb, size_t keys)
{
	unsigned char pointers[TABLES * 8];
	uint64_t places = 0;

	if (cdb_read(cdb, pointers, sizeof pointers, 0) < 0)
		return false;
	for (size_t i = 0; i < sizeof pointers; i += 8) {
		unsigned at = cdb_unpack(pointers + i), count = cdb_unpack(pointers + i + 4);

		if (count && (count > UINT32_MAX / 8 || !cdb_get(cdb, count * 8, at)))
			return false;
		places += count;
	}
	return places == 2 * (uint64_t)keys;
}

struct walk {
	enum sluice_list_type type;
	list_line_fn fn; /* may be NULL */
	void *arg;
	size_t count;
	bool plain, nul;
};

static int see_key(struct walk *w, const char *path, const char *key, size_t len, struct err *reterr)
{
	struct source at = { .path = (char *)(uintptr_t)path, .bytes = (char *)(uintptr_t)"" }; /* which are only read */
	bool nul = len && key[len - 1] == '\0';
	struct list_line line = { .item = key, .len = len - nul, .place = { &at, (unsigned)++w->count, 1 } };

	w->nul |= nul;
	w->plain |= !nul;
	if (!list_item_is_key(w->type, key, line.len))
		return err_set(reterr, -EINVAL, "%s: key %zu, '%.*s', is never found: it is no %s in small letters, with A-labels (xn--...) and no dot at its end", path, w->count,
			(int)(line.len < KEY_SHOWN ? line.len : KEY_SHOWN), key, w->type == SLUICE_LIST_DOMAIN ? "domain" : "address");
	return w->fn ? w->fn(w->arg, &line, reterr) : 0;
}

static int walk(struct walk *w, const char *path, struct cdb *cdb, struct err *reterr)
{
	unsigned at;
	int r = 0, more;

	cdb_seqinit(&at, cdb);
	while (r == 0 && (more = cdb_seqnext(&at, cdb)) != 0) {
		const char *key = more > 0 ? cdb_getkey(cdb) : NULL;

		r = key ? see_key(w, path, key, cdb_keylen(cdb), reterr) : no_cdb(path, reterr);
	}
	return r < 0 || is_whole(cdb, w->count) ? r : no_cdb(path, reterr);
}

int list_cdb_open(const char *path, enum sluice_list_type type, struct list_cdb **ret, struct err *reterr)
{
	struct list_cdb *l = calloc(1, sizeof *l);
	struct walk w = { .type = type };
	int r = l ? map(path, &l->cdb, reterr) : err_set(reterr, -ENOMEM, "out of memory");

	if (r < 0) {
		free(l);
		return r;
	}
	r = walk(&w, path, &l->cdb, reterr);
	l->type = type;
	l->len = w.count;
	l->plain = w.plain;
	l->nul = w.nul;
	if (r < 0) {
		list_cdb_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void list_cdb_free(struct list_cdb *l)
{
	if (!l)
		return;
	cdb_free(&l->cdb);
	free(l);
}

size_t list_cdb_len(const struct list_cdb *l)
{
	return l->len;
}

int list_cdb_each(const char *path, enum sluice_list_type type, list_line_fn fn, void *arg, struct err *reterr)
{
	struct walk w = { .type = type, .fn = fn, .arg = arg };
	struct cdb cdb;
	int r = map(path, &cdb, reterr);

	if (r < 0)
		return r;
	r = walk(&w, path, &cdb, reterr);
	cdb_free(&cdb);
	return r;
}

/* key: a NUL follows it. */
static bool has(const void *arg, const char *key, size_t len)
{
	const struct list_cdb *l = arg;
	struct cdb search = l->cdb;

	return (l->plain && cdb_find(&search, key, (unsigned)len) > 0) || (l->nul && cdb_find(&search, key, (unsigned)len + 1) > 0);
}

bool list_cdb_domain(const struct list_cdb *l, const char *domain, size_t len)
{
	return l->type == SLUICE_LIST_DOMAIN && list_keys_of_domain(domain, len, has, l);
}

bool list_cdb_address(const struct list_cdb *l, const struct sluice_address *a)
{
	return l->type == SLUICE_LIST_ADDRESS && list_keys_of_address(a, has, l);
}
