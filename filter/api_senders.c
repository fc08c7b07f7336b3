/* SPDX-License-Identifier: BSD-2-Clause */
/* api_senders.c - who sends, as the cases in memory tell: the authors' domains of which DMARC says something, and accounts. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "filter/api_read.h"
#include "filter/base/json.h"

#define DOMAINS_MAX  1000
#define ACCOUNTS_MAX 1000
#define CLIENTS_MAX  32 /* of an account, that are told apart */
#define IP_BYTES     46

/* The summaries of all cases, as JSON. NULL: no memory. */
static json_t *all_cases(const struct api_request *q)
{
	SLUICE_CLEANUP(text_done) struct text cases = TEXT_INIT(HTTP_ANSWER_MAX);
	const struct history_filter all = { .limit = 0 };

	text_addc(&cases, '[');
	(void)history_list(q->of->history, &all, &cases);
	text_addc(&cases, ']');
	return cases.failed ? NULL : json_loadb(text_str(&cases), cases.len, 0, NULL);
}

static const char *str(const json_t *c, const char *key)
{
	return json_string_value(json_object_get(c, key));
}

/* ---- DMARC ---- */

struct domain {
	char name[256];
	int64_t pass, fail, other;
};

struct domains {
	struct domain *items;
	size_t len;
};

static void count_domain(struct domains *d, const char *name, const char *result)
{
	struct domain *found = NULL;

	for (size_t i = 0; i < d->len && !found; i++)
		if (!strcmp(d->items[i].name, name))
			found = &d->items[i];
	if (!found) {
		if (d->len == DOMAINS_MAX || strlen(name) >= sizeof found->name)
			return;
		found = &d->items[d->len++];
		*found = (struct domain){ .pass = 0 };
		memcpy(found->name, name, strlen(name));
	}
	if (!strcmp(result, "pass"))
		found->pass++;
	else if (!strcmp(result, "fail"))
		found->fail++;
	else
		found->other++;
}

static int by_failures(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;

	if (x->fail != y->fail)
		return x->fail < y->fail ? 1 : -1;
	return strcmp(x->name, y->name);
}

void api_dmarc(const struct api_request *q)
{
	struct domains d = { .items = calloc(DOMAINS_MAX, sizeof(struct domain)) };
	struct text *out = &q->answer->body;
	json_t *list = d.items ? all_cases(q) : NULL, *c;
	size_t i;

	json_array_foreach(list, i, c)
		if (str(c, "author_domain") && str(c, "dmarc"))
			count_domain(&d, str(c, "author_domain"), str(c, "dmarc"));
	json_decref(list);
	if (d.len)
		qsort(d.items, d.len, sizeof d.items[0], by_failures);
	json_open(out, NULL, '{');
	json_open(out, "domains", '[');
	for (i = 0; i < d.len; i++) {
		json_open(out, NULL, '{');
		json_str(out, "domain", d.items[i].name);
		json_int(out, "pass", d.items[i].pass);
		json_int(out, "fail", d.items[i].fail);
		json_int(out, "other", d.items[i].other);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_close(out, '}');
	free(d.items);
}

/* ---- accounts ---- */

struct account {
	char name[256], last_client[IP_BYTES];
	char clients[CLIENTS_MAX][IP_BYTES];
	size_t client_count;
	int64_t cases, recipients, last_s;
	int64_t held, deferred, refused;
};

struct accounts {
	struct account *items;
	size_t len;
};

static struct account *account_of(struct accounts *a, const char *name)
{
	struct account *found;

	for (size_t i = 0; i < a->len; i++)
		if (!strcasecmp(a->items[i].name, name))
			return &a->items[i];
	if (a->len == ACCOUNTS_MAX || strlen(name) >= sizeof found->name)
		return NULL;
	found = &a->items[a->len++];
	*found = (struct account){ .cases = 0 };
	memcpy(found->name, name, strlen(name));
	return found;
}

static void note_client(struct account *a, const char *ip)
{
	if (strlen(ip) >= IP_BYTES)
		return;
	if (!a->client_count)
		memcpy(a->last_client, ip, strlen(ip) + 1); /* the newest case comes first */
	for (size_t i = 0; i < a->client_count; i++)
		if (!strcmp(a->clients[i], ip))
			return;
	if (a->client_count < CLIENTS_MAX)
		memcpy(a->clients[a->client_count++], ip, strlen(ip) + 1);
}

static void count_account(struct accounts *all, const json_t *c)
{
	const char *verdict = str(c, "verdict"), *ip = str(c, "client");
	struct account *a = account_of(all, str(c, "user"));

	if (!a)
		return;
	if (!a->cases++)
		a->last_s = json_integer_value(json_object_get(c, "time"));
	a->recipients += json_integer_value(json_object_get(c, "recipient_count"));
	a->held += !strcmp(verdict, "hold");
	a->deferred += !strcmp(verdict, "tempfail");
	a->refused += !strcmp(verdict, "reject");
	if (ip)
		note_client(a, ip);
}

static int by_trouble(const void *a, const void *b)
{
	const struct account *x = a, *y = b;
	int64_t bad_x = x->held + x->deferred + x->refused, bad_y = y->held + y->deferred + y->refused;

	if (bad_x != bad_y)
		return bad_x < bad_y ? 1 : -1;
	if (x->recipients != y->recipients)
		return x->recipients < y->recipients ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void put_account(struct text *out, const struct account *a)
{
	json_open(out, NULL, '{');
	json_str(out, "account", a->name);
	json_int(out, "cases", a->cases);
	json_int(out, "recipients", a->recipients);
	json_int(out, "held", a->held);
	json_int(out, "tempfail", a->deferred);
	json_int(out, "reject", a->refused);
	json_int(out, "clients", (int64_t)a->client_count);
	json_str(out, "last_client", *a->last_client ? a->last_client : NULL);
	json_int(out, "last", a->last_s);
	json_close(out, '}');
}

void api_accounts(const struct api_request *q)
{
	struct accounts all = { .items = calloc(ACCOUNTS_MAX, sizeof(struct account)) };
	struct text *out = &q->answer->body;
	json_t *list = all.items ? all_cases(q) : NULL, *c;
	size_t i;

	json_array_foreach(list, i, c)
		if (str(c, "user") && *str(c, "user"))
			count_account(&all, c);
	json_decref(list);
	if (all.len)
		qsort(all.items, all.len, sizeof all.items[0], by_trouble);
	json_open(out, NULL, '{');
	json_open(out, "accounts", '[');
	for (i = 0; i < all.len; i++)
		put_account(out, &all.items[i]);
	json_close(out, ']');
	json_close(out, '}');
	free(all.items);
}
