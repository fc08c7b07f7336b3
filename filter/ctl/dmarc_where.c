/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_where.c - where a report may go (RFC 9990 3): nobody gets the reports of strangers who has not said so in the DNS. */
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/dmarc.h"
#include "filter/services/lookup.h"
#include "filter/mail/domain.h"
#include "filter/mail/taglist.h"
#include "filter/services/dns.h"

#define LEVELS_MAX 8 /* names between an address and the organization (RFC 9989 4.10) */
#define NAME_SIZE  (2 * DOMAIN_ASCII_SIZE + 24)

static bool tag_is(const struct tag *t, const char *value)
{
	return t && t->value_len == strlen(value) && !memcmp(t->value, value, t->value_len);
}

/* v=DMARC1 comes first. */
static bool read_record(const struct sluice_dns_record *r, struct taglist *ret)
{
	return taglist_parse(r->data, r->len, ret) && ret->count && taglist_find(ret, "v") == &ret->tags[0] &&
	       tag_is(&ret->tags[0], "DMARC1");
}

/* ---- the domain's own organization ---- */

enum owner { OTHERS, OWN, UNKNOWN };

/* A record between the address' domain and the organization may make an organization of its own of it (RFC 9989 4.10). */
static enum owner owner_at(const struct lookup *l, bool is_org)
{
	const struct sluice_dns_answer *a = l->answer ? dns_answer_view(l->answer) : NULL;
	enum owner found = OWN;

	if (!a || a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT)
		return UNKNOWN;
	for (size_t i = 0; i < a->count && found == OWN; i++) {
		struct taglist tags;
		const struct tag *psd = read_record(&a->records[i], &tags) ? taglist_find(&tags, "psd") : NULL;

		if (tag_is(psd, "y") || (tag_is(psd, "n") && !is_org))
			found = OTHERS;
	}
	return found;
}

/* By the Tree Walk: all names from the address' domain up to the organization. */
static enum owner is_own_by_walk(struct resolver *r, const char *org, const char *domain)
{
	char names[LEVELS_MAX][NAME_SIZE];
	struct lookup lookups[LEVELS_MAX];
	enum owner own = OWN;
	size_t count = 0;

	for (const char *at = domain;; at = strchr(at, '.') + 1) {
		if (count == LEVELS_MAX)
			return OTHERS;
		(void)snprintf(names[count], NAME_SIZE, "_dmarc.%s", at);
		lookups[count] = (struct lookup){ .name = names[count], .type = SLUICE_DNS_TXT };
		count++;
		if (domain_equal(at, strlen(at), org, strlen(org)))
			break;
	}
	lookup_all(r, lookups, count);
	for (size_t i = 0; i < count; i++) {
		enum owner other = owner_at(&lookups[i], i + 1 == count);

		dns_answer_unref(lookups[i].answer);
		if (other == OTHERS)
			own = OTHERS;
		else if (other == UNKNOWN && own == OWN)
			own = UNKNOWN;
	}
	return own;
}

static enum owner is_own_by_list(const char *org, const char *domain)
{
	psl_ctx_t *psl = psl_latest(NULL);
	const char *theirs = psl ? psl_registrable_domain(psl, domain) : NULL;
	enum owner own = theirs && domain_equal(theirs, strlen(theirs), org, strlen(org)) ? OWN : OTHERS;

	psl_free(psl);
	return own;
}

static enum owner is_own(struct resolver *r, const struct dmarc_batch *b, const char *domain)
{
	if (domain_equal(domain, strlen(domain), b->report.domain, strlen(b->report.domain)) ||
		domain_equal(domain, strlen(domain), b->org, strlen(b->org)))
		return OWN;
	if (!*b->org || !domain_within(domain, strlen(domain), b->org, strlen(b->org)))
		return OTHERS;
	return b->report.discovery && !strcmp(b->report.discovery, "psl") ? is_own_by_list(b->org, domain)
	                                                                  : is_own_by_walk(r, b->org, domain);
}

/* ---- others ---- */

struct others {
	struct dmarc_destination *list;
	size_t count;
	const char *tag;
};

static void add(struct others *o, const struct dmarc_uri *uri, enum dmarc_where where, const char *why)
{
	struct dmarc_destination *d = &o->list[o->count];

	for (size_t i = 0; i < o->count; i++)
		if (!strcmp(o->list[i].uri.address, uri->address))
			return;
	if (o->count == DMARC_URIS_MAX)
		return;
	*d = (struct dmarc_destination){ *uri, where, why };
	d->uri.domain = strrchr(d->uri.address, '@') + 1;
	o->count++;
}

/* It takes reports about this domain; a rua, or ruf, of its own says to which of its addresses. */
static void add_authorized(struct others *o, const struct dmarc_uri *uri, const struct taglist *record)
{
	const struct tag *rua = taglist_find(record, o->tag);
	struct dmarc_uri others[DMARC_URIS_MAX];
	size_t count = rua ? dmarc_uris_read(rua->value, rua->value_len, others) : 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(others[i].domain, uri->domain) != 0) {
			add(o, uri, DMARC_NEVER,
				"it takes reports, but sends them on to another domain, which may not be");
			return;
		}
	for (size_t i = 0; i < count; i++)
		add(o, &others[i], DMARC_GO, NULL);
	if (count == 0)
		add(o, uri, DMARC_GO, NULL);
}

static void judge_other(struct others *o, const struct dmarc_uri *uri, const struct lookup *l)
{
	const struct sluice_dns_answer *a = l->answer ? dns_answer_view(l->answer) : NULL;
	struct taglist record;

	if (a && (a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT)) {
		add(o, uri, DMARC_LATER, "the DNS does not say whether it takes such reports");
		return;
	}
	for (size_t i = 0; a && i < a->count; i++)
		if (read_record(&a->records[i], &record)) {
			add_authorized(o, uri, &record);
			return;
		}
	add(o, uri, DMARC_NEVER, "its domain does not say in the DNS that it takes such reports");
}

size_t dmarc_destinations(
	struct resolver *r, const struct dmarc_batch *b, const char *tag, struct dmarc_destination ret[DMARC_URIS_MAX])
{
	char names[DMARC_URIS_MAX][NAME_SIZE];
	struct lookup lookups[DMARC_URIS_MAX];
	struct dmarc_uri uris[DMARC_URIS_MAX];
	struct dmarc_uri *others[DMARC_URIS_MAX];
	struct others o = { ret, 0, tag };
	size_t count = dmarc_uris_read(b->rua, strlen(b->rua), uris), asked = 0;

	for (size_t i = 0; i < count; i++) {
		switch (is_own(r, b, uris[i].domain)) {
		case OWN:
			add(&o, &uris[i], DMARC_GO, NULL);
			break;
		case UNKNOWN:
			add(&o, &uris[i], DMARC_LATER, "the DNS does not say of which organization it is");
			break;
		case OTHERS:
			(void)snprintf(
				names[asked], NAME_SIZE, "%s._report._dmarc.%s", b->report.domain, uris[i].domain);
			lookups[asked] = (struct lookup){ .name = names[asked], .type = SLUICE_DNS_TXT };
			others[asked++] = &uris[i];
			break;
		}
	}
	lookup_all(r, lookups, asked);
	for (size_t i = 0; i < asked; i++) {
		judge_other(&o, others[i], &lookups[i]);
		dns_answer_unref(lookups[i].answer);
	}
	return o.count;
}
