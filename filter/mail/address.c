/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/address.h"

#include <string.h>

#include "filter/base/arena.h"
#include "filter/base/ascii.h"

const char *const address_route_words[] = { "plain", "source-route", "percent", "bang", "quoted-at", NULL };

static void trim(const char **bytes, size_t *len)
{
	while (*len > 0 && ascii_is_space((*bytes)[0])) {
		(*bytes)++;
		(*len)--;
	}
	while (*len > 0 && ascii_is_space((*bytes)[*len - 1]))
		(*len)--;
}

/* The last @ outside quotes, or NULL. */
static const char *find_last_at(const char *bytes, size_t len)
{
	const char *at = NULL;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '"')
			quoted = !quoted;
		else if (bytes[i] == '\\' && quoted)
			i++;
		else if (bytes[i] == '@' && !quoted)
			at = bytes + i;
	}
	return at;
}

struct sluice_address address_split(const char *bytes, size_t len)
{
	struct sluice_address a = { 0 };
	const char *at;

	if (len == 0)
		bytes = "";
	trim(&bytes, &len);
	if (len >= 2 && bytes[0] == '<' && bytes[len - 1] == '>') {
		bytes++;
		len -= 2;
		trim(&bytes, &len);
	}
	at = find_last_at(bytes, len);
	a.text = bytes;
	a.len = len;
	a.local = bytes;
	a.local_len = at ? (size_t)(at - bytes) : len;
	a.domain = at ? at + 1 : bytes + len;
	a.domain_len = len - (size_t)(a.domain - bytes);
	a.null = len == 0;
	return a;
}

bool address_copy(struct arena *arena, const char *bytes, size_t len, struct sluice_address *ret)
{
	struct sluice_address a = address_split(bytes, len);
	const char *copy = arena_copy(arena, a.text, a.len);

	if (!copy)
		return false;
	/* The domain ends where the text does, so one NUL serves both. */
	a.domain = copy + (a.domain - a.text);
	a.local = copy;
	a.text = copy;
	*ret = a;
	return true;
}

static struct sluice_address hop(const char *local, size_t local_len, const char *domain, size_t domain_len)
{
	return (struct sluice_address){
		.text = "",
		.local = local,
		.local_len = local_len,
		.domain = domain,
		.domain_len = domain_len,
	};
}

/* "@hop,@hop:user": to the first hop, with the route that is left, or the user alone. */
static struct sluice_address follow_source_route(const char *local, size_t len, const char *colon)
{
	size_t route_len = (size_t)(colon - local);
	const char *comma = memchr(local, ',', route_len);
	const char *end = comma ? comma : colon;

	return hop(end + 1, len - (size_t)(end + 1 - local), local + 1, (size_t)(end - local) - 1);
}

enum address_route address_route(const struct sluice_address *a, struct sluice_address *ret_next)
{
	const char *local = a->local, *mark;
	size_t len = a->local_len;
	enum address_route route;
	struct sluice_address next;

	if (len == 0)
		return ADDRESS_PLAIN;
	if (local[0] == '@' && (mark = memchr(local, ':', len))) {
		if (ret_next)
			*ret_next = follow_source_route(local, len, mark);
		return ADDRESS_SOURCE_ROUTE;
	}
	/* Quotes keep nobody from reading what is between them as an address of its own. */
	if (len >= 2 && local[0] == '"' && local[len - 1] == '"') {
		local++;
		len -= 2;
	}
	if ((mark = memrchr(local, '@', len)))
		route = ADDRESS_QUOTED_AT;
	else if ((mark = memrchr(local, '%', len)))
		route = ADDRESS_PERCENT;
	else if ((mark = memchr(local, '!', len)))
		route = ADDRESS_BANG;
	else
		return ADDRESS_PLAIN;

	if (route == ADDRESS_BANG)
		next = hop(mark + 1, len - (size_t)(mark + 1 - local), local, (size_t)(mark - local));
	else
		next = hop(local, (size_t)(mark - local), mark + 1, len - (size_t)(mark + 1 - local));
	if (ret_next)
		*ret_next = next;
	return route;
}
