/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc - does somebody vouch for the domain in From, and what does it want done if nobody does? (RFC 9989) */
#include <errno.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/base/text.h"
#include "filter/mail/address.h"
#include "filter/mail/dmarc_redact.h"
#include "filter/mail/mailbox.h"
#include "filter/mail/taglist.h"
#include "plugins/dmarc/dmarc_eval.h"
#include "plugins/dmarc/dmarc_failures.h"
#include "plugins/dmarc/dmarc_reports.h"

#define SIGNERS_MAX 10  /* domains of signatures that are asked about before it is known whether they are good */
#define TEXTS_MAX   256 /* domains that are looked at */

enum {
	RESULT,
	DISPOSITION,
	POLICY,
	POLICY_DOMAIN,
	ORG_DOMAIN,
	SPF_ALIGNED,
	DKIM_ALIGNED,
	RECORD,
	WALK,
	TESTING,
	OVERRIDE
};
/* Why what the policy asks for is not done (RFC 9990 has these words); in the order of enum override. */
static const char *const overrides[] = { "trusted_forwarder", "mailing_list", "local_policy", NULL };
enum override { TRUSTED_FORWARDER, MAILING_LIST, LOCAL_POLICY, NO_OVERRIDE };
static const struct sluice_fact facts[] = {
	[RESULT] = { "dmarc.result", SLUICE_ENUM, dmarc_result_words,
		"does SPF or DKIM vouch for the domain in From; none: it has no policy" },
	[DISPOSITION] = { "dmarc.disposition", SLUICE_ENUM, dmarc_policy_words,
		"what the policy asks for this message, unless there is an override" },
	[POLICY] = { "dmarc.policy", SLUICE_ENUM, dmarc_policy_words,
		"the policy of the domain: p, sp or np of the record" },
	[POLICY_DOMAIN] = { "dmarc.policy_domain", SLUICE_DOMAIN, NULL, "the domain that has the record" },
	[ORG_DOMAIN] = { "dmarc.org_domain", SLUICE_DOMAIN, NULL, "the Organizational Domain of the domain in From" },
	[SPF_ALIGNED] = { "dmarc.spf_aligned", SLUICE_BOOL, NULL, "SPF passes for that domain" },
	[DKIM_ALIGNED] = { "dmarc.dkim_aligned", SLUICE_BOOL, NULL, "a good DKIM signature is of that domain" },
	[RECORD] = { "dmarc.record", SLUICE_TEXT, NULL, "the record" },
	[WALK] = { "dmarc.walk", SLUICE_TEXTS, NULL, "the names at which a record was looked for" },
	[TESTING] = { "dmarc.testing", SLUICE_BOOL, NULL, "the domain tries its policy out (t=y)" },
	[OVERRIDE] = { "dmarc.override", SLUICE_ENUM, overrides, "why what the policy asks for is not done" },
	{ .name = NULL },
};

/* From REPORTS on as in dmarc_reports.h. */
enum { DISCOVERY, REPORTS, REPORT_FROM, REPORT_ORG, REPORT_CONTACT, REPORT_ROWS, FAILURE_REPORTS, FAILURE_RATE };
enum { TREEWALK, PSL };
static const char *const discoveries[] = { "treewalk", "psl", NULL };
static const struct sluice_option options[] = {
	[DISCOVERY] = { "discovery", SLUICE_OPT_WORDS, false, discoveries, 0, 0, "treewalk",
		"how the Organizational Domain is found: by the DNS Tree Walk, or by the list of public suffixes" },
	[REPORTS] = { "reports", SLUICE_OPT_BOOL, false, NULL, 0, 0, "no",
		"count messages for the reports that domains ask for (rua); 'sluicectl dmarc report' sends them" },
	[REPORT_FROM] = { "report_from", SLUICE_OPT_TEXT, false, NULL, 0, 0, NULL,
		"address that reports are sent from; a key has to sign for its domain" },
	[REPORT_ORG] = { "report_org", SLUICE_OPT_TEXT, false, NULL, 0, 0, NULL,
		"name of the organization that reports" },
	[REPORT_CONTACT] = { "report_contact", SLUICE_OPT_TEXT, false, NULL, 0, 0, NULL,
		"how else to reach it: a page, a telephone number" },
	[REPORT_ROWS] = { "report_rows", SLUICE_OPT_COUNT, false, NULL, 1, DMARC_REPORT_ROWS_MAX, "20000",
		"different rows that one day has, of 1 KB on average; messages that would make more are not reported" },
	[FAILURE_REPORTS] = { "failure_reports", SLUICE_OPT_BOOL, false, NULL, 0, 0, "no",
		"keep messages that fail for the reports that domains ask for (ruf); 'sluicectl dmarc failures' sends "
	        "them" },
	[FAILURE_RATE] = { "failure_rate", SLUICE_OPT_COUNT, false, NULL, 1, DMARC_FAILURE_RATE_MAX, "10",
		"failure reports that one policy domain gets each day" },
	{ .key = NULL },
};

