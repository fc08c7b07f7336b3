/* SPDX-License-Identifier: BSD-2-Clause */
/* url - where do the links of the message lead, and do they hide it? */
#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/header_field.h"
#include "plugins/plugin.h"
#include "plugins/url/url_links.h"

#define SUBJECT_MAX_BYTES 4096 /* decoded; what is behind it is not looked at */

static const struct sluice_list_use lists[] = {
	{ "url-redirectors", SLUICE_LIST_DOMAIN, false, "hosts that lead on to the URL within a URL of theirs" },
	{ "url-shorteners", SLUICE_LIST_DOMAIN, false, "hosts whose short URLs lead to long ones elsewhere" },
	{ .name = NULL },
};

/* Those of enum url_trick in its order; then the others. */
enum { USERINFO, PERCENT_HOST, CONTROL, BACKSLASH, ODD_DOT, IDN, MIXED_SCRIPT, ODD_IP, BAD_HOST, TRICKS,
	COUNT = TRICKS, MAILTO, HOSTS, DOMAINS, ADDRESSES, SCHEMES, IP, SHOWN_OTHER, SHOWN, REDIRECTOR, SHORTENER, FORM, TOO_MANY };
static const struct sluice_fact facts[] = {
	[USERINFO] = { "url.userinfo", SLUICE_BOOL, NULL, "a link has something before an @: http://bank.example@evil.example/" },
	[PERCENT_HOST] = { "url.percent_host", SLUICE_BOOL, NULL, "a host has characters written as %HH" },
	[CONTROL] = { "url.control", SLUICE_BOOL, NULL, "a tab or an end of line in the scheme or host of a link, which browsers leave out" },
	[BACKSLASH] = { "url.backslash", SLUICE_BOOL, NULL, "a link has a backslash before or behind its host, which browsers take for a slash" },
	[ODD_DOT] = { "url.odd_dot", SLUICE_BOOL, NULL, "a host has something else for a dot that counts as one" },
	[IDN] = { "url.idn", SLUICE_BOOL, NULL, "a host is not ASCII, or has an A-label (xn--)" },
	[MIXED_SCRIPT] = { "url.mixed_script", SLUICE_BOOL, NULL, "a host has letters that look alike in one label: Latin and Cyrillic, Greek, ..." },
	[ODD_IP] = { "url.odd_ip", SLUICE_BOOL, NULL, "a host is an IP address in a spelling that hides it: 0x7f.1, 2130706433" },
	[BAD_HOST] = { "url.bad_host", SLUICE_BOOL, NULL, "a link has a host that no browser takes" },
	[COUNT] = { "url.count", SLUICE_INT, NULL, "how many links there are" },
	[MAILTO] = { "url.mailto", SLUICE_INT, NULL, "how many of them are mailto:" },
	[HOSTS] = { "url.hosts", SLUICE_TEXTS, NULL, "hosts of all links, each once: names in A-labels and lower case, IP addresses in their usual form" },
	[DOMAINS] = { "url.domains", SLUICE_TEXTS, NULL, "registrable domains of these names, each once" },
	[ADDRESSES] = { "url.addresses", SLUICE_TEXTS, NULL, "mail addresses in texts, mailto: links and Reply-To, each once" },
	[SCHEMES] = { "url.schemes", SLUICE_TEXTS, NULL, "schemes of links that mail seldom has: javascript, data, file, search-ms, ..." },
	[IP] = { "url.ip", SLUICE_BOOL, NULL, "a host is an IP address" },
	[SHOWN_OTHER] = { "url.shown_other", SLUICE_BOOL, NULL, "a link shows a URL or domain, and leads to another registrable domain" },
	[SHOWN] = { "url.shown", SLUICE_TEXTS, NULL, "what they show and where they lead: www.bank.example -> evil.example" },
	[REDIRECTOR] = { "url.redirector", SLUICE_BOOL, NULL, "a host is in the list 'url-redirectors'" },
	[SHORTENER] = { "url.shortener", SLUICE_BOOL, NULL, "a host is in the list 'url-shorteners'" },
	[FORM] = { "url.form", SLUICE_BOOL, NULL, "a form in the message is sent somewhere" },
	[TOO_MANY] = { "url.too_many", SLUICE_BOOL, NULL, "more links, hosts or HTML than are looked at" },
	{ .name = NULL },
};

static bool redirects(const void *arg, const char *host, size_t len)
{
	return sluice_list_has_domain(arg, "url-redirectors", host, len);
}

