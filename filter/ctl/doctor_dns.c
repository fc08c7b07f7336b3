/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_dns.c - the resolver, and what others find of us in the DNS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/vec.h"
#include "filter/engine/dkim_published.h"
#include "filter/ctl/doctor.h"
#include "filter/services/lookup.h"
#include "filter/mail/domain.h"

#define DOMAINS_MAX  50  /* of our own that are looked at */
#define SLOW_MS      200 /* for one answer of a resolver */
#define NAME_BYTES   300
#define ADDRESS_MAX  8   /* of our own name that are looked at */
#define SIGNED_NAME  "iana.org"          /* has been signed for as long as the root is */
#define BROKEN_NAME  "dnssec-failed.org" /* is signed wrongly, on purpose */

static struct dns_answer *ask(const struct doctor *d, const char *name, enum sluice_dns_type type, int64_t *ret_took_ms)
{
	struct lookup l = { .name = name, .type = type };

	lookup_all(d->s->resolver, &l, 1);
	if (ret_took_ms)
		*ret_took_ms = l.took_ms;
	return l.answer ? l.answer : dns_answer_empty(SLUICE_DNS_NXDOMAIN, 0);
}

static bool is_silent(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

/* ---- the resolver ---- */

/* Those that anybody may use, and that lists refuse for that reason. */
static const struct { const char *ip, *whose; } public_resolvers[] = {
	{ "8.8.8.8", "Google" }, { "8.8.4.4", "Google" }, { "2001:4860:4860::8888", "Google" }, { "2001:4860:4860::8844", "Google" },
	{ "1.1.1.1", "Cloudflare" }, { "1.0.0.1", "Cloudflare" }, { "2606:4700:4700::1111", "Cloudflare" }, { "2606:4700:4700::1001", "Cloudflare" },
	{ "9.9.9.9", "Quad9" }, { "149.112.112.112", "Quad9" }, { "2620:fe::fe", "Quad9" }, { "2620:fe::9", "Quad9" },
	{ "208.67.222.222", "OpenDNS" }, { "208.67.220.220", "OpenDNS" },
};

static const char *whose(const char *forwarder)
{
	size_t len = strcspn(forwarder, "@");
	struct sluice_ip ip, other;

	for (size_t i = 0; ip_parse(forwarder, len, &ip) && i < ARRAY_LEN(public_resolvers); i++)
		if (ip_parse(public_resolvers[i].ip, strlen(public_resolvers[i].ip), &other) && ip_equal(&ip, &other))
			return public_resolvers[i].whose;
	return NULL;
}

static void look_at_forwarders(struct doctor *d)
{
	const struct settings *s = &d->s->policy->settings;

	for (size_t i = 0; i < s->dns.forward.len; i++)
		if (whose(s->dns.forward.items[i]))
			doctor_tell(d, DOCTOR_BAD, "resolver", "DNS lists refuse questions that come through it, or say that nobody is listed: run unbound, and 'dns { forward 127.0.0.1 }'",
				"%s is a public one, of %s", s->dns.forward.items[i], whose(s->dns.forward.items[i]));
	if (!s->dns.forward.len && !d->offline)
		doctor_tell(d, DOCTOR_GOOD, "resolver", NULL, "Sluice asks the root servers and all others itself");
}

static void look_at_speed(struct doctor *d, int64_t took_ms)
{
	if (took_ms > SLOW_MS)
		doctor_tell(d, DOCTOR_LOOK, "resolver", "each message waits for it: a resolver on this machine or its network answers in a few", "an answer took %lld ms",
			(long long)took_ms);
	else
		doctor_tell(d, DOCTOR_GOOD, "resolver", NULL, "it answers, in %lld ms", (long long)took_ms);
}

/* Signatures that are right are seen, and those that are wrong. */
static void look_at_validation(struct doctor *d)
{
	struct dns_answer *right = ask(d, SIGNED_NAME, SLUICE_DNS_A, NULL), *wrong = ask(d, BROKEN_NAME, SLUICE_DNS_A, NULL);
	const struct sluice_dns_answer *a = dns_answer_view(right), *b = dns_answer_view(wrong);

	if (a->status == SLUICE_DNS_OK && a->secure && is_silent(b))
		doctor_tell(d, DOCTOR_GOOD, "DNSSEC", NULL, "answers are validated");
	else if (is_silent(a))
		doctor_tell(d, DOCTOR_LOOK, "DNSSEC", "names that are signed have no answer: see trust_anchor, the clock, and whether the forwarder hands on signatures", SIGNED_NAME " has no answer");
	else
		doctor_tell(d, DOCTOR_LOOK, "DNSSEC", "the forwarder takes the signatures off: let it hand them on, or leave out 'dns { dnssec yes }'", "answers are not validated");
	dns_answer_unref(right);
	dns_answer_unref(wrong);
}

void doctor_resolver(struct doctor *d)
{
	int64_t took_ms;
	struct dns_answer *answer = ask(d, SIGNED_NAME, SLUICE_DNS_MX, &took_ms);
	bool silent = is_silent(dns_answer_view(answer));

	dns_answer_unref(answer);
	look_at_forwarders(d);
	if (silent) {
		doctor_tell(d, DOCTOR_BAD, "resolver", "SPF, DKIM, DMARC and DNS lists are unknown without it: see 'dns { forward }', and the firewall", "it does not answer");
		return;
	}
	look_at_speed(d, took_ms);
	if (d->s->policy->settings.dns.dnssec)
		look_at_validation(d);
}

/* ---- the name of this host ---- */

/* Does the name of the address lead to our name? Mail servers elsewhere want to know where we send from. */
static void look_at_address(struct doctor *d, const struct sluice_ip *ip)
{
	char reverse[NAME_BYTES], shown[IP_TEXT_MAX];
	struct dns_answer *answer;
	const struct sluice_dns_answer *a;

	if (ip_reverse_name(ip, NULL, reverse, sizeof reverse) < 0)
		return;
	answer = ask(d, reverse, SLUICE_DNS_PTR, NULL);
	a = dns_answer_view(answer);
	(void)ip_format(ip, shown);
	if (is_silent(a))
		doctor_tell(d, DOCTOR_LOOK, shown, "try again later", "the DNS does not say what its name is");
	else if (!a->count)
		doctor_tell(d, DOCTOR_BAD, shown, "many servers refuse mail from it: whoever gave you the address can give it a name (PTR)", "it has no name");
	else if (a->count == 1 && ascii_equals(a->records[0].data, a->records[0].len, d->s->authserv_id))
		doctor_tell(d, DOCTOR_GOOD, shown, NULL, "its name is %s", a->records[0].data);
	else
		doctor_tell(d, DOCTOR_LOOK, shown, "if mail goes out from here, name and address should lead to each other", "its name is %s, not %s", a->records[0].data, d->s->authserv_id);
	dns_answer_unref(answer);
}

static size_t look_at_addresses(struct doctor *d, enum sluice_dns_type type, bool *ret_silent)
{
	struct dns_answer *answer = ask(d, d->s->authserv_id, type, NULL);
	const struct sluice_dns_answer *a = dns_answer_view(answer);
	size_t count = a->count;

	*ret_silent |= is_silent(a);
	for (size_t i = 0; i < a->count && i < ADDRESS_MAX; i++) {
		struct sluice_ip ip = { .family = type == SLUICE_DNS_A ? 4 : 6 };

		memcpy(ip.bytes, a->records[i].data, ip_octets(&ip));
		look_at_address(d, &ip);
	}
	dns_answer_unref(answer);
	return count;
}

static void look_at_host(struct doctor *d)
{
	bool silent = false;
	size_t count = look_at_addresses(d, SLUICE_DNS_A, &silent);

	count += look_at_addresses(d, SLUICE_DNS_AAAA, &silent);
	if (!count)
		doctor_tell(d, DOCTOR_LOOK, d->s->authserv_id, "others look it up when we send mail: give it an address, or set authserv_id to the name that has one",
			"%s", silent ? "the DNS does not say what its address is" : "it has no address");
}

/* ---- our domains ---- */

/* How many begin so; *ret is one of them, or NULL. */
static size_t count_texts(const struct sluice_dns_answer *a, const char *begin, const struct sluice_dns_record **ret)
{
	size_t len = strlen(begin), count = 0;

	*ret = NULL;
	for (size_t i = 0; i < a->count; i++) {
		const struct sluice_dns_record *r = &a->records[i];

		if (r->len < len || !ascii_equals(r->data, len, begin) || (r->len > len && r->data[len] != ' ' && r->data[len] != ';'))
			continue;
		*ret = r;
		count++;
	}
	return count;
}

static bool ends_in(const struct sluice_dns_record *r, const char *end)
{
	size_t len = strlen(end);

	return r->len >= len && ascii_equals(r->data + r->len - len, len, end);
}

static void judge_spf(struct doctor *d, const char *domain, const struct sluice_dns_answer *a)
{
	const struct sluice_dns_record *r;
	size_t count = count_texts(a, "v=spf1", &r);

	if (is_silent(a))
		doctor_tell(d, DOCTOR_LOOK, domain, "try again later", "the DNS does not say what its SPF record is");
	else if (!count)
		doctor_tell(d, DOCTOR_BAD, domain, "anybody can send as it, and large sites refuse its mail: publish one, such as v=spf1 mx -all", "no SPF record");
	else if (count > 1)
		doctor_tell(d, DOCTOR_BAD, domain, "with more than one there is none (RFC 7208 4.5): make one of them", "%zu SPF records", count);
	else if (ends_in(r, "+all") || ends_in(r, " all"))
		doctor_tell(d, DOCTOR_BAD, domain, "end it with -all or ~all", "its SPF record lets anybody send as it: %s", r->data);
	else
		doctor_tell(d, DOCTOR_GOOD, domain, NULL, "%s", r->data);
}

static void judge_dmarc(struct doctor *d, const char *domain, const struct sluice_dns_answer *a)
{
	const struct sluice_dns_record *r;
	size_t count = count_texts(a, "v=DMARC1", &r);

	if (is_silent(a))
		doctor_tell(d, DOCTOR_LOOK, domain, "try again later", "the DNS does not say what its DMARC record is");
	else if (count > 1)
		doctor_tell(d, DOCTOR_BAD, domain, "with more than one there is none: leave one", "%zu DMARC records", count);
	else if (!count)
		doctor_tell(d, DOCTOR_LOOK, domain, "others do not know what to do with mail in its name that is not from us: publish one at _dmarc, first with p=none", "no DMARC record");
	else
		doctor_tell(d, DOCTOR_GOOD, domain, NULL, "%s", r->data);
}

static void judge_mx(struct doctor *d, const char *domain, const struct sluice_dns_answer *a)
{
	if (is_silent(a))
		doctor_tell(d, DOCTOR_LOOK, domain, "try again later", "the DNS does not say who takes its mail");
	else if (!a->count)
		doctor_tell(d, DOCTOR_LOOK, domain, "its mail goes to its address, if it has one: publish an MX", "no MX record");
	else
		doctor_tell(d, DOCTOR_GOOD, domain, NULL, "its mail goes to %s", a->records[0].data);
}

struct keys {
	struct doctor *d;
	const char *domain;
};

static void on_key(void *arg, const struct dkim_published *p)
{
	const struct keys *k = arg;
	enum doctor_level level = p->found == DKIM_FOUND_GOOD ? DOCTOR_GOOD : dkim_found_is_bad(p->found) ? DOCTOR_BAD : DOCTOR_LOOK;

	doctor_tell(k->d, level, p->name, level == DOCTOR_GOOD ? NULL : "sluicectl dkim check shows the record", "%s", dkim_found_texts[p->found]);
}

static void look_at_domain(struct doctor *d, const char *domain)
{
	char dmarc[NAME_BYTES];
	struct lookup lookups[] = { { .name = domain, .type = SLUICE_DNS_MX }, { .name = domain, .type = SLUICE_DNS_TXT }, { .name = dmarc, .type = SLUICE_DNS_TXT } };
	static void (*const judges[])(struct doctor *d, const char *domain, const struct sluice_dns_answer *a) = { judge_mx, judge_spf, judge_dmarc };
	struct keys keys = { d, domain };
	bool signs = policy_setting(d->s->policy, "sign", "keys") != NULL;

	(void)snprintf(dmarc, sizeof dmarc, "_dmarc.%s", domain);
	lookup_all(d->s->resolver, lookups, ARRAY_LEN(lookups));
	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		if (lookups[i].answer)
			judges[i](d, domain, dns_answer_view(lookups[i].answer));
		dns_answer_unref(lookups[i].answer);
	}
	if (dkim_published_each(d->s, domain, on_key, &keys) == 0 && signs)
		doctor_tell(d, DOCTOR_LOOK, domain, "its mail goes out without a signature, unless by the key of another domain: sluicectl dkim keygen", "no DKIM key of it");
}

