/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/libspf2/libspf2_eval.h"

#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/domain.h"

#define UNKNOWN "unknown" /* RFC 7208 7.3, of %{p} */

const char *const guard_result_words[] = {
	"none",
	"neutral",
	"pass",
	"fail",
	"softfail",
	"temperror",
	"permerror",
	NULL,
};

/*
 * One run of one check. It goes on after an answer that is missing, so that what comes behind is asked for as well, but
 * nothing that it finds then counts.
 */
struct walk {
	const struct spf_library *lib;
	const struct guard_asker *asker;
	const struct guard_identity *id;
	struct guard_limits limits;
	bool pending;
};

/* Where a result came from. */
struct source {
	struct guard_span record, mechanism;
	struct guard_span explanation; /* the spec, to be expanded with domain */
	struct guard_name domain;
};

/* The client's names (RFC 7208 5.5). */
struct client_names {
	const struct sluice_dns_record *names;
	struct spf_host hosts[GUARD_MAX_PTR];
	size_t count;
};

/* NULL: not here yet. Only who cannot do without it sets pending: of the hosts of an mx the first may be enough. */
static const struct sluice_dns_answer *ask_text(const struct walk *w, const char *name, enum sluice_dns_type type)
{
	return w->asker->ask(w->asker->arg, name, type);
}

static const struct sluice_dns_answer *ask(
	const struct walk *w, const struct guard_name *name, enum sluice_dns_type type)
{
	char text[4 * GUARD_NAME_MAX + 1];

	return ask_text(w, guard_dns_text(name, text), type);
}

static enum sluice_dns_type address_type(const struct walk *w)
{
	return w->id->client.family == 4 ? SLUICE_DNS_A : SLUICE_DNS_AAAA;
}

static bool is_void(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_NXDOMAIN || a->status == SLUICE_DNS_NODATA;
}

