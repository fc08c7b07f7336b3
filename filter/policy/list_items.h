/* SPDX-License-Identifier: BSD-2-Clause */
/* list_items.h - what is in a list: domains, networks, addresses or patterns, to be looked up. Filled by one thread, then read by any. */
#ifndef POLICY_LIST_ITEMS_H
#define POLICY_LIST_ITEMS_H

#include <stdbool.h>

#include "filter/base/ip.h"
#include "filter/policy/source.h"
#include "plugins/plugin.h"

#define LIST_MAX_ITEMS    1000000
#define LIST_MAX_PATTERNS 1000 /* each is tried */

struct list_items;

/* NULL: no memory. */
struct list_items *list_items_new(enum sluice_list_type type);
void list_items_free(struct list_items *l); /* takes NULL */
size_t list_items_len(const struct list_items *l);
/* As list_add(). */
int list_items_add(struct list_items *l, const char *item, size_t len, struct place at, struct err *reterr) SLUICE_MUST_USE;
bool list_item_valid(enum sluice_list_type type, const char *item, size_t len); /* could it be added? Pure. */
bool list_item_is_key(enum sluice_list_type type, const char *item, size_t len); /* and is it as list_keys_of_...() have it? Pure. */

/* Each is false for items of another type. */
bool list_items_domain(const struct list_items *l, const char *domain, size_t len);
bool list_items_ip(const struct list_items *l, const struct sluice_ip *ip);
bool list_items_address(const struct list_items *l, const struct sluice_address *a);
bool list_items_match(const struct list_items *l, const char *text, size_t len);
/*
 * The texts that are looked for when a domain, or an address, is: in small letters, with A-labels for U-labels, a NUL behind each. True: has() knows
 * one of them. Pure.
 */
bool list_keys_of_domain(const char *domain, size_t len, bool (*has)(const void *arg, const char *key, size_t len), const void *arg);
bool list_keys_of_address(const struct sluice_address *a, bool (*has)(const void *arg, const char *key, size_t len), const void *arg);
/*
 * Would this one item be found for this value: a domain, an IP address, a mail address with or without < >, or any text for a pattern? For
 * telling which item it was; a list is looked up by the functions above. Pure.
 */
bool list_item_matches(enum sluice_list_type type, const char *item, size_t item_len, const char *value, size_t len);

#endif
