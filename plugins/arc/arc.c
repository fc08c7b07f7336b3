/* SPDX-License-Identifier: BSD-2-Clause */
/* arc - who has handed this message on, and what did they find out about it? (RFC 8617) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/authres.h"
#include "filter/mail/dkim_record.h"
#include "plugins/arc/arc_chain.h"
#include "plugins/arc/arc_trust.h"

#define DESCRIPTION_MAX 1024
#define NAME_MAX_BYTES  1024 /* of a key; one too long for the DNS is answered NXDOMAIN */

enum { CV, REASON, COUNT, CHAIN, TRUSTED, DMARC, DMARC_FROM };
static const struct sluice_fact facts[] = {
	[CV] = { "arc.cv", SLUICE_ENUM, arc_cv_words, "is the chain of seals whole; none: there is none" },
	[REASON] = { "arc.reason", SLUICE_TEXT, NULL, "why the chain fails" },
	[COUNT] = { "arc.count", SLUICE_INT, NULL, "sets in the chain" },
	[CHAIN] = { "arc.chain", SLUICE_TEXTS, NULL, "each seal, from the first: i=1 d=example.net s=sel a=rsa-sha256 cv=none" },
	[TRUSTED] = { "arc.trusted", SLUICE_BOOL, NULL, "the chain passes, and its last sealer is in the list trusted-sealers" },
	[DMARC] = { "arc.dmarc", SLUICE_TEXT, NULL, "what the first of the trusted sealers found out by DMARC" },
	[DMARC_FROM] = { "arc.dmarc_from", SLUICE_DOMAIN, NULL, "the domain in From about which it says so, where it does" },
	{ .name = NULL },
};

enum { MIN_KEY_BITS };
static const struct sluice_option options[] = {
	[MIN_KEY_BITS] = { "min_key_bits", SLUICE_OPT_COUNT, false, NULL, DKIM_RSA_MIN_BITS, DKIM_RSA_MAX_BITS, "1024",
		"an RSA key of fewer bits proves nothing" },
	{ .key = NULL },
};

static const struct sluice_list_use lists[] = {
	{ "trusted-sealers", SLUICE_LIST_DOMAIN, false, "domains (d=) whose seals are believed" },
	{ .name = NULL },
};

struct arc_state {
	struct dkim_keys *keys; /* that were used before */
	unsigned min_key_bits;
};

/* ---- the message as it comes ---- */

static const struct sluice_dns_answer *ask_key(struct sluice_check_ctx *c, const struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(NAME_MAX_BYTES);

	dkim_record_name(&name, sig->selector, sig->domain);
	return sluice_ask_dns(c, text_str(&name), SLUICE_DNS_TXT);
}

/* The key of the message's signature first, then those of the seals. */
struct answers {
	const struct sluice_dns_answer *message, *seals[ARC_MAX_SETS];
};

/* Ask for all keys side by side. False: not all are here. */
static bool ask_keys(struct sluice_check_ctx *c, struct arc_chain *chain, struct answers *ret)
{
	bool all;

	ret->message = ask_key(c, arc_chain_signature(chain));
	all = ret->message != NULL;
	for (unsigned i = 0; i < arc_sets_count(arc_chain_sets(chain)); i++) {
		ret->seals[i] = ask_key(c, arc_sets_seal(arc_chain_sets(chain), i + 1));
		all &= ret->seals[i] != NULL;
	}
	return all;
}

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	void **memory = sluice_memory(c);
	struct answers answers;

	if (!*memory)
		*memory = arc_chain_new();
	if (!*memory)
		return;
	switch (part->type) {
	case SLUICE_PART_HEADER:
		arc_chain_header(*memory, part->name, part->name_len, part->bytes, part->len);
		break;
	case SLUICE_PART_HEADER_END:
		arc_chain_header_end(*memory, sluice_now_s(c));
		if (arc_chain_whole(*memory))
			(void)ask_keys(c, *memory, &answers); /* so that they are here when the body is */
		break;
	case SLUICE_PART_BODY:
		arc_chain_body(*memory, part->bytes, part->len);
		break;
	}
}

static void drop(void *memory)
{
	arc_chain_free(memory);
}

/* ---- the end of the message ---- */

static bool is_trusted(const void *arg, const char *domain)
{
	return sluice_list_has_domain(arg, "trusted-sealers", domain, strlen(domain));
}

