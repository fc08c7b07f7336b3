/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h - the named lists of a configuration: domains, networks, addresses, patterns; from the configuration itself, from files
 * and folders, from databases, from Redis, from a mail server. What came from elsewhere is one counted contents that is swapped when it changes: a look-up
 * sees all of the old or all of the new.
 */
#ifndef POLICY_LIST_H
#define POLICY_LIST_H

#include "filter/policy/list_file.h"
#include "filter/policy/list_items.h"
#include "filter/services/store.h"

struct list;
extern const char *const list_type_words[]; /* in the order of enum sluice_list_type */

/* name is copied. NULL: no memory. */
struct list *list_new(const char *name, enum sluice_list_type type, struct place place);
void list_free(struct list *l); /* takes NULL */
const char *list_name(const struct list *l);
enum sluice_list_type list_type(const struct list *l);
struct place list_place(const struct list *l);
size_t list_len(const struct list *l);
/*
 * Add one item: a domain (`example.org` itself, `.example.org` what is below it), a network, an address (`user@example.org`,
 * `@example.org` all of a domain), or a pattern. Only while the list is made. -EINVAL with *reterr, -ENOMEM.
 */
int list_add(struct list *l, const char *item, size_t len, struct place at, struct err *reterr) SLUICE_MUST_USE;
/*
 * A source, which is read now, but for a set of Redis, and again by list_refresh(). at: where it is named. name: a path, the key of a set, a
 * parameter of Postfix, a class of Sendmail or "access"; where: the folder of main.cf, the path of sendmail.cf, or NULL. Both are copied. optional: a mail
 * server that is not installed has no items; when it comes, it is read. As list_add().
 */
enum list_kind { LIST_FILE, LIST_FOLDER, LIST_CDB, LIST_REDIS, LIST_POSTFIX, LIST_SENDMAIL };
int list_add_source(struct list *l, enum list_kind kind, const char *name, const char *where, bool optional, struct place at,
	struct err *reterr) SLUICE_MUST_USE;

/*
 * Take the new contents if the files have changed and no more did since the last call, so that one that is being written is
 * not read half. For one thread; look-ups may go on meanwhile. 1: taken; 0: nothing new; -errno with *reterr, once for
 * each change and reason: the old contents stay. needed: an empty list is an error, too. store: for sets of Redis; NULL: there is none. What failed by no file's fault is tried
 * again now and then.
 */
int list_refresh(struct list *l, bool needed, struct store *store, struct err *reterr);
/* A list with a set of Redis is read now, for the first time. As list_refresh(). */
int list_read(struct list *l, struct store *store, struct err *reterr);
/* It has a set of Redis that was not read yet: what is in it is not known. Any thread. */
bool list_unread(const struct list *l);
/* Why the contents are older than the files. False: they are not. Any thread. */
bool list_stale(const struct list *l, struct err *ret);

/* Each item with its place, those of the configuration first, then those of the files, which are read again. As list_file_each(). */
int list_each(const struct list *l, list_line_fn fn, void *arg, struct err *reterr) SLUICE_MUST_USE;
/* It may be empty, as a source is optional. */
bool list_optional(const struct list *l);
/* The first source of this kind; NULL: there is none. */
const char *list_first(const struct list *l, enum list_kind kind);

/* Each is false for a list of another type. Any threads. */
bool list_has_domain(const struct list *l, const char *domain, size_t len);
bool list_has_ip(const struct list *l, const struct sluice_ip *ip);
bool list_has_address(const struct list *l, const struct sluice_address *a);
bool list_has_match(const struct list *l, const char *text, size_t len); /* one of its patterns matches */

#endif
