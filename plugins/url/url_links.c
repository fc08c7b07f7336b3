/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/url/url_links.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/mail/mailbox.h"

/* What honest mail links with. */
static const char *const usual_schemes[] = { "http", "https", "mailto", "tel", "sms", "cid", "mid" };

void url_links_init(struct url_links *l, const psl_ctx_t *psl, bool (*redirects)(const void *arg, const char *host, size_t len), const void *arg)
{
	*l = (struct url_links){ .psl = psl, .redirects = redirects, .arg = arg };
	text_set_init(&l->hosts);
	text_set_init(&l->domains);
	text_set_init(&l->schemes);
	text_set_init(&l->addresses);
	text_set_init(&l->shown);
}

void url_links_done(struct url_links *l)
{
	text_set_done(&l->hosts);
	text_set_done(&l->domains);
	text_set_done(&l->schemes);
	text_set_done(&l->addresses);
	text_set_done(&l->shown);
}

/* False: it was there before, or there are too many. */
static bool add_name(struct url_links *l, struct text_set *set, const char *name, size_t len)
{
	if (len > TEXT_SET_MAX_LEN || text_set_has(set, name, len))
		return false;
	if (set->len == URL_MAX_NAMES) {
		l->too_many = true;
		return false;
	}
	l->no_memory |= !text_set_add(set, name, len);
	return !l->no_memory;
}

static void add_host(struct url_links *l, const struct url *u)
{
	const char *domain;

	if (!u->host[0] || !add_name(l, &l->hosts, u->host, strlen(u->host)))
		return;
	l->ip |= u->ip.family != 0;
	domain = url_domain(l->psl, u);
	if (domain)
		(void)add_name(l, &l->domains, domain, strlen(domain));
}

static void add_mailto(struct url_links *l, const struct url *u)
{
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(TEXT_SET_MAX_LEN);

	for (size_t at = 0; url_next_address(u, &at, &address);)
		(void)add_name(l, &l->addresses, address.bytes, address.len);
	l->mailto++;
}

static bool is_usual(const char *scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(usual_schemes); i++)
		if (!strcmp(usual_schemes[i], scheme))
			return true;
	return false;
}

/* Of one registrable domain, or one address. */
static bool are_related(const struct url_links *l, const struct url *a, const struct url *b)
{
	const char *one = url_domain(l->psl, a), *other = url_domain(l->psl, b);

	return !strcmp(one ? one : a->host, other ? other : b->host);
}

/* Note a link, and those within it that its host leads on to. Does one of them lead to what is shown (NULL: nothing is)? */
static bool add_link(struct url_links *l, const struct url *u, const struct url *shown, unsigned depth)
{
	SLUICE_CLEANUP(text_done) struct text inner = TEXT_INIT(u->rest_len);
	bool related = shown && are_related(l, u, shown);
	struct url next;

	if (l->count == URL_MAX_LINKS) {
		l->too_many = true;
		return related;
	}
	l->count++;
	l->tricks |= u->tricks;
	add_host(l, u);
	if (!strcmp(u->scheme, "mailto"))
		add_mailto(l, u);
	else if (!is_usual(u->scheme))
		(void)add_name(l, &l->schemes, u->scheme, strlen(u->scheme));
	if (!u->host[0] || depth == URL_MAX_REDIRECT || !l->redirects || !l->redirects(l->arg, u->host, strlen(u->host)))
		return related;
	for (size_t at = 0; url_next_inner(u, &at, &inner);)
		if (url_read(inner.bytes, inner.len, &next))
			related |= add_link(l, &next, shown, depth + 1);
	return related;
}

static void see_span(struct url_links *l, const struct url_span *span)
{
	struct url u;

	if (span->type == URL_SPAN_ADDRESS)
		(void)add_name(l, &l->addresses, span->bytes, span->len);
	else if (url_read_span(span, &u))
		(void)add_link(l, &u, NULL, 0);
}

void url_links_see_text(struct url_links *l, const char *text, size_t len)
{
	struct url_span span;

	for (size_t at = 0; url_find(l->psl, text, len, &at, &span);)
		see_span(l, &span);
}

void url_links_see_reply_to(struct url_links *l, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	struct header_lexer lexer = { value, value + len };
	enum mailbox_step step;

	while ((step = mailbox_next(&lexer, &address)) != MAILBOX_END)
		if (step == MAILBOX_ADDRESS)
			(void)add_name(l, &l->addresses, address.bytes, address.len);
}

/* Scripts and styles are full of names with dots that are no domains: only what has its scheme counts. */
static void see_aside(struct url_links *l, const struct html *h)
{
	struct url_span span;

	for (size_t at = 0; url_find(l->psl, text_str(&h->aside), h->aside.len, &at, &span);)
		if (span.type == URL_SPAN_URL)
			see_span(l, &span);
}

/* Is all that a link shows one URL or domain? */
static bool reads_as_url(const struct url_links *l, const char *text, size_t len, struct url *ret)
{
	struct url_span span;
	size_t at = 0;

	if (!url_find(l->psl, text, len, &at, &span) || !url_read_span(&span, ret) || !ret->host[0])
		return false;
	for (size_t i = 0; i < len; i++)
		if ((text + i < span.bytes || text + i >= span.bytes + span.len) && ascii_is_alnum(text[i]))
			return false;
	return true;
}

static void see_link(struct url_links *l, const struct html *h, const struct html_link *link, const struct url *base)
{
	struct url u, shown;
	bool shows = link->shown_len && reads_as_url(l, html_shown(h, link), link->shown_len, &shown), related;

	l->form |= link->type == HTML_SUBMIT;
	if (url_read(html_url(h, link), link->url_len, &u)) {
		related = add_link(l, &u, shows ? &shown : NULL, 0);
	} else {
		u = *base; /* it is relative */
		related = shows && are_related(l, &u, &shown);
	}
	if (shows && u.host[0] && !related) {
		char evidence[2 * DOMAIN_ASCII_SIZE + 4];
		int len = snprintf(evidence, sizeof evidence, "%s -> %s", shown.host, u.host);

		(void)add_name(l, &l->shown, evidence, (size_t)len);
	}
}

void url_links_see_html(struct url_links *l, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(html_done) struct html h;
	struct url base = { .rest = "" };
	size_t at = 0;

	l->no_memory |= !html_read(&h, bytes, len);
	l->too_many |= h.cut;
	for (size_t i = 0; i < h.links.len; i++) {
		const struct html_link *link = &h.links.items[i];

		if (link->type == HTML_BASE && !base.host[0] && !url_read(html_url(&h, link), link->url_len, &base))
			base = (struct url){ .rest = "" };
		see_link(l, &h, link, &base);
		if (link->shown_len) {
			url_links_see_text(l, text_str(&h.text) + at, link->shown_at - at);
			at = link->shown_at + link->shown_len;
		}
	}
	url_links_see_text(l, text_str(&h.text) + at, h.text.len - at);
	see_aside(l, &h);
}
