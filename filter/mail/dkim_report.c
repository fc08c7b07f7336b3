/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_report.h"

#include <inttypes.h>
#include <string.h>

#define DESCRIPTION_MAX 2048

const struct sluice_fact dkim_facts[] = {
	[DKIM_FACT_RESULT] = { "dkim.result", SLUICE_ENUM, dkim_result_words,
		"pass if one signature passes, else what says most of them" },
	[DKIM_FACT_DOMAINS] = { "dkim.domains", SLUICE_TEXTS, NULL, "domains (d=) whose signature passes, in lower case" },
	[DKIM_FACT_UNVERIFIED] = { "dkim.unverified", SLUICE_TEXTS, NULL,
		"domains whose signature may be good: the DNS did not say what the key is" },
	[DKIM_FACT_SIGNATURES] = { "dkim.signatures", SLUICE_TEXTS, NULL,
		"each signature that was looked at: d=example.net i=@example.net s=sel a=rsa-sha256 b=2048 l=1234 pass" },
	[DKIM_FACT_COUNT] = { "dkim.count", SLUICE_INT, NULL, "signatures in the message" },
	[DKIM_FACT_SKIPPED] = { "dkim.skipped", SLUICE_INT, NULL, "of them those that were too many to be looked at" },
	[DKIM_FACT_PARTIAL] = { "dkim.partial", SLUICE_BOOL, NULL,
		"a signature passes that leaves the end of the body uncovered (l=)" },
	{ .name = NULL },
};

enum dkim_result dkim_result_join(enum dkim_result a, enum dkim_result b)
{
	static const unsigned ranks[] = {
		[DKIM_NONE] = 0,
		[DKIM_NEUTRAL] = 1,
		[DKIM_PERMERROR] = 2,
		[DKIM_POLICY] = 3,
		[DKIM_FAIL] = 4,
		[DKIM_TEMPERROR] = 5,
		[DKIM_PASS] = 6,
	};

	return ranks[a] >= ranks[b] ? a : b;
}

size_t dkim_b_length(const char *const *b, size_t count)
{
	size_t longest = 8;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			while (longest < DKIM_B_MAX && strcmp(b[i], b[k]) != 0 && strncmp(b[i], b[k], longest) == 0)
				longest++;
	return longest;
}

void dkim_describe(struct text *out, const struct dkim_verified *v)
{
	const struct dkim_signature *sig = &v->sig;

	if (sig->domain[0])
		text_addf(out, "d=%s ", sig->domain);
	if (sig->identity[0])
		text_addf(out, "i=%s ", sig->identity);
	if (sig->selector[0])
		text_addf(out, "s=%s ", sig->selector);
	if (sig->algorithm_text[0])
		text_addf(out, "a=%s ", sig->algorithm_text);
	if (v->bits)
		text_addf(out, "b=%u ", v->bits);
	if (v->result.result == DKIM_PASS)
		text_addf(out, "l=%" PRIu64 " ", v->covered);
	text_adds(out, dkim_result_words[v->result.result]);
	if (v->result.why)
		text_addf(out, ": %s", v->result.why);
}

static void add_authres(struct sluice_result *res, const struct dkim_verified *v, size_t b_len)
{
	struct sluice_authres_property properties[5] = { { .name = NULL } };
	const struct dkim_signature *sig = &v->sig;
	const struct {
		const char *name, *value;
		size_t len;
	} all[] = {
		{ "header.d", sig->domain, strlen(sig->domain) },
		{ "header.s", sig->selector, strlen(sig->selector) },
		{ "header.a", sig->algorithm_text, strlen(sig->algorithm_text) },
		{ "header.b", sig->b, strnlen(sig->b, b_len) },
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].len)
			properties[count++] = (struct sluice_authres_property){ all[i].name, all[i].value, all[i].len };
	sluice_authres(res, "dkim", dkim_result_words[v->result.result], v->result.why, properties);
}

/* A domain that has signed twice with one result is named once. */
static void add_domain(struct sluice_result *res, unsigned fact, const struct dkim_verified *signatures, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (signatures[i].result.result == signatures[at].result.result &&
			!strcmp(signatures[i].sig.domain, signatures[at].sig.domain))
			return;
	sluice_add_text(res, fact, signatures[at].sig.domain, strlen(signatures[at].sig.domain));
}

enum dkim_result dkim_report(struct sluice_result *res, const struct dkim_verified *signatures, size_t count, size_t skipped)
{
	const char *b[DKIM_MAX_SIGNATURES] = { NULL };
	enum dkim_result all = DKIM_NONE;
	bool partial = false;
	size_t b_len;

	for (size_t i = 0; i < count; i++)
		b[i] = signatures[i].sig.b;
	b_len = dkim_b_length(b, count);
	for (size_t i = 0; i < count; i++) {
		SLUICE_CLEANUP(text_done) struct text description = TEXT_INIT(DESCRIPTION_MAX);
		const struct dkim_verified *v = &signatures[i];

		dkim_describe(&description, v);
		sluice_add_text(res, DKIM_FACT_SIGNATURES, text_str(&description), description.len);
		add_authres(res, v, b_len);
		if (v->result.result == DKIM_PASS)
			add_domain(res, DKIM_FACT_DOMAINS, signatures, i);
		if (v->result.result == DKIM_TEMPERROR)
			add_domain(res, DKIM_FACT_UNVERIFIED, signatures, i);
		partial |= v->partial;
		all = dkim_result_join(all, v->result.result);
	}
	sluice_set_enum(res, DKIM_FACT_RESULT, all);
	sluice_set_int(res, DKIM_FACT_COUNT, (int64_t)(count + skipped));
	sluice_set_int(res, DKIM_FACT_SKIPPED, (int64_t)skipped);
	sluice_set_bool(res, DKIM_FACT_PARTIAL, partial);
	if (count == 0)
		sluice_authres(res, "dkim", dkim_result_words[DKIM_NONE], NULL, NULL);
	return all;
}