static void report_trust(const struct sluice_check_ctx *c, struct sluice_result *res, const struct arc_chain *chain)
{
	unsigned instance = arc_trust_instance(arc_chain_sets(chain), is_trusted, c);
	const char *results, *dmarc, *from;
	size_t len, found_len;

	sluice_set_bool(res, TRUSTED, instance > 0);
	results = instance > 0 ? arc_sets_results(arc_chain_sets(chain), instance, &len) : NULL;
	dmarc = results ? authres_find(results, len, "dmarc", NULL, &found_len) : NULL;
	if (!dmarc)
		return;
	sluice_set_text(res, DMARC, dmarc, found_len);
	from = authres_find(results, len, "dmarc", "header.from", &found_len);
	if (from)
		sluice_set_text(res, DMARC_FROM, from, found_len);
}

static void report_chain(struct sluice_result *res, const struct arc_sets *sets)
{
	sluice_set_int(res, COUNT, arc_sets_count(sets));
	for (unsigned i = 1; i <= arc_sets_count(sets); i++) {
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(DESCRIPTION_MAX);
		const struct dkim_signature *seal = arc_sets_seal(sets, i);

		text_addf(&text, "i=%u ", i);
		if (seal)
			text_addf(&text, "d=%s s=%s a=%s cv=%s", seal->domain, seal->selector, seal->algorithm_text, arc_cv_words[seal->cv]);
		else
			text_adds(&text, "missing");
		sluice_add_text(res, CHAIN, text_str(&text), text.len);
	}
}

static void add_authres(const struct sluice_check_ctx *c, struct sluice_result *res, enum arc_cv cv, const char *why)
{
	const struct sluice_ip *ip = sluice_client_ip(c);
	char text[IP_TEXT_MAX] = "";
	struct sluice_authres_property properties[] = { { .name = NULL }, { .name = NULL } };

	if (ip->family) {
		(void)ip_format(ip, text);
		properties[0] = (struct sluice_authres_property){ "smtp.remote-ip", text, strlen(text) };
	}
	sluice_authres(res, "arc", arc_cv_words[cv], *why ? why : NULL, properties);
}

static bool finish(struct arc_chain *chain, const struct answers *answers, const struct arc_state *state)
{
	struct dkim_key message = { .key = NULL }, seals[ARC_MAX_SETS];
	unsigned count = arc_sets_count(arc_chain_sets(chain));
	bool finished;

	dkim_key_choose(answers->message, arc_chain_signature(chain), state->min_key_bits, state->keys, &message);
	for (unsigned i = 0; i < count; i++)
		dkim_key_choose(answers->seals[i], arc_sets_seal(arc_chain_sets(chain), i + 1), state->min_key_bits, state->keys, &seals[i]);
	finished = arc_chain_finish(chain, &message, seals);
	dkim_keys_release(state->keys, message.key);
	for (unsigned i = 0; i < count; i++)
		dkim_keys_release(state->keys, seals[i].key);
	return finished;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct arc_chain *chain = *sluice_memory(c);
	struct answers answers;
	bool temporary;
	const char *why;
	enum arc_cv cv;

	if (!chain)
		return SLUICE_TEMPERROR;
	if (arc_chain_whole(chain) && !ask_keys(c, chain, &answers))
		return SLUICE_PENDING;
	if (arc_chain_whole(chain) && !finish(chain, &answers, sluice_state(c)))
		return SLUICE_TEMPERROR;
	cv = arc_chain_result(chain, &why, &temporary);
	sluice_set_enum(res, CV, cv);
	if (*why)
		sluice_set_text(res, REASON, why, strlen(why));
	report_chain(res, arc_chain_sets(chain));
	if (cv == ARC_PASS)
		report_trust(c, res, chain);
	else
		sluice_set_bool(res, TRUSTED, false);
	if (!sluice_authenticated(c)) /* users have nobody to vouch for them */
		add_authres(c, res, cv, why);
	return temporary ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "arc",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = CV,
		.last_fact = DMARC_FROM,
		.authres = true,
		.feed = feed,
		.drop = drop },
	{ .name = NULL },
};

/* ---- settings ---- */

static void release(void *state)
{
	struct arc_state *s = state;

	if (!s)
		return;
	dkim_keys_free(s->keys);
	free(s);
}

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct arc_state *s = calloc(1, sizeof *s);

	(void)count, (void)reterr;
	if (!s)
		return -ENOMEM;
	s->keys = dkim_keys_new();
	if (!s->keys) {
		release(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < blocks->count; i++)
		s->min_key_bits = (unsigned)blocks->settings[i].number;
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(arc) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "arc",
	.help = "who has handed this message on, and what they found out about it (RFC 8617)",
	.facts = facts,
	.checks = checks,
	.options = options,
	.lists = lists,
	.configure = configure,
	.release = release,
};
