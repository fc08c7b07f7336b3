/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk over a record goes on past an answer that is not here yet, as if its term did not match: so what stands
 * behind it is asked for in the same round. Nothing that is found behind it counts; when the answer is here, the walk
 * begins anew. Each walk by itself is held to the limits, and with that what it may ask.
 */
#include "plugins/spf/spf_eval.h"

#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/domain.h"

#define UNKNOWN          "unknown"    /* RFC 7208 7.3: %{p} without a validated name */
#define POSTMASTER       "postmaster" /* RFC 7208 4.3 */
#define REVERSE_NAME_MAX 80

const char *const spf_result_words[] = {
	[SPF_NONE] = "none",
	[SPF_NEUTRAL] = "neutral",
	[SPF_PASS] = "pass",
	[SPF_FAIL] = "fail",
	[SPF_SOFTFAIL] = "softfail",
	[SPF_TEMPERROR] = "temperror",
	[SPF_PERMERROR] = "permerror",
	NULL,
};

enum match { MATCH, NO_MATCH, OPEN, TEMPORARY, PERMANENT };

/* One run of one check. */
struct walk {
	const struct spf_asker *asker;
	const struct spf_identity *id;
	unsigned lookups, voids;
	size_t octets; /* of the records */
	bool pending;  /* an answer is missing without which nothing is decided */
};

/* Where a result came from. */
struct source {
	struct spf_span record, mechanism;
	struct spf_span exp;    /* domain-spec, of the record that decided */
	struct spf_name domain; /* whose record that is */
};

/* ---- asking ---- */

static const struct sluice_dns_answer *ask_text(const struct walk *w, const char *name, enum sluice_dns_type type)
{
	return w->asker->ask(w->asker->arg, name, type);
}

static const struct sluice_dns_answer *ask(const struct walk *w, const struct spf_name *name, enum sluice_dns_type type)
{
	char text[4 * SPF_NAME_MAX + 1];

	return ask_text(w, spf_name_for_dns(name, text), type);
}

static enum sluice_dns_type address_type(const struct walk *w)
{
	return w->id->client.family == 4 ? SLUICE_DNS_A : SLUICE_DNS_AAAA;
}

