/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/glob.h"
#include "filter/base/net_tree.h"
#include "filter/base/text_set.h"
#include "filter/base/utf8.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"

#define ITEM_MAX   TEXT_SET_MAX_LEN /* octets of a domain, an address or a pattern */
#define ITEM_SHOWN 100              /* octets of a bad one in a message */

struct list_items {
	enum sluice_list_type type;
	size_t len;
	struct net_tree nets;
	struct text_set texts; /* folded */
};

struct list_items *list_items_new(enum sluice_list_type type)
{
	struct list_items *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->type = type;
	text_set_init(&l->texts);
	return l;
}

void list_items_free(struct list_items *l)
{
	if (!l)
		return;
	net_tree_done(&l->nets);
	text_set_done(&l->texts);
	free(l);
}

size_t list_items_len(const struct list_items *l)
{
	return l->len;
}

struct folded {
	char text[ITEM_MAX];
	size_t len;
};

/*
 * Lower case, and what is from domain_at on as the DNS has it, without the dot that a zone file puts at its end: mail may have either form of a domain.
 * False: it does not fit, or the DNS cannot have it.
 */
static bool fold(const char *s, size_t len, size_t domain_at, struct folded *ret)
{
	const char *domain = s + domain_at;
	size_t domain_len = len - domain_at;
	char ascii[DOMAIN_ASCII_SIZE];

	domain_len -= domain_len && domain[domain_len - 1] == '.';
	if (!ascii_only(domain, domain_len)) {
		if (!domain_to_ascii(domain, domain_len, ascii))
			return false;
		domain = ascii;
		domain_len = strlen(ascii);
	}
	if (domain_at + domain_len >= ITEM_MAX)
		return false;
	for (size_t i = 0; i < domain_at; i++)
		ret->text[i] = ascii_lower(s[i]);
	for (size_t i = 0; i < domain_len; i++)
		ret->text[domain_at + i] = ascii_lower(domain[i]);
	ret->len = domain_at + domain_len;
	ret->text[ret->len] = '\0';
	return true;
}

static bool fold_address(const char *s, size_t len, struct folded *ret)
{
	const char *at_sign = memrchr(s, '@', len);

	return fold(s, len, at_sign ? (size_t)(at_sign - s) + 1 : len, ret);
}

static bool fold_item(enum sluice_list_type type, const char *item, size_t len, struct folded *ret)
{
	if (type == SLUICE_LIST_ADDRESS)
		return fold_address(item, len, ret);
	return fold(item, len, type == SLUICE_LIST_DOMAIN ? len && *item == '.' : len, ret);
}

static int bad(const char *item, size_t len, const char *remedy, struct place at, struct err *reterr)
{
	return place_error(at, reterr, "'%.*s' is no %s", (int)(len < ITEM_SHOWN ? len : ITEM_SHOWN), item, remedy);
}

static int add_text(struct list_items *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	struct folded folded;

	if (!fold_item(l->type, item, len, &folded))
		return bad(item, len, "domain that the DNS can have: write its A-labels (xn--...), if it has such", at, reterr);
	if (!text_set_add(&l->texts, folded.text, folded.len))
		return err_set(reterr, -ENOMEM, "out of memory");
	l->len = l->texts.len;
	return 0;
}

static int add_net(struct list_items *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	struct net net;

	if (!net_parse(item, len, &net))
		return place_error(at, reterr, "'%.*s' is no network: write 192.0.2.0/24, 2001:db8::/32 or one address, "
			"with no bits set behind the prefix", (int)(len < ITEM_SHOWN ? len : ITEM_SHOWN), item);
	if (!net_tree_add(&l->nets, &net))
		return err_set(reterr, -ENOMEM, "out of memory");
	l->len++;
	return 0;
}

static bool is_domain(const char *item, size_t len)
{
	return len < ITEM_MAX && domain_valid(item + (len && *item == '.'), len - (len && *item == '.'), 1);
}

/* A local part has blanks only in quotes (RFC 5321 4.1.2): without them, two addresses in a line would be one that nobody has. */
static bool is_address(const char *item, size_t len)
{
	const char *at_sign = memrchr(item, '@', len);
	bool blank = at_sign && *item != '"' && memchr(item, ' ', (size_t)(at_sign - item));

	return len < ITEM_MAX && at_sign && !blank && domain_valid(at_sign + 1, len - (size_t)(at_sign + 1 - item), 1);
}

static bool is_pattern(const char *item, size_t len)
{
	return len && len < ITEM_MAX && utf8_valid(item, len);
}