struct domains {
	VEC(char *) names;
	bool more;
};

/* Names alone: what is below them is looked at where it is named. */
static int add_domain(void *arg, const struct list_line *line, struct err *reterr)
{
	struct domains *domains = arg;
	char *copy;

	(void)reterr;
	if (*line->item == '.' || !domain_valid(line->item, line->len, 2))
		return 0;
	if (domains->names.len == DOMAINS_MAX) {
		domains->more = true;
		return 0;
	}
	copy = strndup(line->item, line->len);
	for (char *p = copy; p && *p; p++)
		*p = ascii_lower(*p);
	if (copy && !vec_push(&domains->names, copy))
		free(copy);
	return 0;
}

void doctor_names(struct doctor *d)
{
	const struct list *list = policy_list(d->s->policy, "local-domains");
	struct domains domains = { 0 };
	struct err err;

	look_at_host(d);
	if (list && list_each(list, add_domain, &domains, &err) < 0)
		doctor_tell(d, DOCTOR_LOOK, "local-domains", "sluicectl list show local-domains", "%.*s", (int)strcspn(err.text, "\n"), err.text);
	if (!domains.names.len)
		doctor_tell(d, DOCTOR_LOOK, "local-domains", "rules that refuse relaying refuse all mail: put the domains whose mail you take into it", "no domain is in the list");
	for (size_t i = 0; i < domains.names.len; i++) {
		look_at_domain(d, domains.names.items[i]);
		free(domains.names.items[i]);
	}
	if (domains.more)
		doctor_tell(d, DOCTOR_LOOK, "local-domains", "name one: sluicectl dkim check DOMAIN", "only its first %d domains were looked at", DOMAINS_MAX);
	vec_done(&domains.names);
}