struct dmarc_state {
	psl_ctx_t *psl; /* NULL: by the Tree Walk */
	struct dmarc_reports reports;
};

/* What the header says. */
struct dmarc_message {
	bool malformed, of_none, apart; /* From: an entry that cannot be read, an address of no domain, addresses of several */
	const char *wrong;              /* why there is no author's domain; NULL: there is one */
	char domain[DMARC_NAME_SIZE];   /* of the first address in From, and of all others unless `apart` */
	char signers[SIGNERS_MAX][DMARC_NAME_SIZE];
	size_t signer_count;
	struct text shown; /* of the header, in a failure report */
	bool automatic;    /* of which none is made */
};

/* ---- asking ---- */

static void names_of(const struct dmarc_state *state, const char *domain, struct dmarc_names *ret)
{
	const char *org;

	if (!state->psl) {
		dmarc_names_walk(domain, ret);
		return;
	}
	org = psl_registrable_domain(state->psl, domain);
	dmarc_names_fixed(domain, org ? org : domain, ret);
}

/* Ask for the records of a walk, all side by side. False: not all are here. */
static bool ask_walk(struct sluice_check_ctx *c, const char *domain, struct dmarc_walk *ret)
{
	const struct sluice_dns_answer *answers[DMARC_WALK_MAX];
	struct dmarc_names names;
	bool all = true;

	names_of(sluice_state(c), domain, &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[DMARC_NAME_SIZE + 8];

		(void)snprintf(name, sizeof name, "_dmarc.%s", names.at[i]);
		answers[i] = sluice_ask_dns(c, name, SLUICE_DNS_TXT);
		all &= answers[i] != NULL;
	}
	if (all)
		dmarc_walk_read(&names, answers, ret);
	return all;
}

/* Does the author's domain exist? SPF has mostly asked the same. */
static const struct sluice_dns_answer *ask_existence(struct sluice_check_ctx *c, const struct dmarc_message *m)
{
	return sluice_ask_dns(c, m->domain, SLUICE_DNS_TXT);
}

static void ask_if_near(struct sluice_check_ctx *c, const struct dmarc_message *m, const char *domain)
{
	struct dmarc_walk walk;

	if (*domain && strcmp(domain, m->domain) != 0 && dmarc_is_near(m->domain, domain))
		(void)ask_walk(c, domain, &walk);
}

/* The domain that SPF is about, as far as it is known before SPF has ended. */
static void spf_domain(const struct sluice_check_ctx *c, char ret[DMARC_NAME_SIZE])
{
	const struct sluice_address *from = sluice_mail_from(c);
	size_t len = from ? from->domain_len : 0;
	const char *domain = from ? from->domain : NULL;

	if (from && from->null)
		domain = sluice_helo(c, &len);
	ret[0] = '\0';
	if (domain)
		(void)dmarc_domain(domain, len, ret);
}