static bool has_failed(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

static bool is_void(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_NXDOMAIN || a->status == SLUICE_DNS_NODATA;
}

/* False: it is one too many. */
static bool count_lookup(struct walk *w)
{
	return ++w->lookups <= SPF_MAX_LOOKUPS;
}

/* RFC 7208 4.6.4 counts terms, so the name that a term looks up first counts, and not the hosts of an mx. */
static bool count_if_void(struct walk *w, const struct sluice_dns_answer *a)
{
	return !is_void(a) || ++w->voids <= SPF_MAX_VOIDS;
}

/* ---- addresses ---- */

static bool is_within(const struct sluice_ip *client, const struct sluice_ip *network, uint8_t prefix)
{
	const struct net net = net_of(network, prefix);

	return net_contains(&net, client);
}

static bool has_client(const struct walk *w, const struct sluice_dns_answer *addresses, uint8_t prefix)
{
	const struct sluice_ip *client = &w->id->client;

	for (size_t i = 0; i < addresses->count; i++) {
		struct sluice_ip ip = { .family = client->family };

		if (addresses->records[i].len != ip_octets(client))
			continue;
		memcpy(ip.bytes, addresses->records[i].data, addresses->records[i].len);
		if (is_within(client, &ip, prefix))
			return true;
	}
	return false;
}

/* Does a name have the client's address, to the prefix? It is asked for. */
static enum match match_host(const struct walk *w, const char *host, uint8_t prefix)
{
	const struct sluice_dns_answer *a = ask_text(w, host, address_type(w));

	if (!a)
		return OPEN;
	if (has_failed(a))
		return TEMPORARY;
	return has_client(w, a, prefix) ? MATCH : NO_MATCH;
}

static uint8_t prefix_of(const struct walk *w, const struct spf_term *t)
{
	return w->id->client.family == 4 ? t->prefix4 : t->prefix6;
}

/* ---- the client's own names (RFC 7208 5.5), for ptr and %{p} ---- */

struct client_names {
	const struct sluice_dns_record *names;
	enum match valid[SPF_MAX_PTR];
	size_t count;
};

/* The PTR answer, with the addresses of its names asked for. NULL: not here yet. */
static const struct sluice_dns_answer *find_names(const struct walk *w, struct client_names *ret)
{
	const uint8_t whole = (uint8_t)(8 * ip_octets(&w->id->client));
	const struct sluice_dns_answer *ptr;
	char reverse[REVERSE_NAME_MAX];

	*ret = (struct client_names){ 0 };
	if (ip_reverse_name(&w->id->client, NULL, reverse, sizeof reverse) < 0)
		return NULL;
	ptr = ask_text(w, reverse, SLUICE_DNS_PTR);
	if (!ptr)
		return NULL;
	ret->names = ptr->records;
	while (ret->count < ptr->count && ret->count < SPF_MAX_PTR) {
		ret->valid[ret->count] = match_host(w, ptr->records[ret->count].data, whole);
		ret->count++;
	}
	return ptr;
}

/* 3: the domain itself, 2: below it, 1: another name, as RFC 7208 7.3 prefers them */
static int rank_of(const struct sluice_dns_record *name, const struct spf_name *domain)
{
	if (domain_equal(name->data, name->len, domain->text, domain->len))
		return 3;
	return domain_within(name->data, name->len, domain->text, domain->len) ? 2 : 1;
}

/* What %{p} stands for. False: not known yet. */
static bool find_validated(const struct walk *w, const struct spf_name *domain, struct spf_span *ret)
{
	struct spf_span best = SPF_SPAN(UNKNOWN);
	struct client_names names;
	int best_rank = 0;

	if (!find_names(w, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		int rank = rank_of(&names.names[i], domain);

		if (names.valid[i] == OPEN)
			return false;
		if (names.valid[i] != MATCH || rank <= best_rank)
			continue;
		best_rank = rank;
		best = (struct spf_span){ names.names[i].data, names.names[i].len };
	}
	*ret = best;
	return true;
}

/* ---- target names ---- */

enum target { TARGET, NO_TARGET, TARGET_OPEN };

/* The macros for a spec. False: it has %{p}, and that is not known yet. */
static bool find_macros(
	const struct walk *w, const struct spf_name *domain, struct spf_span spec, struct spf_macros *ret)
{
	const struct spf_identity *id = w->id;

	*ret = (struct spf_macros){
		.local = id->local.len ? id->local : SPF_SPAN(POSTMASTER),
		.sender_domain = id->domain,
		.domain = { domain->text, domain->len },
		.helo = id->helo,
		.receiver = id->receiver,
		.client = id->client,
		.now_s = id->now_s,
	};
	return !spf_uses(spec, 'p') || find_validated(w, domain, &ret->validated);
}

static enum target find_target(
	const struct walk *w, const struct spf_name *domain, struct spf_span spec, struct spf_name *ret)
{
	struct spf_macros m;

	if (!find_macros(w, domain, spec, &m))
		return TARGET_OPEN;
	return spf_target(spec, &m, ret) ? TARGET : NO_TARGET;
}

/* ---- mechanisms ---- */

/* a and exists */
static enum match match_address(struct walk *w, const struct spf_term *t, const struct spf_name *target)
{
	bool exists = t->kind == SPF_EXISTS;
	const struct sluice_dns_answer *a = ask(w, target, exists ? SLUICE_DNS_A : address_type(w));

	if (!a)
		return OPEN;
	if (has_failed(a))
		return TEMPORARY;
	if (!count_if_void(w, a))
		return PERMANENT;
	if (exists)
		return a->count > 0 ? MATCH : NO_MATCH;
	return has_client(w, a, prefix_of(w, t)) ? MATCH : NO_MATCH;
}

/* One host that matches is enough, whatever becomes of the others. */
static enum match match_mx(struct walk *w, const struct spf_term *t, const struct spf_name *target)
{
	const struct sluice_dns_answer *mx = ask(w, target, SLUICE_DNS_MX);
	bool seen[PERMANENT + 1] = { false };

	if (!mx)
		return OPEN;
	if (has_failed(mx))
		return TEMPORARY;
	if (mx->count > SPF_MAX_MX || !count_if_void(w, mx))
		return PERMANENT;
	for (size_t i = 0; i < mx->count; i++) {
		if (mx->records[i].len) /* RFC 7505: the null MX */
			seen[match_host(w, mx->records[i].data, prefix_of(w, t))] = true;
	}
	if (seen[MATCH])
		return MATCH;
	if (seen[OPEN])
		return OPEN;
	return seen[TEMPORARY] ? TEMPORARY : NO_MATCH;
}

/* A name that cannot be validated because of the DNS is passed over (RFC 7208 5.5). */
static enum match match_ptr(struct walk *w, const struct spf_name *target)
{
	struct client_names names;
	const struct sluice_dns_answer *ptr = find_names(w, &names);
	enum match match = NO_MATCH;

	if (!ptr)
		return OPEN;
	if (has_failed(ptr))
		return NO_MATCH;
	if (!count_if_void(w, ptr))
		return PERMANENT;
	for (size_t i = 0; i < names.count; i++) {
		if (rank_of(&names.names[i], target) == 1)
			continue;
		if (names.valid[i] == MATCH)
			return MATCH;
		if (names.valid[i] == OPEN)
			match = OPEN;
	}
	return match;
}

static enum spf_result check_host(struct walk *w, const struct spf_name *domain, struct source *source);

/* The table of RFC 7208 5.2. */
static enum match match_include(struct walk *w, const struct spf_name *target)
{
	struct source inner = { 0 };

	switch (check_host(w, target, &inner)) {
	case SPF_PASS:
		return MATCH;
	case SPF_NEUTRAL:
	case SPF_FAIL:
	case SPF_SOFTFAIL:
		return NO_MATCH;
	case SPF_TEMPERROR:
		return TEMPORARY;
	case SPF_NONE:
	case SPF_PERMERROR:
		break;
	}
	return PERMANENT;
}

/* A mechanism that makes look-ups. */
static enum match match_by_name(struct walk *w, const struct spf_name *domain, const struct spf_term *t)
{
	struct spf_name target;

	if (!count_lookup(w))
		return PERMANENT;
	switch (find_target(w, domain, t->spec, &target)) {
	case TARGET_OPEN:
		return OPEN;
	case NO_TARGET: /* RFC 7208 4.8; of include, 4.3: check_host() of what is no domain is none */
		return t->kind == SPF_INCLUDE ? PERMANENT : NO_MATCH;
	case TARGET:
		break;
	}
	if (t->kind == SPF_INCLUDE)
		return match_include(w, &target);
	if (t->kind == SPF_MX)
		return match_mx(w, t, &target);
	if (t->kind == SPF_PTR)
		return match_ptr(w, &target);
	return match_address(w, t, &target);
}

static enum match match_term(struct walk *w, const struct spf_name *domain, const struct spf_term *t)
{
	switch (t->kind) {
	case SPF_ALL:
		return MATCH;
	case SPF_IP4:
	case SPF_IP6:
		return is_within(&w->id->client, &t->ip, t->kind == SPF_IP4 ? t->prefix4 : t->prefix6) ? MATCH
		                                                                                       : NO_MATCH;
	case SPF_INCLUDE:
	case SPF_A:
	case SPF_MX:
	case SPF_PTR:
	case SPF_EXISTS:
		return match_by_name(w, domain, t);
	case SPF_REDIRECT: /* after all mechanisms, wherever it stands (RFC 7208 6.1) */
	case SPF_EXP:
	case SPF_UNKNOWN_MODIFIER:
		break;
	}
	return NO_MATCH;
}

/* ---- records ---- */

static enum spf_result result_of(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	}
	return SPF_PASS;
}

/* RFC 7208 6.1: the result is that of the other domain, and its exp is the one that counts. */
static enum spf_result redirect(
	struct walk *w, const struct spf_name *domain, struct spf_span spec, struct source *source)
{
	struct spf_span own = source->record;
	struct spf_name target;
	enum spf_result r;

	if (!count_lookup(w))
		return SPF_PERMERROR;
	switch (find_target(w, domain, spec, &target)) {
	case TARGET_OPEN:
		w->pending = true;
		return SPF_NEUTRAL;
	case NO_TARGET:
		return SPF_PERMERROR;
	case TARGET:
		break;
	}
	r = check_host(w, &target, source);
	source->record = own;
	return r == SPF_NONE ? SPF_PERMERROR : r;
}

static enum spf_result evaluate(
	struct walk *w, const struct spf_name *domain, const struct spf_record *record, struct source *source)
{
	struct spf_term t;

	for (size_t pos = 0; spf_record_next(record, &pos, &t);) {
		enum match match = match_term(w, domain, &t);

		if (match == NO_MATCH)
			continue;
		if (match == OPEN) {
			w->pending = true;
			continue;
		}
		source->mechanism = t.text;
		if (match == TEMPORARY)
			return SPF_TEMPERROR;
		if (match == PERMANENT)
			return SPF_PERMERROR;
		source->exp = record->exp;
		source->domain = *domain;
		return result_of(t.qualifier);
	}
	return record->redirect.len ? redirect(w, domain, record->redirect, source) : SPF_NEUTRAL;
}

/* Does it have the form that RFC 7208 4.3 asks for: two labels at least, and no address literal? */
static bool is_domain(const struct spf_name *name)
{
	return name->text[0] != '[' && memchr(name->text, '.', name->len);
}

/* The current domain's record. How deep it goes is bounded by SPF_MAX_LOOKUPS: each include and redirect is one. */
static enum spf_result check_host(struct walk *w, const struct spf_name *domain, struct source *source)
{
	const struct sluice_dns_answer *txt;
	struct spf_record record;

	if (!is_domain(domain))
		return SPF_NONE;
	txt = ask(w, domain, SLUICE_DNS_TXT);
	if (!txt) {
		w->pending = true;
		return SPF_NEUTRAL; /* so that the walk goes on */
	}
	if (has_failed(txt))
		return SPF_TEMPERROR;
	switch (spf_record_choose(txt, &source->record)) {
	case SPF_NO_RECORD:
		return SPF_NONE;
	case SPF_SEVERAL_RECORDS:
		return SPF_PERMERROR;
	case SPF_ONE_RECORD:
		break;
	}
	w->octets += source->record.len;
	if (w->octets > SPF_MAX_OCTETS)
		return SPF_PERMERROR;
	return spf_record_parse(source->record, &record) ? evaluate(w, domain, &record, source) : SPF_PERMERROR;
}

/* ---- the explanation (RFC 7208 6.2): whatever is wrong with it, there is none then ---- */

static bool is_printable(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->bytes[i] < ' ' || t->bytes[i] > '~')
			return false;
	}
	return true;
}

