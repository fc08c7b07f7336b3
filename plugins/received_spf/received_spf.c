/* SPDX-License-Identifier: BSD-2-Clause */
/* received_spf - the field Received-SPF, for those who read it (RFC 7208 9.1). Authentication-Results says the same, and more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/received_spf/received_spf_write.h"

enum { VALUE };
static const struct sluice_fact facts[] = {
	[VALUE] = { "received_spf.value", SLUICE_TEXT, NULL, "what the field Received-SPF says" },
	{ .name = NULL },
};

enum { ADD };
static const struct sluice_option options[] = {
	[ADD] = { "add", SLUICE_OPT_BOOL, false, NULL, 0, 0, "no", "add the field, where Authentication-Results is added" },
	{ .key = NULL },
};

struct received_spf_state {
	bool add;
};

static struct received_spf_part fact(const struct sluice_check_ctx *c, const char *name)
{
	struct received_spf_part part = { 0 };

	part.bytes = sluice_fact(c, name, &part.len);
	return part;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(RECEIVED_SPF_MAX_BYTES);
	const struct received_spf_state *state = sluice_state(c);
	const struct received_spf_part result = fact(c, "spf.result"), identity = fact(c, "spf.identity");
	const struct sluice_address *from = sluice_mail_from(c);
	struct received_spf r = { .result = result.bytes, .identity = identity.bytes, .receiver = sluice_our_name(c),
		.client = sluice_client_ip(c), .domain = fact(c, "spf.domain"), .mechanism = fact(c, "spf.mechanism") };

	if (!state->add || !r.result || !r.identity || !from)
		return SLUICE_SKIPPED;
	r.envelope_from = (struct received_spf_part){ from->text, from->len };
	r.helo.bytes = sluice_helo(c, &r.helo.len);
	received_spf_write(&value, &r, sluice_smtputf8(c));
	if (value.failed)
		return SLUICE_TEMPERROR;
	sluice_set_text(res, VALUE, text_str(&value), value.len);
	sluice_insert_header(res, "Received-SPF", text_str(&value));
	return SLUICE_DONE;
}

static const char *const reads[] = { "spf.result", "spf.identity", "spf.domain", "spf.mechanism", NULL };
static const struct sluice_check checks[] = {
	{ .name = "received_spf",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = VALUE,
		.last_fact = VALUE,
		.authres = true,
		.reads = reads },
	{ .name = NULL },
};

static int configure(
	const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct received_spf_state *s = calloc(1, sizeof *s);

	(void)count, (void)reterr;
	if (!s)
		return -ENOMEM;
	s->add = blocks->settings[0].number != 0;
	*ret_state = s;
	return 0;
}

static void release(void *state)
{
	free(state);
}

SLUICE_PLUGIN(received_spf) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "received_spf",
	.help = "the field Received-SPF (RFC 7208 9.1)",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
};
