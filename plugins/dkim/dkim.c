/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim - which domains have signed this message, and is it still what they signed? (RFC 6376) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/mail/dkim_record.h"
#include "plugins/dkim/dkim_verify.h"

#define DESCRIPTION_MAX 1024
#define NAME_MAX_BYTES  1024 /* of a key; one too long for the DNS is answered NXDOMAIN */

enum { RESULT, DOMAINS, UNVERIFIED, SIGNATURES, COUNT, SKIPPED, PARTIAL };
static const struct sluice_fact facts[] = {
	[RESULT] = { "dkim.result", SLUICE_ENUM, dkim_result_words,
		"pass if one signature passes, else what says most of them" },
	[DOMAINS] = { "dkim.domains", SLUICE_TEXTS, NULL, "domains (d=) whose signature passes, in lower case" },
	[UNVERIFIED] = { "dkim.unverified", SLUICE_TEXTS, NULL,
		"domains whose signature may be good: the DNS did not say what the key is" },
	[SIGNATURES] = { "dkim.signatures", SLUICE_TEXTS, NULL,
		"each signature that was looked at: d=example.net s=sel a=rsa-sha256 b=2048 pass" },
	[COUNT] = { "dkim.count", SLUICE_INT, NULL, "signatures in the message" },
	[SKIPPED] = { "dkim.skipped", SLUICE_INT, NULL, "of them those that were too many to be looked at" },
	[PARTIAL] = { "dkim.partial", SLUICE_BOOL, NULL,
		"a signature passes that leaves the end of the body uncovered (l=)" },
	{ .name = NULL },
};

enum { MAX_SIGNATURES, MIN_KEY_BITS, OPTIONS };
static const struct sluice_option options[] = {
	[MAX_SIGNATURES] = { "max_signatures", SLUICE_OPT_COUNT, false, NULL, 1, DKIM_MAX_SIGNATURES, "10",
		"signatures of one message that are looked at, from the top" },
	[MIN_KEY_BITS] = { "min_key_bits", SLUICE_OPT_COUNT, false, NULL, DKIM_RSA_MIN_BITS, DKIM_RSA_MAX_BITS, "1024",
		"an RSA key of fewer bits proves nothing" },
	{ .key = NULL },
};

struct dkim_state {
	struct dkim_keys *keys; /* that were used before */
	int64_t values[OPTIONS];
};

/* ---- the message as it comes ---- */

static const struct sluice_dns_answer *ask_key(struct sluice_check_ctx *c, const struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(NAME_MAX_BYTES);

	dkim_record_name(&name, sig->selector, sig->domain);
	return sluice_ask_dns(c, text_str(&name), SLUICE_DNS_TXT);
}

/* Ask for all keys side by side. False: not all are here. */
static bool ask_keys(struct sluice_check_ctx *c, struct dkim_message *m,
	const struct sluice_dns_answer *answers[DKIM_MAX_SIGNATURES])
{
	size_t count;
	const struct dkim_verified *signatures = dkim_message_signatures(m, &count);
	bool all = true;

	for (size_t i = 0; i < count; i++) {
		answers[i] = signatures[i].sig.flaw.why ? NULL : ask_key(c, &signatures[i].sig);
		all &= signatures[i].sig.flaw.why || answers[i];
	}
	return all;
}

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	const struct sluice_dns_answer *answers[DKIM_MAX_SIGNATURES];
	const struct dkim_state *state = sluice_state(c);
	void **memory = sluice_memory(c);

	if (sluice_authenticated(c))
		return;
	if (!*memory)
		*memory = dkim_message_new((size_t)state->values[MAX_SIGNATURES]);
	if (!*memory)
		return;
	switch (part->type) {
	case SLUICE_PART_HEADER:
		dkim_message_header(*memory, part->name, part->name_len, part->bytes, part->len);
		break;
	case SLUICE_PART_HEADER_END:
		dkim_message_header_end(*memory, sluice_now_s(c));
		(void)ask_keys(c, *memory, answers); /* so that they are here when the body is */
		break;
	case SLUICE_PART_BODY:
		dkim_message_body(*memory, part->bytes, part->len);
		break;
	}
}

static void drop(void *memory)
{
	dkim_message_free(memory);
}

/* ---- the end of the message ---- */

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

static enum dkim_result report(struct sluice_result *res, struct dkim_message *m)
{
	size_t count;
	const struct dkim_verified *signatures = dkim_message_signatures(m, &count);
	const char *b[DKIM_MAX_SIGNATURES];
	enum dkim_result all = DKIM_NONE;
	bool partial = false;
	size_t b_len;

	for (size_t i = 0; i < count; i++)
		b[i] = signatures[i].sig.b;
	b_len = dkim_b_length(b, count);
	for (size_t i = 0; i < count; i++) {
		SLUICE_CLEANUP(text_done) struct text description = TEXT_INIT(DESCRIPTION_MAX);
		const struct dkim_verified *v = &signatures[i];

		dkim_describe(&description, &v->sig, v->bits, &v->result);
		sluice_add_text(res, SIGNATURES, text_str(&description), description.len);
		add_authres(res, v, b_len);
		if (v->result.result == DKIM_PASS)
			add_domain(res, DOMAINS, signatures, i);
		if (v->result.result == DKIM_TEMPERROR)
			add_domain(res, UNVERIFIED, signatures, i);
		partial |= v->partial;
		all = dkim_result_join(all, v->result.result);
	}
	sluice_set_enum(res, RESULT, all);
	sluice_set_int(res, COUNT, (int64_t)(count + dkim_message_skipped(m)));
	sluice_set_int(res, SKIPPED, (int64_t)dkim_message_skipped(m));
	sluice_set_bool(res, PARTIAL, partial);
	if (count == 0)
		sluice_authres(res, "dkim", dkim_result_words[DKIM_NONE], NULL, NULL);
	return all;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct dkim_state *state = sluice_state(c);
	const struct sluice_dns_answer *answers[DKIM_MAX_SIGNATURES];
	struct dkim_key keys[DKIM_MAX_SIGNATURES];
	struct dkim_message *m = *sluice_memory(c);
	const struct dkim_verified *signatures;
	bool finished;
	size_t count;

	if (sluice_authenticated(c))
		return SLUICE_SKIPPED;
	if (!m)
		return SLUICE_TEMPERROR;
	if (!ask_keys(c, m, answers))
		return SLUICE_PENDING;
	signatures = dkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++)
		if (answers[i])
			dkim_key_choose(answers[i], &signatures[i].sig, (unsigned)state->values[MIN_KEY_BITS], state->keys, &keys[i]);
	finished = dkim_message_finish(m, keys);
	for (size_t i = 0; i < count; i++)
		if (answers[i])
			dkim_keys_release(state->keys, keys[i].key);
	if (!finished)
		return SLUICE_TEMPERROR;
	return report(res, m) == DKIM_TEMPERROR ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "dkim",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = RESULT,
		.last_fact = PARTIAL,
		.authres = true,
		.feed = feed,
		.drop = drop },
	{ .name = NULL },
};

/* ---- settings ---- */

static void release(void *state)
{
	struct dkim_state *s = state;

	if (!s)
		return;
	dkim_keys_free(s->keys);
	free(s);
}

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct dkim_state *s = calloc(1, sizeof *s);

	(void)count, (void)reterr;
	if (!s)
		return -ENOMEM;
	s->keys = dkim_keys_new();
	if (!s->keys) {
		release(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < blocks->count; i++)
		s->values[blocks->settings[i].option] = blocks->settings[i].number;
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(dkim) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "dkim",
	.help = "which domains have signed this message, and is it still what they signed (RFC 6376)",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
};
