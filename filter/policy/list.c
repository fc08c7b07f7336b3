/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/hash.h"
#include "filter/base/vec.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"

#define ITEM_MAX 512 /* octets of a domain or an address */

const char *const list_type_words[] = { "domain", "network", "address", NULL };

struct list {
	char *name;
	enum sluice_list_type type;
	struct place place;
	size_t len;
	VEC(struct net) nets;
	struct hash_key key;
	char **table; /* of lower-case text, open addressing; at most half full */
	size_t slots;
};

struct list *list_new(const char *name, enum sluice_list_type type, struct place place)
{
	struct list *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->name = strdup(name);
	l->type = type;
	l->place = place;
	l->key = hash_key_random();
	if (!l->name) {
		free(l);
		return NULL;
	}
	return l;
}

void list_free(struct list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->slots; i++)
		free(l->table[i]);
	free(l->table);
	vec_done(&l->nets);
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
	return l->len;
}

static size_t slot_of(const struct list *l, char *const *table, size_t slots, const char *s, size_t len)
{
	size_t i = (size_t)hash_bytes(&l->key, s, len) & (slots - 1);

	while (table[i] && (strlen(table[i]) != len || memcmp(table[i], s, len) != 0))
		i = (i + 1) & (slots - 1);
	return i;
}

static bool table_grow(struct list *l)
{
	size_t slots = l->slots ? l->slots * 2 : 16;
	char **table;

	if (l->len * 2 < l->slots)
		return true;
	table = calloc(slots, sizeof *table);
	if (!table)
		return false;
	for (size_t i = 0; i < l->slots; i++)
		if (l->table[i])
			table[slot_of(l, table, slots, l->table[i], strlen(l->table[i]))] = l->table[i];
	free(l->table);
	l->table = table;
	l->slots = slots;
	return true;
}

static bool has_text(const struct list *l, const char *s, size_t len)
{
	return l->slots && l->table[slot_of(l, l->table, l->slots, s, len)];
}

/* Lower case into buf; false when it does not fit. */
static bool fold(const char *s, size_t len, char buf[ITEM_MAX])
{
	if (len >= ITEM_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		buf[i] = ascii_lower(s[i]);
	buf[len] = '\0';
	return true;
}

static int add_text(struct list *l, const char *item, size_t len, struct err *reterr)
{
	char folded[ITEM_MAX];
	size_t i;

	if (!table_grow(l) || !fold(item, len, folded))
		return err_set(reterr, -ENOMEM, "out of memory");
	i = slot_of(l, l->table, l->slots, folded, len);
	if (l->table[i])
		return 0; /* twice is once */
	l->table[i] = strdup(folded);
	if (!l->table[i])
		return err_set(reterr, -ENOMEM, "out of memory");
	l->len++;
	return 0;
}

static int add_net(struct list *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	struct net net;

	if (!net_parse(item, len, &net))
		return place_error(at, reterr, "'%.*s' is no network: write 192.0.2.0/24, 2001:db8::/32 or one address, "
			"with no bits set behind the prefix", (int)len, item);
	if (!vec_push(&l->nets, net))
		return err_set(reterr, -ENOMEM, "out of memory");
	l->len++;
	return 0;
}

int list_add(struct list *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	const char *at_sign;

	if (l->len >= LIST_MAX_ITEMS)
		return place_error(at, reterr, "list %s has more than %d items", l->name, LIST_MAX_ITEMS);
	switch (l->type) {
	case SLUICE_LIST_NETWORK:
		return add_net(l, item, len, at, reterr);
	case SLUICE_LIST_DOMAIN:
		if (len >= ITEM_MAX || !domain_valid(item + (*item == '.'), len - (*item == '.'), 1))
			return place_error(at, reterr, "'%.*s' is no domain: write example.org, or .example.org for all below it",
				(int)(len < 100 ? len : 100), item);
		return add_text(l, item, len, reterr);
	case SLUICE_LIST_ADDRESS:
		at_sign = memrchr(item, '@', len);
		if (len >= ITEM_MAX || !at_sign || !domain_valid(at_sign + 1, len - (size_t)(at_sign + 1 - item), 1))
			return place_error(at, reterr, "'%.*s' is no address: write user@example.org, or @example.org for all of a domain",
				(int)(len < 100 ? len : 100), item);
		return add_text(l, item, len, reterr);
	}
	return -EINVAL;
}

int list_add_file(struct list *l, const char *path, struct place at, struct err *reterr)
{
	struct source *file;
	struct err why;
	unsigned line = 0;
	int r = source_load(path, &file, &why);

	if (r == -ENOMEM)
		return err_set(reterr, r, "%s", why.text);
	if (r < 0)
		return place_error(at, reterr, "list %s: %s", l->name, why.text);

	for (const char *p = file->bytes, *end = file->bytes + file->len; r == 0 && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *next = eol ? eol + 1 : end;
		const char *hash = memchr(p, '#', (size_t)(next - p));
		const char *item = p, *stop = hash ? hash : next;

		line++;
		while (item < stop && ascii_is_space(*item))
			item++;
		while (stop > item && ascii_is_space(stop[-1]))
			stop--;
		if (stop > item)
			r = list_add(l, item, (size_t)(stop - item),
				(struct place){ file, line, (unsigned)(item - p) + 1 }, reterr);
		p = next;
	}
	source_free(file);
	return r;
}

bool list_has_domain(const struct list *l, const char *domain, size_t len)
{
	char name[ITEM_MAX];

	while (len && domain[len - 1] == '.')
		len--;
	if (l->type != SLUICE_LIST_DOMAIN || !len || !fold(domain, len, name))
		return false;
	if (has_text(l, name, len))
		return true;
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		if (has_text(l, dot, len - (size_t)(dot - name)))
			return true;
	return false;
}

bool list_has_ip(const struct list *l, const struct sluice_ip *ip)
{
	if (l->type != SLUICE_LIST_NETWORK)
		return false;
	for (size_t i = 0; i < l->nets.len; i++)
		if (net_contains(&l->nets.items[i], ip))
			return true;
	return false;
}

bool list_has_address(const struct list *l, const struct sluice_address *a)
{
	char text[ITEM_MAX];
	const char *at_sign;

	if (l->type != SLUICE_LIST_ADDRESS || a->null || !fold(a->text, a->len, text))
		return false;
	at_sign = strrchr(text, '@');
	return has_text(l, text, a->len) || (at_sign && has_text(l, at_sign, a->len - (size_t)(at_sign - text)));
}