/* All that run() will want, so that it is here by then. */
static void ask_ahead(struct sluice_check_ctx *c, const struct dmarc_message *m)
{
	char domain[DMARC_NAME_SIZE];
	struct dmarc_walk walk;

	(void)ask_walk(c, m->domain, &walk);
	(void)ask_existence(c, m);
	spf_domain(c, domain);
	ask_if_near(c, m, domain);
	for (size_t i = 0; i < m->signer_count; i++)
		ask_if_near(c, m, m->signers[i]);
}

/* ---- the header ---- */

static void drop(void *memory)
{
	struct dmarc_message *m = memory;

	text_done(&m->shown);
	free(m);
}

static void add_author(struct dmarc_message *m, const struct text *address)
{
	struct sluice_address a = address_split(address->bytes, address->len);
	char domain[DMARC_NAME_SIZE];

	if (!dmarc_domain(a.domain, a.domain_len, domain))
		m->of_none = true;
	else if (!m->domain[0])
		memcpy(m->domain, domain, sizeof domain);
	else
		m->apart |= strcmp(domain, m->domain) != 0;
}

/* Each field: what counts is the domain, of however many addresses (5.3.1). */
static void read_from(struct dmarc_message *m, const struct sluice_part *part)
{
	struct header_lexer l = { part->bytes, part->bytes + part->len };
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	enum mailbox_step step;

	while ((step = mailbox_next(&l, &address)) != MAILBOX_END) {
		m->malformed |= step == MAILBOX_BAD;
		if (step == MAILBOX_ADDRESS)
			add_author(m, &address);
	}
}

static void read_signature(struct dmarc_message *m, const struct sluice_part *part)
{
	struct taglist tags;
	const struct tag *d = taglist_parse(part->bytes, part->len, &tags) ? taglist_find(&tags, "d") : NULL;

	if (d && m->signer_count < SIGNERS_MAX && dmarc_domain(d->value, d->value_len, m->signers[m->signer_count]))
		m->signer_count++;
}

static void read_end(struct dmarc_message *m)
{
	if (m->malformed)
		m->wrong = "From cannot be read";
	else if (m->of_none)
		m->wrong = "an address in From is of no domain";
	else if (m->apart)
		m->wrong = "From has addresses of several domains";
	else if (!m->domain[0])
		m->wrong = "From has no address";
}

/* Users and this machine itself need nobody to vouch for them. */
static bool exempt(const struct sluice_check_ctx *c)
{
	return sluice_authenticated(c) || sluice_client_ip(c)->family == 0;
}

/* What a failure report needs of it, if there are such. */
static void keep(struct dmarc_message *m, const struct sluice_part *part)
{
	dmarc_redact(&m->shown, part->name, part->name_len, part->bytes, part->len);
	m->automatic |= dmarc_is_automatic(part->name, part->name_len, part->bytes, part->len);
}

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	const struct dmarc_state *state = sluice_state(c);
	struct dmarc_message *m = *sluice_memory(c);

	if (exempt(c) || part->type == SLUICE_PART_BODY)
		return;
	if (!m) {
		m = shortage_zalloc(sizeof *m);
		*sluice_memory(c) = m;
		if (!m)
			return;
		m->shown = TEXT_INIT(DMARC_FAILURE_HEADER_MAX);
	}
	if (part->type == SLUICE_PART_HEADER && state->reports.failures)
		keep(m, part);
	if (part->type == SLUICE_PART_HEADER_END) {
		read_end(m);
		if (!m->wrong)
			ask_ahead(c, m);
	} else if (header_field_is(part->name, part->name_len, "From")) {
		read_from(m, part);
	} else if (header_field_is(part->name, part->name_len, "DKIM-Signature")) {
		read_signature(m, part);
	}
}

/* ---- who vouches for it ---- */

static bool fact_is(const struct sluice_check_ctx *c, const char *fact, const char *word)
{
	size_t len;
	const char *value = sluice_fact(c, fact, &len);

	return value && ascii_equals(value, len, word);
}