static void explain(struct walk *w, const struct source *source, char ret[SPF_EXPLANATION_MAX_BYTES + 1])
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(SPF_EXPLANATION_MAX_BYTES);
	const struct sluice_dns_answer *txt = NULL;
	struct spf_name target;
	struct spf_span string;
	struct spf_macros m;

	switch (find_target(w, &source->domain, source->exp, &target)) {
	case NO_TARGET:
		return;
	case TARGET:
		txt = ask(w, &target, SLUICE_DNS_TXT);
		break;
	case TARGET_OPEN:
		break;
	}
	if (!txt) {
		w->pending = true;
		return;
	}
	if (txt->status != SLUICE_DNS_OK || txt->count != 1)
		return;
	string = (struct spf_span){ txt->records[0].data, txt->records[0].len };
	if (!spf_is_explain_string(string))
		return;
	if (!find_macros(w, &source->domain, string, &m)) {
		w->pending = true;
		return;
	}
	if (spf_expand(string, &m, &text) && is_printable(&text))
		memcpy(ret, text_str(&text), text.len + 1);
}

bool spf_check(const struct spf_asker *asker, const struct spf_identity *id, struct spf_verdict *ret)
{
	struct spf_identity own = *id;
	struct walk w = { .asker = asker, .id = &own };
	struct spf_verdict verdict = { .result = SPF_NONE };
	struct source source = { 0 };
	char ascii[DOMAIN_ASCII_SIZE];
	struct spf_name domain;

	if (domain_to_ascii(id->domain.at, id->domain.len, ascii)) /* RFC 8616 4 */
		own.domain = (struct spf_span){ ascii, strlen(ascii) };
	if (spf_name_set(&domain, own.domain.at, own.domain.len) && spf_name_is_ascii(&domain))
		verdict.result = check_host(&w, &domain, &source);
	/* Where it would end in fail if nothing that is open matched, the explanation is asked for with the rest. */
	if (verdict.result == SPF_FAIL && source.exp.len)
		explain(&w, &source, verdict.explanation);
	if (w.pending)
		return false;
	verdict.mechanism = source.mechanism;
	verdict.record = source.record;
	verdict.lookups = w.lookups;
	verdict.voids = w.voids;
	*ret = verdict;
	return true;
}