bool list_item_valid(enum sluice_list_type type, const char *item, size_t len)
{
	struct folded folded;
	struct net net;

	switch (type) {
	case SLUICE_LIST_DOMAIN:
		return is_domain(item, len) && fold_item(type, item, len, &folded);
	case SLUICE_LIST_NETWORK:
		return net_parse(item, len, &net);
	case SLUICE_LIST_ADDRESS:
		return is_address(item, len) && fold_item(type, item, len, &folded);
	case SLUICE_LIST_PATTERN:
		return is_pattern(item, len);
	}
	return false;
}

static bool is_same(const void *arg, const char *key, size_t len)
{
	const struct folded *item = arg;

	return item->len == len && !memcmp(item->text, key, len);
}

bool list_item_is_key(enum sluice_list_type type, const char *item, size_t len)
{
	struct folded folded;

	return list_item_valid(type, item, len) && fold_item(type, item, len, &folded) && is_same(&folded, item, len);
}

int list_items_add(struct list_items *l, const char *item, size_t len, struct place at, struct err *reterr)
{
	size_t max = l->type == SLUICE_LIST_PATTERN ? LIST_MAX_PATTERNS : LIST_MAX_ITEMS;

	if (l->len >= max)
		return place_error(at, reterr, "more than %zu items in one list: make two lists of it", max);
	switch (l->type) {
	case SLUICE_LIST_NETWORK:
		return add_net(l, item, len, at, reterr);
	case SLUICE_LIST_DOMAIN:
		if (!is_domain(item, len))
			return bad(item, len, "domain: write example.org, or .example.org for all below it", at, reterr);
		break;
	case SLUICE_LIST_ADDRESS:
		if (!is_address(item, len))
			return bad(item, len, "address: write user@example.org, or @example.org for all of a domain", at, reterr);
		break;
	case SLUICE_LIST_PATTERN:
		if (!is_pattern(item, len))
			return bad(item, len, "pattern: write up to 511 octets of UTF-8, with * for any octets and ? for one", at, reterr);
		break;
	}
	return add_text(l, item, len, at, reterr);
}

bool list_keys_of_domain(const char *domain, size_t len, bool (*has)(const void *arg, const char *key, size_t len), const void *arg)
{
	struct folded name;

	while (len && domain[len - 1] == '.')
		len--;
	if (!len || !fold(domain, len, 0, &name))
		return false;
	if (has(arg, name.text, name.len))
		return true;
	for (const char *dot = strchr(name.text, '.'); dot; dot = strchr(dot + 1, '.'))
		if (has(arg, dot, name.len - (size_t)(dot - name.text)))
			return true;
	return false;
}

bool list_keys_of_address(const struct sluice_address *a, bool (*has)(const void *arg, const char *key, size_t len), const void *arg)
{
	struct folded f;
	const char *at_sign;

	if (a->null || !fold_address(a->text, a->len, &f))
		return false;
	at_sign = memrchr(f.text, '@', f.len);
	return has(arg, f.text, f.len) || (at_sign && has(arg, at_sign, f.len - (size_t)(at_sign - f.text)));
}

static bool has_text(const void *arg, const char *key, size_t len)
{
	return text_set_has(arg, key, len);
}

bool list_items_domain(const struct list_items *l, const char *domain, size_t len)
{
	return l->type == SLUICE_LIST_DOMAIN && list_keys_of_domain(domain, len, has_text, &l->texts);
}

bool list_items_ip(const struct list_items *l, const struct sluice_ip *ip)
{
	return l->type == SLUICE_LIST_NETWORK && net_tree_has(&l->nets, ip);
}

bool list_items_address(const struct list_items *l, const struct sluice_address *a)
{
	return l->type == SLUICE_LIST_ADDRESS && list_keys_of_address(a, has_text, &l->texts);
}

bool list_items_match(const struct list_items *l, const char *text, size_t len)
{
	const char *pattern;
	size_t pattern_len;

	if (l->type != SLUICE_LIST_PATTERN)
		return false;
	for (size_t at = 0; (pattern = text_set_next(&l->texts, &at, &pattern_len)) != NULL;)
		if (glob_matches(text, len, pattern, pattern_len))
			return true;
	return false;
}

bool list_item_matches(enum sluice_list_type type, const char *item, size_t item_len, const char *value, size_t len)
{
	struct sluice_address a;
	struct folded folded;
	struct sluice_ip ip;
	struct net net;

	switch (type) {
	case SLUICE_LIST_DOMAIN:
		return fold_item(type, item, item_len, &folded) && list_keys_of_domain(value, len, is_same, &folded);
	case SLUICE_LIST_NETWORK:
		return net_parse(item, item_len, &net) && ip_parse(value, len, &ip) && net_contains(&net, &ip);
	case SLUICE_LIST_ADDRESS:
		a = address_split(value, len);
		return fold_item(type, item, item_len, &folded) && list_keys_of_address(&a, is_same, &folded);
	case SLUICE_LIST_PATTERN:
		return glob_matches(value, len, item, item_len);
	}
	return false;
}