/* A check that found nothing out may have found a pass. */
static bool is_unknown(const struct sluice_check_ctx *c, const char *result, const char *outcome)
{
	size_t len;

	return !sluice_fact(c, result, &len) && fact_is(c, outcome, "temperror");
}

/* A domain that passes, or, not sure, may have passed. Adds to *ret. False: wait. */
static bool align(struct sluice_check_ctx *c, const struct dmarc_walk *author, const char *bytes, size_t len,
	bool strict, bool sure, enum dmarc_alignment *ret)
{
	char domain[DMARC_NAME_SIZE];
	struct dmarc_walk walk = { .org = NULL };
	enum dmarc_alignment one;

	if (!dmarc_domain(bytes, len, domain))
		return true;
	if (dmarc_needs_org(author, domain, strict) && !ask_walk(c, domain, &walk))
		return false;
	one = dmarc_align(author, domain, walk.org, strict);
	if (one == DMARC_ALIGNED && !sure)
		one = DMARC_OPEN;
	*ret = one > *ret ? one : *ret;
	return true;
}

/* What is unknown may have been a pass, but none for another domain than its own. */
static bool align_spf(
	struct sluice_check_ctx *c, const struct dmarc_walk *author, bool strict, enum dmarc_alignment *ret)
{
	bool pass = fact_is(c, "spf.result", "pass");
	char own[DMARC_NAME_SIZE];
	size_t len;
	const char *domain = sluice_fact(c, "spf.domain", &len);

	if (is_unknown(c, "spf.result", "spf.outcome")) {
		spf_domain(c, own);
		return align(c, author, own, strlen(own), strict, false, ret);
	}
	if (!domain || (!pass && !fact_is(c, "spf.result", "temperror")))
		return true;
	return align(c, author, domain, len, strict, pass, ret);
}

static bool align_signers(struct sluice_check_ctx *c, const struct dmarc_walk *author, bool strict, const char *fact,
	bool sure, enum dmarc_alignment *ret)
{
	bool all = true;
	size_t len;

	for (size_t i = 0; i < TEXTS_MAX; i++) {
		const char *domain = sluice_fact_item(c, fact, i, &len);

		if (!domain)
			break;
		all &= align(c, author, domain, len, strict, sure, ret);
	}
	return all;
}

static bool align_dkim(struct sluice_check_ctx *c, const struct dmarc_message *m, const struct dmarc_walk *author,
	bool strict, enum dmarc_alignment *ret)
{
	bool all = true;

	if (is_unknown(c, "dkim.result", "dkim.outcome"))
		for (size_t i = 0; i < m->signer_count; i++)
			all &= align(c, author, m->signers[i], strlen(m->signers[i]), strict, false, ret);
	all &= align_signers(c, author, strict, "dkim.domains", true, ret);
	all &= align_signers(c, author, strict, "dkim.unverified", false, ret);
	return all;
}

/* SPF and DKIM, side by side. False: wait. */
static bool align_all(struct sluice_check_ctx *c, const struct dmarc_message *m, const struct dmarc_walk *author,
	enum dmarc_alignment *spf, enum dmarc_alignment *dkim)
{
	const struct dmarc_record *r = author->policy >= 0 ? &author->records[author->policy] : NULL;
	bool all = true;

	if (r) {
		all &= align_spf(c, author, r->strict_spf, spf);
		all &= align_dkim(c, m, author, r->strict_dkim, dkim);
	}
	return all;
}

/* ---- the end of the message ---- */

static void add_authres(struct sluice_result *res, const char *domain, const struct dmarc_verdict *v)
{
	const char *policy = dmarc_policy_words[v->policy];
	const struct sluice_authres_property properties[] = {
		{ "header.from", domain, strlen(domain) },
		{ v->has_policy ? "policy.dmarc" : NULL, policy, strlen(policy) },
		{ .name = NULL },
	};

	sluice_authres(res, "dmarc", dmarc_result_words[v->result], v->why, *domain ? properties : NULL);
}