static bool is_failed(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

/* ---- %{p} and ptr ---- */

/* The PTR answer, with the addresses of its names asked for. NULL: not here yet. */
static const struct sluice_dns_answer *ask_names(const struct walk *w, struct client_names *ret)
{
	const struct sluice_dns_answer *ptr;
	char reverse[80];

	*ret = (struct client_names){ 0 };
	if (ip_reverse_name(&w->id->client, NULL, reverse, sizeof reverse) < 0)
		return NULL;
	ptr = ask_text(w, reverse, SLUICE_DNS_PTR);
	if (!ptr)
		return NULL;
	ret->names = ptr->records;
	for (size_t i = 0; i < ptr->count && ret->count < GUARD_MAX_PTR; i++)
		ret->hosts[ret->count++].addresses = ask_text(w, ptr->records[i].data, address_type(w));
	return ptr;
}

static bool has_client(const struct walk *w, const struct sluice_dns_answer *addresses)
{
	size_t octets = ip_octets(&w->id->client);

	for (size_t i = 0; addresses && i < addresses->count; i++) {
		if (addresses->records[i].len == octets &&
			memcmp(addresses->records[i].data, w->id->client.bytes, octets) == 0)
			return true;
	}
	return false;
}

/* The validated name: the domain itself, else one below it, else any. */
static struct guard_span validated_name(struct walk *w, const struct guard_name *domain)
{
	struct guard_span best = { UNKNOWN, sizeof UNKNOWN - 1 };
	struct client_names names;
	int best_rank = 0;

	if (!ask_names(w, &names))
		w->pending = true;
	for (size_t i = 0; i < names.count; i++) {
		const struct sluice_dns_record *name = &names.names[i];
		int rank = 1;

		if (!names.hosts[i].addresses)
			w->pending = true;
		if (!has_client(w, names.hosts[i].addresses))
			continue;
		if (domain_equal(name->data, name->len, domain->text, domain->len))
			rank = 3;
		else if (domain_within(name->data, name->len, domain->text, domain->len))
			rank = 2;
		if (rank > best_rank) {
			best_rank = rank;
			best = (struct guard_span){ name->data, name->len };
		}
	}
	return best;
}

static struct guard_macros macros_for(struct walk *w, const struct guard_name *domain, struct guard_span spec)
{
	const struct guard_identity *id = w->id;
	struct guard_macros m = {
		.local = id->local.len ? id->local : (struct guard_span){ "postmaster", 10 },
		.sender_domain = id->domain,
		.domain = { domain->text, domain->len },
		.helo = id->helo,
		.receiver = id->receiver,
		.client = id->client,
		.now_s = id->now_s,
	};

	if (guard_uses_validated(spec))
		m.validated = validated_name(w, domain);
	return m;
}

/* ---- mechanisms ---- */

static enum spf_match match(struct walk *w, const struct guard_term *t, struct spf_view *view)
{
	char record[GUARD_CLEAN_MAX];

	view->client = w->id->client;
	guard_clean_record(t, &view->client, record, &view->any);
	return spf_library_match(w->lib, record, view);
}

/* Count a look-up that brought nothing. */
static bool count_if_void(struct walk *w, const struct sluice_dns_answer *a)
{
	return !a || !is_void(a) || guard_count_void(&w->limits);
}

/* a and exists */
static enum spf_match match_address(struct walk *w, const struct guard_term *t, const struct guard_name *target)
{
	struct spf_view view = { 0 };

	view.target = ask(w, target, t->kind == GUARD_EXISTS ? SLUICE_DNS_A : address_type(w));
	if (!count_if_void(w, view.target))
		return SPF_MATCH_PERMERROR;
	return match(w, t, &view);
}

static enum spf_match match_mx(struct walk *w, const struct guard_term *t, const struct guard_name *target)
{
	const struct sluice_dns_answer *mx = ask(w, target, SLUICE_DNS_MX);
	struct spf_host hosts[GUARD_MAX_MX] = { 0 };
	struct spf_view view = { .hosts = hosts };

	if (!mx)
		return SPF_MATCH_PENDING;
	if (is_failed(mx))
		return SPF_MATCH_TEMPERROR;
	if (mx->count > GUARD_MAX_MX || !count_if_void(w, mx))
		return SPF_MATCH_PERMERROR;
	for (size_t i = 0; i < mx->count; i++) {
		if (mx->records[i].len) /* RFC 7505: the null MX */
			hosts[view.host_count++].addresses = ask_text(w, mx->records[i].data, address_type(w));
	}
	return match(w, t, &view);
}

static enum spf_match match_ptr(struct walk *w, const struct guard_term *t, const struct guard_name *target)
{
	/* RFC 7208 5.5: a name whose addresses cannot be had is passed over */
	static const struct sluice_dns_answer skipped = { .status = SLUICE_DNS_NXDOMAIN };
	struct client_names names;
	const struct sluice_dns_answer *ptr = ask_names(w, &names);
	struct spf_view view = { .hosts = names.hosts, .host_count = names.count };

	if (!ptr)
		return SPF_MATCH_PENDING;
	if (is_failed(ptr))
		return SPF_NO_MATCH;
	if (!count_if_void(w, ptr))
		return SPF_MATCH_PERMERROR;
	for (size_t i = 0; i < names.count; i++) {
		struct spf_host *host = &names.hosts[i];

		host->within = domain_within(names.names[i].data, names.names[i].len, target->text, target->len);
		if (host->addresses && is_failed(host->addresses))
			host->addresses = &skipped;
	}
	return match(w, t, &view);
}

static enum guard_result check_host(struct walk *w, const struct guard_name *domain, struct source *source);

static enum spf_match match_include(struct walk *w, const struct guard_name *target)
{
	struct source ignored = { 0 };

	switch (check_host(w, target, &ignored)) { /* the table of RFC 7208 5.2 */
	case GUARD_PASS:
		return SPF_MATCH;
	case GUARD_NEUTRAL:
	case GUARD_FAIL:
	case GUARD_SOFTFAIL:
		return SPF_NO_MATCH;
	case GUARD_TEMPERROR:
		return SPF_MATCH_TEMPERROR;
	case GUARD_NONE:
	case GUARD_PERMERROR:
		return SPF_MATCH_PERMERROR;
	}
	return SPF_MATCH_PERMERROR;
}

/* A mechanism that makes look-ups. */
static enum spf_match match_by_name(struct walk *w, const struct guard_name *domain, const struct guard_term *t)
{
	struct guard_macros m;
	struct guard_name target;

	if (!guard_count_term(&w->limits))
		return SPF_MATCH_PERMERROR;
	m = macros_for(w, domain, t->spec);
	if (guard_uses_validated(t->spec) && w->pending)
		return SPF_MATCH_PENDING;
	if (!guard_target(t->spec, &m, &target))
		return t->kind == GUARD_INCLUDE ? SPF_MATCH_PERMERROR : SPF_NO_MATCH; /* RFC 7208 4.3, 4.8 */
	if (t->kind == GUARD_INCLUDE)
		return match_include(w, &target);
	if (t->kind == GUARD_MX)
		return match_mx(w, t, &target);
	if (t->kind == GUARD_PTR)
		return match_ptr(w, t, &target);
	return match_address(w, t, &target);
}

static enum spf_match match_term(struct walk *w, const struct guard_name *domain, const struct guard_term *t)
{
	struct spf_view view = { 0 };

	switch (t->kind) {
	case GUARD_ALL:
		return SPF_MATCH;
	case GUARD_IP4:
	case GUARD_IP6:
		return match(w, t, &view);
	case GUARD_INCLUDE:
	case GUARD_A:
	case GUARD_MX:
	case GUARD_PTR:
	case GUARD_EXISTS:
		return match_by_name(w, domain, t);
	case GUARD_REDIRECT:
	case GUARD_EXPLANATION:
	case GUARD_OTHER_MODIFIER:
		return SPF_NO_MATCH;
	}
	return SPF_NO_MATCH;
}

static enum guard_result result_of(char qualifier)
{
	switch (qualifier) {
	case '-':
		return GUARD_FAIL;
	case '~':
		return GUARD_SOFTFAIL;
	case '?':
		return GUARD_NEUTRAL;
	default:
		return GUARD_PASS;
	}
}

/* ---- records ---- */

static enum guard_result redirect(
	struct walk *w, const struct guard_name *domain, struct guard_span spec, struct source *source)
{
	struct guard_span record = source->record;
	struct guard_name target;
	struct guard_macros m;
	enum guard_result r;

	if (!guard_count_term(&w->limits))
		return GUARD_PERMERROR;
	m = macros_for(w, domain, spec);
	if (guard_uses_validated(spec) && w->pending)
		return GUARD_NONE;
	if (!guard_target(spec, &m, &target))
		return GUARD_PERMERROR;
	r = check_host(w, &target, source);
	source->record = record;
	return r == GUARD_NONE ? GUARD_PERMERROR : r; /* RFC 7208 6.1 */
}

static enum guard_result evaluate(
	struct walk *w, const struct guard_name *domain, const struct guard_record *record, struct source *source)
{
	struct guard_term t;

	for (size_t pos = 0; guard_next(record, &pos, &t);) {
		switch (match_term(w, domain, &t)) {
		case SPF_MATCH:
			source->mechanism = t.text;
			source->explanation = record->explanation;
			source->domain = *domain;
			return result_of(t.qualifier);
		case SPF_NO_MATCH:
			break;
		case SPF_MATCH_PENDING:
			w->pending = true;
			break;
		case SPF_MATCH_TEMPERROR:
			source->mechanism = t.text;
			return GUARD_TEMPERROR;
		case SPF_MATCH_PERMERROR:
			source->mechanism = t.text;
			return GUARD_PERMERROR;
		}
	}
	return record->redirect.len ? redirect(w, domain, record->redirect, source) : GUARD_NEUTRAL;
}

/* How deep it goes is bounded by GUARD_MAX_TERMS: each include and redirect is one. */
static enum guard_result check_host(struct walk *w, const struct guard_name *domain, struct source *source)
{
	const struct sluice_dns_answer *txt;
	struct guard_record record;

	if (!guard_is_domain(domain))
		return GUARD_NONE;
	txt = ask(w, domain, SLUICE_DNS_TXT);
	if (!txt) {
		w->pending = true;
		return GUARD_NEUTRAL; /* whatever it is, it does not count */
	}
	if (is_failed(txt))
		return GUARD_TEMPERROR;
	switch (guard_choose(txt, &source->record)) {
	case GUARD_NO_RECORD:
		return GUARD_NONE;
	case GUARD_SEVERAL_RECORDS:
		return GUARD_PERMERROR;
	case GUARD_ONE_RECORD:
		break;
	}
	return guard_parse(source->record, &record) ? evaluate(w, domain, &record, source) : GUARD_PERMERROR;
}

/* RFC 7208 6.2; whatever is wrong with it, there is none then. */
static void explain(struct walk *w, const struct source *source, char ret[GUARD_EXPLANATION_MAX_BYTES + 1])
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(GUARD_EXPLANATION_MAX_BYTES);
	struct guard_macros m = macros_for(w, &source->domain, source->explanation);
	const struct sluice_dns_answer *txt;
	struct guard_name target;
	struct guard_span string;

	if (w->pending || !guard_target(source->explanation, &m, &target))
		return;
	txt = ask(w, &target, SLUICE_DNS_TXT);
	if (!txt)
		w->pending = true;
	if (!txt || txt->count != 1)
		return;
	string = (struct guard_span){ txt->records[0].data, txt->records[0].len };
	if (!guard_is_explanation(string))
		return;
	m = macros_for(w, &source->domain, string);
	if (w->pending || !guard_expand(string, &m, &text))
		return;
	for (size_t i = 0; i < text.len; i++) {
		if (text.bytes[i] < 0x20 || text.bytes[i] > 0x7e)
			return;
	}
	memcpy(ret, text_str(&text), text.len + 1);
}

bool guard_check(const struct spf_library *lib, const struct guard_asker *asker, const struct guard_identity *id,
	struct guard_verdict *ret)
{
	struct walk w = { .lib = lib, .asker = asker, .id = id };
	struct guard_verdict verdict = { .result = GUARD_NONE };
	struct source source = { 0 };
	struct guard_name domain;

	if (guard_name_set(&domain, id->domain.at, id->domain.len))
		verdict.result = check_host(&w, &domain, &source);
	if (!w.pending && verdict.result == GUARD_FAIL && source.explanation.len)
		explain(&w, &source, verdict.explanation);
	if (w.pending)
		return false;
	verdict.mechanism = source.mechanism;
	verdict.record = source.record;
	verdict.lookups = w.limits.terms;
	verdict.voids = w.limits.voids;
	*ret = verdict;
	return true;
}
