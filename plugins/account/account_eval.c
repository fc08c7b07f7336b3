/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/account/account_eval.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/vec.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"

struct sender {
	const char *account, *address; /* small letters, in the table's own copy of its file */
	size_t account_len, address_len;
};

struct account_table {
	char *bytes;
	VEC(struct sender) senders; /* sorted by account */
};

static int compare(const void *a, const void *b)
{
	const struct sender *x = a, *y = b;
	size_t least = x->account_len < y->account_len ? x->account_len : y->account_len;
	int order = memcmp(x->account, y->account, least);

	return order ? order : (x->account_len > y->account_len) - (x->account_len < y->account_len);
}

/* The next word of a line; false: there is none. */
static bool next_word(const char **at, const char *end, const char **word, size_t *len)
{
	while (*at < end && ascii_is_space(**at))
		(*at)++;
	*word = *at;
	while (*at < end && !ascii_is_space(**at))
		(*at)++;
	*len = (size_t)(*at - *word);
	return *len > 0 && **word != '#';
}

static bool good_address(const char *s, size_t len)
{
	struct sluice_address a = address_split(s, len);

	return a.len == len && domain_valid(a.domain, a.domain_len, 1);
}

static int wrong(struct sluice_config_error *reterr, const char *name, unsigned line, const char *what, const char *word, size_t len)
{
	(void)snprintf(reterr->text, sizeof reterr->text, "%.120s:%u: %s%s%.*s%s", name, line, what, len ? " '" : "", len > 40 ? 40 : (int)len, word,
		len ? "'" : "");
	return -EINVAL;
}

static int parse_line(struct account_table *t, const char *name, unsigned line, const char *at, const char *end, struct sluice_config_error *reterr)
{
	struct sender s;
	size_t before = t->senders.len;

	if (!next_word(&at, end, &s.account, &s.account_len))
		return 0;
	while (next_word(&at, end, &s.address, &s.address_len)) {
		if (!good_address(s.address, s.address_len))
			return wrong(reterr, name, line, "write user@example.org or @example.org after the account, and not", s.address, s.address_len);
		if (t->senders.len == ACCOUNT_MAX_SENDERS)
			return wrong(reterr, name, line, "more than a million addresses", "", 0);
		if (!vec_push(&t->senders, s))
			return -ENOMEM;
	}
	if (t->senders.len == before)
		return wrong(reterr, name, line, "there is no address after the account", s.account, s.account_len);
	return 0;
}

int account_table_parse(const char *name, const char *bytes, size_t len, struct account_table **ret, struct sluice_config_error *reterr)
{
	struct account_table *t = calloc(1, sizeof *t);
	const char *at, *end;
	int r = 0;

	if (!t || !(t->bytes = malloc(len + 1))) {
		account_table_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < len; i++)
		t->bytes[i] = ascii_lower(bytes[i]);
	at = t->bytes;
	end = t->bytes + len;
	for (unsigned line = 1; r == 0 && at < end; line++) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		r = parse_line(t, name, line, at, eol ? eol : end, reterr);
		at = eol ? eol + 1 : end;
	}
	if (r < 0) {
		account_table_free(t);
		return r;
	}
	if (t->senders.len)
		qsort(t->senders.items, t->senders.len, sizeof *t->senders.items, compare);
	*ret = t;
	return 0;
}

void account_table_free(struct account_table *t)
{
	if (!t)
		return;
	vec_done(&t->senders);
	free(t->bytes);
	free(t);
}

/* The first sender of this account, or where it would stand. */
static size_t find(const struct account_table *t, const struct sender *wanted)
{
	size_t low = 0, high = t->senders.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&t->senders.items[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool matches(const struct sender *s, const char *address, size_t len)
{
	if (*s->address == '@')
		return len > s->address_len && ascii_equal(address + len - s->address_len, s->address_len, s->address, s->address_len);
	return ascii_equal(address, len, s->address, s->address_len);
}

bool account_may_send(const struct account_table *t, const char *account, size_t len, const char *address, size_t address_len)
{
	char small[SLUICE_STORE_KEY_MAX];
	struct sender wanted = { .account = small, .account_len = len };

	if (!address_len || (memchr(account, '@', len) && ascii_equal(account, len, address, address_len)))
		return true;
	if (len > sizeof small)
		return false;
	for (size_t i = 0; i < len; i++)
		small[i] = ascii_lower(account[i]);
	for (size_t i = find(t, &wanted); i < t->senders.len && !compare(&t->senders.items[i], &wanted); i++)
		if (matches(&t->senders.items[i], address, address_len))
			return true;
	return false;
}