static void report_walk(struct sluice_result *res, const struct dmarc_walk *walk)
{
	for (size_t i = 0; i < walk->steps; i++) {
		char name[DMARC_NAME_SIZE + 8];

		(void)snprintf(name, sizeof name, "_dmarc.%s", walk->names.at[i]);
		sluice_add_text(res, WALK, name, strlen(name));
	}
	if (walk->org)
		sluice_set_text(res, ORG_DOMAIN, walk->org, strlen(walk->org));
	if (walk->policy >= 0) {
		const char *domain = walk->names.at[walk->policy];

		sluice_set_text(res, POLICY_DOMAIN, domain, strlen(domain));
		sluice_set_text(res, RECORD, walk->texts[walk->policy]->data, walk->texts[walk->policy]->len);
		sluice_set_bool(res, TESTING, walk->records[walk->policy].testing);
	}
}

/* A sealer that we trust had seen it pass, about this domain as far as it says which. */
static bool has_trusted_pass(const struct sluice_check_ctx *c, const char *domain)
{
	size_t len;
	const char *from = sluice_fact(c, "arc.dmarc_from", &len);

	return fact_is(c, "arc.dmarc", "pass") && (!from || ascii_equals(from, len, domain));
}

static enum override find_override(const struct sluice_check_ctx *c, const char *domain)
{
	if (has_trusted_pass(c, domain))
		return TRUSTED_FORWARDER;
	if (sluice_list_has_ip(c, "mailing-lists", sluice_client_ip(c)))
		return MAILING_LIST;
	if (sluice_list_has_domain(c, "dmarc-exempt", domain, strlen(domain)))
		return LOCAL_POLICY;
	return NO_OVERRIDE;
}

/* Where something is asked for, and the site knows better. */
static void override(
	const struct sluice_check_ctx *c, struct sluice_result *res, const char *domain, struct dmarc_verdict *v)
{
	enum override why = NO_OVERRIDE;

	if (v->result == DMARC_FAIL && v->disposition != DMARC_POLICY_NONE)
		why = find_override(c, domain);
	if (why == NO_OVERRIDE)
		return;
	v->disposition = DMARC_POLICY_NONE;
	sluice_set_enum(res, OVERRIDE, why);
}

static void report(struct sluice_result *res, const char *domain, const struct dmarc_verdict *v)
{
	sluice_set_enum(res, RESULT, v->result);
	if (v->result != DMARC_TEMPERROR)
		sluice_set_enum(res, DISPOSITION, v->disposition);
	if (v->has_policy)
		sluice_set_enum(res, POLICY, v->policy);
	add_authres(res, domain, v);
}

static void report_alignment(struct sluice_result *res, unsigned fact, enum dmarc_alignment alignment)
{
	if (alignment != DMARC_OPEN)
		sluice_set_bool(res, fact, alignment == DMARC_ALIGNED);
}

static enum dmarc_existence existence_of(const struct sluice_dns_answer *a)
{
	switch (a->status) {
	case SLUICE_DNS_OK:
	case SLUICE_DNS_NODATA:
		return DMARC_EXISTS;
	case SLUICE_DNS_NXDOMAIN:
		return DMARC_EXISTS_NOT;
	case SLUICE_DNS_FAILED:
	case SLUICE_DNS_TIMEOUT:
		break;
	}
	return DMARC_EXISTENCE_UNKNOWN;
}

static enum sluice_outcome judge(struct sluice_check_ctx *c, struct sluice_result *res, const struct dmarc_message *m)
{
	const struct sluice_dns_answer *existence = ask_existence(c, m);
	enum dmarc_alignment spf = DMARC_APART, dkim = DMARC_APART;
	struct dmarc_verdict v;
	struct dmarc_walk walk;

