/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/dkim_published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"
#include "filter/mail/dkim_record.h"
#include "filter/services/lookup.h"

const char *const dkim_found_words[] = {
	[DKIM_FOUND_GOOD] = "good",
	[DKIM_FOUND_TESTING] = "testing",
	[DKIM_FOUND_MISSING] = "missing",
	[DKIM_FOUND_OTHER] = "other",
	[DKIM_FOUND_REVOKED] = "revoked",
	[DKIM_FOUND_NOT_FOR_MAIL] = "not-for-mail",
	[DKIM_FOUND_SEVERAL] = "several",
	[DKIM_FOUND_UNANSWERED] = "unanswered",
};
const char *const dkim_found_texts[] = {
	[DKIM_FOUND_GOOD] = "good",
	[DKIM_FOUND_TESTING] = "good, but in test mode (t=y): to others the mail is not signed",
	[DKIM_FOUND_MISSING] = "missing: publish the record",
	[DKIM_FOUND_OTHER] = "another key is published: signatures will fail",
	[DKIM_FOUND_REVOKED] = "revoked (p= is empty): signatures will fail",
	[DKIM_FOUND_NOT_FOR_MAIL] = "not for mail and SHA-256 (s= or h=): signatures will fail",
	[DKIM_FOUND_SEVERAL] = "several keys are published under this name: leave one, or others take the wrong one",
	[DKIM_FOUND_UNANSWERED] = "the DNS does not answer",
};

bool dkim_found_is_bad(enum dkim_found found)
{
	return found != DKIM_FOUND_GOOD && found != DKIM_FOUND_TESTING && found != DKIM_FOUND_UNANSWERED;
}

struct wanted {
	char *name, *record;
};
struct wanted_list {
	struct wanted *items;
	size_t len, capacity;
	bool failed;
};

static void add_wanted(void *arg, const char *name, const char *record)
{
	struct wanted_list *list = arg;
	struct wanted w;

	for (size_t i = 0; i < list->len; i++) /* the same key signs and seals */
		if (!strcmp(list->items[i].name, name) && !strcmp(list->items[i].record, record))
			return;
	w = (struct wanted){ strdup(name), strdup(record) };
	if (w.name && w.record && vec_push(list, w))
		return;
	free(w.name);
	free(w.record);
	list->failed = true;
}

static enum dkim_found judge(const struct sluice_dns_answer *answer, const char *record)
{
	struct dkim_record theirs, next;
	size_t count = 0;

	if (!answer || answer->status == SLUICE_DNS_FAILED || answer->status == SLUICE_DNS_TIMEOUT)
		return DKIM_FOUND_UNANSWERED;
	for (size_t i = 0; i < answer->count; i++) {
		if (!dkim_record_parse(answer->records[i].data, answer->records[i].len, &next))
			continue; /* some zones answer everything with a record of another kind */
		theirs = next;
		count++;
	}
	if (count != 1)
		return count ? DKIM_FOUND_SEVERAL : DKIM_FOUND_MISSING;
	if (theirs.key_len == 0)
		return DKIM_FOUND_REVOKED;
	if (!dkim_record_has_key(&theirs, record))
		return DKIM_FOUND_OTHER;
	if (!theirs.for_mail)
		return DKIM_FOUND_NOT_FOR_MAIL;
	return theirs.testing ? DKIM_FOUND_TESTING : DKIM_FOUND_GOOD;
}

static void tell(const struct lookup *l, const struct wanted *w, void (*key)(void *arg, const struct dkim_published *p), void *arg)
{
	const struct dkim_published p = { w->name, w->record, judge(l->answer ? dns_answer_view(l->answer) : NULL, w->record) };

	key(arg, &p);
	dns_answer_unref(l->answer);
}

int dkim_published_each(const struct snapshot *s, const char *domain, void (*key)(void *arg, const struct dkim_published *p), void *arg)
{
	const struct catalog *c = &s->registry->catalog;
	struct wanted_list list = { .items = NULL };
	struct lookup *lookups = NULL;
	int result;

	for (size_t i = 0; i < c->plugins.len; i++)
		if (c->plugins.items[i]->published)
			c->plugins.items[i]->published(s->states[i], domain, add_wanted, &list);
	if (list.len)
		lookups = calloc(list.len, sizeof *lookups);
	result = list.failed || (list.len && !lookups) ? -ENOMEM : (int)list.len;
	for (size_t i = 0; result > 0 && i < list.len; i++)
		lookups[i] = (struct lookup){ .name = list.items[i].name, .type = SLUICE_DNS_TXT };
	if (result > 0)
		lookup_all(s->resolver, lookups, list.len);
	for (size_t i = 0; i < list.len; i++) {
		if (result > 0)
			tell(&lookups[i], &list.items[i], key, arg);
		free(list.items[i].name);
		free(list.items[i].record);
	}
	free(lookups);
	vec_done(&list);
	return result;
}
