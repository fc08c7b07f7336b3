/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h - the named lists of a configuration: domains, networks, addresses; from the configuration itself and from files. */
#ifndef POLICY_LIST_H
#define POLICY_LIST_H

#include <stdbool.h>

#include "filter/base/ip.h"
#include "filter/policy/source.h"
#include "plugins/plugin.h"

#define LIST_MAX_ITEMS 1000000

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
 * Add one item: a domain (`example.org` itself, `.example.org` what is below it), a network, or an address
 * (`user@example.org`, `@example.org` all of a domain). -EINVAL with *reterr, -ENOMEM.
 */
int list_add(struct list *l, const char *item, size_t len, struct place at, struct err *reterr) SLUICE_MUST_USE;
/* One item a line, # comments. at: where the file is named. */
int list_add_file(struct list *l, const char *path, struct place at, struct err *reterr) SLUICE_MUST_USE;

bool list_has_domain(const struct list *l, const char *domain, size_t len);
bool list_has_ip(const struct list *l, const struct sluice_ip *ip);
bool list_has_address(const struct list *l, const struct sluice_address *a);

#endif
