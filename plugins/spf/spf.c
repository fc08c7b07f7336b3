/* SPDX-License-Identifier: BSD-2-Clause */
/* spf - may this client send mail for this domain? (RFC 7208) */
#include <string.h>

#include "plugins/plugin.h"
#include "plugins/spf/spf_eval.h"

enum {
	RESULT,
	IDENTITY,
	DOMAIN,
	EXPLANATION,
	MECHANISM,
	RECORD,
	LOOKUPS,
	VOID_LOOKUPS,
	HELO_RESULT,
	HELO_EXPLANATION,
	HELO_MECHANISM,
};
enum identity { OF_MAIL_FROM, OF_HELO };

static const char *const identities[] = { "mailfrom", "helo", NULL }; /* in the order of enum identity */

static const struct sluice_fact facts[] = {
	[RESULT] = { "spf.result", SLUICE_ENUM, spf_result_words, "result for MAIL FROM, or for HELO when it is null" },
	[IDENTITY] = { "spf.identity", SLUICE_ENUM, identities, "what spf.result is about" },
	[DOMAIN] = { "spf.domain", SLUICE_DOMAIN, NULL, "the domain whose record was evaluated" },
	[EXPLANATION] = { "spf.explanation", SLUICE_TEXT, NULL, "why the domain says that it refuses; only with fail" },
	[MECHANISM] = { "spf.mechanism", SLUICE_TEXT, NULL, "the term of the record that decided" },
	[RECORD] = { "spf.record", SLUICE_TEXT, NULL, "the domain's record" },
	[LOOKUPS] = { "spf.lookups", SLUICE_INT, NULL, "terms that made DNS look-ups; 11 is one too many" },
	[VOID_LOOKUPS] = { "spf.void_lookups", SLUICE_INT, NULL,
		"of them, those that found nothing; 3 is one too many" },
	[HELO_RESULT] = { "spf_helo.result", SLUICE_ENUM, spf_result_words, "result for the name given in HELO" },
	[HELO_EXPLANATION] = { "spf_helo.explanation", SLUICE_TEXT, NULL, "as spf.explanation, of the HELO name" },
	[HELO_MECHANISM] = { "spf_helo.mechanism", SLUICE_TEXT, NULL, "as spf.mechanism, of the HELO name" },
	{ .name = NULL },
};

static const struct sluice_dns_answer *ask(void *arg, const char *name, enum sluice_dns_type type)
{
	return sluice_ask_dns(arg, name, type);
}

static struct spf_span helo_of(const struct sluice_check_ctx *c)
{
	struct spf_span s = { 0 };

	s.at = sluice_helo(c, &s.len);
	return s.at ? s : (struct spf_span){ "", 0 };
}

static bool check(struct sluice_check_ctx *c, struct spf_span local, struct spf_span domain, struct spf_verdict *ret)
{
	const char *receiver = sluice_our_name(c);
	const struct spf_asker asker = { ask, c };
	const struct spf_identity id = {
		.client = *sluice_client_ip(c),
		.local = local,
		.domain = domain,
		.helo = helo_of(c),
		.receiver = { receiver, strlen(receiver) },
		.now_s = sluice_now_s(c),
	};

	return spf_check(&asker, &id, ret);
}

static void set_span(struct sluice_result *res, unsigned fact, struct spf_span s)
{
	if (s.len)
		sluice_set_text(res, fact, s.at, s.len);
}

static void add_authres(
	struct sluice_result *res, const struct spf_verdict *v, const char *property, struct spf_span value)
{
	const struct sluice_authres_property properties[] = {
		{ property, value.at, value.len },
		{ .name = NULL },
	};

	sluice_authres(res, "spf", spf_result_words[v->result], NULL, properties);
}

static enum sluice_outcome outcome_of(const struct spf_verdict *v)
{
	return v->result == SPF_TEMPERROR ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static enum sluice_outcome run_helo(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct spf_span helo = helo_of(c);
	struct spf_verdict v;

	if (sluice_client_ip(c)->family == 0 || helo.len == 0)
		return SLUICE_SKIPPED;
	if (!check(c, (struct spf_span){ 0 }, helo, &v))
		return SLUICE_PENDING;
	sluice_set_enum(res, HELO_RESULT, v.result);
	set_span(res, HELO_EXPLANATION, (struct spf_span){ v.explanation, strlen(v.explanation) });
	set_span(res, HELO_MECHANISM, v.mechanism);
	return outcome_of(&v);
}

static enum sluice_outcome run_mail(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *from = sluice_mail_from(c);
	struct spf_span helo = helo_of(c), domain;
	struct spf_verdict mail, of_helo;
	bool known;

	if (!from || sluice_client_ip(c)->family == 0 || sluice_authenticated(c))
		return SLUICE_SKIPPED;
	domain = from->null ? helo : (struct spf_span){ from->domain, from->domain_len };
	known = check(c, (struct spf_span){ 0 }, helo, &of_helo);
	if (from->null)
		mail = of_helo;
	else /* asked side by side with the other */
		known &= check(c, (struct spf_span){ from->local, from->local_len }, domain, &mail);
	if (!known)
		return SLUICE_PENDING;

	sluice_set_enum(res, RESULT, mail.result);
	sluice_set_enum(res, IDENTITY, from->null ? OF_HELO : OF_MAIL_FROM);
	set_span(res, DOMAIN, domain);
	set_span(res, EXPLANATION, (struct spf_span){ mail.explanation, strlen(mail.explanation) });
	set_span(res, MECHANISM, mail.mechanism);
	set_span(res, RECORD, mail.record);
	sluice_set_int(res, LOOKUPS, mail.lookups);
	sluice_set_int(res, VOID_LOOKUPS, mail.voids);
	if (!from->null)
		add_authres(res, &mail, "smtp.mailfrom", (struct spf_span){ from->text, from->len });
	if (from->null || of_helo.result != SPF_NONE)
		add_authres(res, &of_helo, "smtp.helo", helo);
	return outcome_of(&mail);
}

static const struct sluice_check checks[] = {
	{ .name = "spf",
		.stage = SLUICE_STAGE_MAIL,
		.run = run_mail,
		.first_fact = RESULT,
		.last_fact = VOID_LOOKUPS,
		.authres = true },
	{ .name = "spf_helo",
		.stage = SLUICE_STAGE_HELO,
		.run = run_helo,
		.first_fact = HELO_RESULT,
		.last_fact = HELO_MECHANISM },
	{ .name = NULL },
};

SLUICE_PLUGIN(spf) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "spf",
	.help = "may this client send mail for this domain (RFC 7208)",
	.facts = facts,
	.checks = checks,
};