	if (!ask_walk(c, m->domain, &walk) || !existence)
		return SLUICE_PENDING;
	if (!align_all(c, m, &walk, &spf, &dkim))
		return SLUICE_PENDING;
	v = dmarc_judge(&walk, existence_of(existence), spf, dkim);
	override(c, res, m->domain, &v);
	report_walk(res, &walk);
	if (walk.policy >= 0) {
		report_alignment(res, SPF_ALIGNED, spf);
		report_alignment(res, DKIM_ALIGNED, dkim);
	}
	report(res, m->domain, &v);
	return v.result == DMARC_TEMPERROR ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct dmarc_message *m = *sluice_memory(c);
	struct dmarc_verdict wrong = { .result = DMARC_PERMERROR };

	if (exempt(c))
		return SLUICE_SKIPPED;
	if (!m)
		return SLUICE_TEMPERROR;
	if (!m->wrong)
		return judge(c, res, m);
	wrong.why = m->wrong;
	report(res, "", &wrong);
	return SLUICE_DONE;
}

static bool wanted(const void *state)
{
	const struct dmarc_state *s = state;

	return s->reports.seen || s->reports.failures;
}

static void concluded(struct sluice_check_ctx *c, const struct sluice_conclusion *v)
{
	const struct dmarc_state *state = sluice_state(c);
	const struct dmarc_message *m = *sluice_memory(c);

	if (wanted(state) && m && !m->wrong)
		dmarc_reports_note(c, &state->reports, m->domain, state->psl != NULL,
			m->automatic ? NULL : text_str(&m->shown), v);
}

static const char *const reads[] = {
	"spf.result",
	"spf.domain",
	"spf.outcome",
	"dkim.result",
	"dkim.domains",
	"dkim.unverified",
	"dkim.outcome",
	"arc.dmarc",
	"arc.dmarc_from",
	"dkim.signatures", /* for reports */
	"spf.record",      /* the same */
	NULL,
};
static const struct sluice_check checks[] = {
	{ .name = "dmarc",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = RESULT,
		.last_fact = OVERRIDE,
		.authres = true,
		.reads = reads,
		.feed = feed,
		.drop = drop,
		.concluded = concluded,
		.wanted = wanted },
	{ .name = NULL },
};

static const struct sluice_list_use lists[] = {
	{ "mailing-lists", SLUICE_LIST_NETWORK, false, "hosts of mailing lists whose mail may fail DMARC" },
	{ "dmarc-exempt", SLUICE_LIST_DOMAIN, false, "domains in From for which the site does not do what they ask" },
	{ DMARC_REPORTS_OPT_OUT, SLUICE_LIST_DOMAIN, false,
		"domains, by whose policy it is, that get no DMARC reports" },
	{ .name = NULL },
};

/* ---- settings ---- */

static void release(void *state)
{
	struct dmarc_state *s = state;

	if (!s)
		return;
	psl_free(s->psl);
	dmarc_reports_done(&s->reports);
	free(s);
}

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct dmarc_state *s = calloc(1, sizeof *s);
	int r;

	(void)count;
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < blocks->count; i++) {
		const struct sluice_setting *set = &blocks->settings[i];

		if (set->option != DISCOVERY)
			continue;
		if (set->number != (1 << TREEWALK) && set->number != (1 << PSL)) {
			*reterr = (struct sluice_config_error){ "discovery is one of treewalk and psl, not both",
				set->line };
			release(s);
			return -EINVAL;
		}
		if (set->number == 1 << PSL)
			s->psl = psl_latest(NULL);
		if (set->number == 1 << PSL && !s->psl) {
			*reterr = (struct sluice_config_error){
				"there is no list of public suffixes: install the package publicsuffix", set->line
			};
			release(s);
			return -EINVAL;
		}
	}
	r = dmarc_reports_configure(blocks, REPORTS, &s->reports, reterr);
	if (r < 0) {
		release(s);
		return r;
	}
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(dmarc) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "dmarc",
	.help = "does SPF or DKIM vouch for the domain in From, and what does it ask for if neither does (RFC 9989)",
	.facts = facts,
	.checks = checks,
	.options = options,
	.lists = lists,
	.configure = configure,
	.release = release,
};
