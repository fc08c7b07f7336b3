/* SPDX-License-Identifier: BSD-2-Clause */
/* opendkim - what the plugin dkim does, by libopendkim: in its place, never beside it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/mail/dkim_report.h"
#include "plugins/opendkim/opendkim_verify.h"

#define NAME_MAX_BYTES 1024 /* of a key; one too long for the DNS is answered NXDOMAIN */

enum { MAX_SIGNATURES, MIN_KEY_BITS, OPTIONS };
static const struct sluice_option options[] = {
	[MAX_SIGNATURES] = { "max_signatures", SLUICE_OPT_COUNT, false, NULL, 1, DKIM_MAX_SIGNATURES, "10",
		"signatures of one message that are looked at, from the top" },
	[MIN_KEY_BITS] = { "min_key_bits", SLUICE_OPT_COUNT, false, NULL, DKIM_RSA_MIN_BITS, DKIM_RSA_MAX_BITS, "1024",
		"an RSA key of fewer bits proves nothing" },
	{ .key = NULL },
};

struct opendkim_state {
	struct opendkim_library *library;
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
static bool ask_keys(struct sluice_check_ctx *c, struct opendkim_message *m,
	const struct sluice_dns_answer *answers[DKIM_MAX_SIGNATURES])
{
	size_t count;
	const struct dkim_verified *signatures = opendkim_message_signatures(m, &count);
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
	const struct opendkim_state *state = sluice_state(c);
	void **memory = sluice_memory(c);

	if (sluice_authenticated(c))
		return;
	if (!*memory)
		*memory = opendkim_message_new(state->library, (size_t)state->values[MAX_SIGNATURES]);
	if (!*memory)
		return;
	switch (part->type) {
	case SLUICE_PART_HEADER:
		opendkim_message_header(*memory, part->name, part->name_len, part->bytes, part->len);
		break;
	case SLUICE_PART_HEADER_END:
		opendkim_message_header_end(*memory, sluice_now_s(c));
		(void)ask_keys(c, *memory, answers); /* so that they are here when the body is */
		break;
	case SLUICE_PART_BODY:
		opendkim_message_body(*memory, part->bytes, part->len);
		break;
	}
}

static void drop(void *memory)
{
	opendkim_message_free(memory);
}

/* ---- the end of the message ---- */

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct opendkim_state *state = sluice_state(c);
	const struct sluice_dns_answer *answers[DKIM_MAX_SIGNATURES];
	struct opendkim_key keys[DKIM_MAX_SIGNATURES];
	struct opendkim_message *m = *sluice_memory(c);
	const struct dkim_verified *signatures;
	size_t count;

	if (sluice_authenticated(c))
		return SLUICE_SKIPPED;
	if (!m)
		return SLUICE_TEMPERROR;
	if (!ask_keys(c, m, answers))
		return SLUICE_PENDING;
	signatures = opendkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++)
		if (answers[i])
			opendkim_key_choose(state->library, answers[i], &signatures[i].sig,
				(unsigned)state->values[MIN_KEY_BITS], state->keys, &keys[i]);
	if (!opendkim_message_finish(m, keys))
		return SLUICE_TEMPERROR;
	return dkim_report(res, signatures, count, opendkim_message_skipped(m)) == DKIM_TEMPERROR ? SLUICE_TEMPERROR
	                                                                                          : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "dkim",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = DKIM_FACT_RESULT,
		.last_fact = DKIM_FACT_PARTIAL,
		.authres = true,
		.feed = feed,
		.drop = drop },
	{ .name = NULL },
};

/* ---- settings ---- */

static void release(void *state)
{
	struct opendkim_state *s = state;

	if (!s)
		return;
	opendkim_library_free(s->library);
	dkim_keys_free(s->keys);
	free(s);
}

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct opendkim_state *s = calloc(1, sizeof *s);

	(void)count, (void)reterr;
	if (!s)
		return -ENOMEM;
	s->library = opendkim_library_new(OPENDKIM_GUARDS);
	s->keys = dkim_keys_new();
	if (!s->library || !s->keys) {
		release(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < blocks->count; i++)
		s->values[blocks->settings[i].option] = blocks->settings[i].number;
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(opendkim) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "opendkim",
	.help = "which domains have signed this message, and is it still what they signed (RFC 6376), by libopendkim",
	.facts = dkim_facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
};