static void see_header(const struct sluice_check_ctx *c, struct url_links *l)
{
	SLUICE_CLEANUP(text_done) struct text subject = TEXT_INIT(SUBJECT_MAX_BYTES);
	struct sluice_part field;

	for (size_t i = 0; sluice_header_field(c, i, &field); i++) {
		if (header_field_is(field.name, field.name_len, "Reply-To"))
			url_links_see_reply_to(l, field.bytes, field.len);
		if (!header_field_is(field.name, field.name_len, "Subject"))
			continue;
		text_clear(&subject);
		encoded_word_decode(&subject, field.bytes, field.len);
		url_links_see_text(l, text_str(&subject), subject.len);
	}
}

/* By its type, or by the name that a program would open it by. */
static bool is_html(const struct sluice_mime_part *p)
{
	static const char *const extensions[] = { ".html", ".htm", ".shtml", ".xhtml", ".svg" };

	if (!strcmp(p->type, "text/html") || !strcmp(p->type, "application/xhtml+xml"))
		return true;
	for (size_t n = 0; n < p->name_count; n++)
		for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
			size_t len = strlen(extensions[i]);

			if (p->names[n].len > len && ascii_equals(p->names[n].bytes + p->names[n].len - len, len, extensions[i]))
				return true;
		}
	return false;
}

static void see_parts(struct sluice_check_ctx *c, const struct sluice_mime *m, struct url_links *l)
{
	for (size_t i = 0; i < m->count; i++) {
		size_t len;
		const char *text = sluice_mime_text(c, i, &len);

		if (is_html(&m->parts[i])) {
			text = text ? text : sluice_mime_content(c, i, &len);
			if (text)
				url_links_see_html(l, text, len);
		} else if (text) {
			url_links_see_text(l, text, len);
		}
	}
}

static void report_names(struct sluice_result *res, unsigned fact, const struct text_set *set)
{
	const char *name;
	size_t at = 0, len;

	while ((name = text_set_next(set, &at, &len)))
		sluice_add_text(res, fact, name, len);
}

static bool any_is_in(const struct sluice_check_ctx *c, const char *list, const struct text_set *hosts)
{
	const char *host;
	size_t at = 0, len;

	while ((host = text_set_next(hosts, &at, &len)))
		if (sluice_list_has_domain(c, list, host, len))
			return true;
	return false;
}

static void report(struct sluice_check_ctx *c, struct sluice_result *res, const struct url_links *l)
{
	for (unsigned trick = 0; trick < TRICKS; trick++)
		sluice_set_bool(res, trick, l->tricks >> trick & 1);
	sluice_set_int(res, COUNT, (int64_t)l->count);
	sluice_set_int(res, MAILTO, (int64_t)l->mailto);
	report_names(res, HOSTS, &l->hosts);
	report_names(res, DOMAINS, &l->domains);
	report_names(res, ADDRESSES, &l->addresses);
	report_names(res, SCHEMES, &l->schemes);
	report_names(res, SHOWN, &l->shown);
	sluice_set_bool(res, IP, l->ip);
	sluice_set_bool(res, SHOWN_OTHER, l->shown.len > 0);
	sluice_set_bool(res, REDIRECTOR, any_is_in(c, "url-redirectors", &l->hosts));
	sluice_set_bool(res, SHORTENER, any_is_in(c, "url-shorteners", &l->hosts));
	sluice_set_bool(res, FORM, l->form);
	sluice_set_bool(res, TOO_MANY, l->too_many);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	SLUICE_CLEANUP(url_links_done) struct url_links l;
	const char *why;
	const struct sluice_mime *m = sluice_mime(c, &why);

	url_links_init(&l, sluice_state(c), redirects, c);
	if (!m)
		return SLUICE_TEMPERROR;
	see_header(c, &l);
	see_parts(c, m, &l);
	if (l.no_memory)
		return SLUICE_TEMPERROR;
	report(c, res, &l);
	return SLUICE_DONE;
}

/* The state is the list of public suffixes. */
static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	psl_ctx_t *psl = psl_latest(NULL);

	(void)blocks;
	(void)count;
	if (!psl) {
		*reterr = (struct sluice_config_error){ "there is no list of public suffixes: install the package publicsuffix", 0 };
		return -EINVAL;
	}
	*ret_state = psl;
	return 0;
}

static void release(void *state)
{
	psl_free(state);
}

static const struct sluice_check checks[] = {
	{ .name = "url", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = USERINFO, .last_fact = TOO_MANY, .body = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(url) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "url",
	.help = "where do the links of the message lead, and do they hide it?",
	.facts = facts,
	.checks = checks,
	.lists = lists,
	.configure = configure,
	.release = release,
};
