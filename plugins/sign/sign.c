/* SPDX-License-Identifier: BSD-2-Clause */
/* sign - the signatures of our own mail (DKIM, RFC 6376 and RFC 8463). Runs only where a rule says `sign`. */
#include <string.h>

#include "filter/mail/domain.h"
#include "plugins/sign/sign_message.h"

enum { BLOCKED, RESULT, REASON, DOMAINS };
static const char *const results[] = { "signed", "not-ours", "failed", NULL }; /* in the order of enum sign_result */
static const struct sluice_fact facts[] = {
	[BLOCKED] = { "sign.blocked", SLUICE_BOOL, NULL, "a signature could not be made" },
	[RESULT] = { "sign.result", SLUICE_ENUM, results, "what became of the signatures" },
	[REASON] = { "sign.reason", SLUICE_TEXT, NULL, "why the message is not signed" },
	[DOMAINS] = { "sign.domains", SLUICE_TEXTS, NULL, "who signed: domain/selector" },
	{ .name = NULL },
};

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	void **memory = sluice_memory(c);
	struct sign_message *m;

	if (!*memory)
		*memory = sign_message_new(sluice_state(c));
	m = *memory;
	if (!m)
		return;
	switch (part->type) {
	case SLUICE_PART_HEADER:
		sign_message_header(m, part->name, part->name_len, part->bytes, part->len);
		break;
	case SLUICE_PART_HEADER_END:
		sign_message_end_of_header(m);
		break;
	case SLUICE_PART_BODY:
		sign_message_body(m, part->bytes, part->len);
		break;
	}
}

static void drop(void *memory)
{
	sign_message_free(memory);
}

static void report(struct sluice_result *res, enum sign_result result, const char *reason)
{
	sluice_set_bool(res, BLOCKED, result == SIGN_FAILED);
	sluice_set_enum(res, RESULT, result);
	if (*reason)
		sluice_set_text(res, REASON, reason, strlen(reason));
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct sign_message *m = *sluice_memory(c);
	enum sign_result result = m ? sign_message_end(m, sluice_now_s(c)) : SIGN_FAILED;
	size_t count = m ? sign_message_count(m) : 0;

	report(res, result, m ? sign_message_reason(m) : "out of memory");
	for (size_t i = 0; i < count; i++)
		sluice_add_text(res, DOMAINS, sign_message_signer(m, i), strlen(sign_message_signer(m, i)));
	for (size_t i = count; i > 0; i--) /* each goes above the one before: so they stand in the order of the fact */
		sluice_insert_header(res, SIGN_FIELD_NAME, sign_message_signature(m, i - 1));
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{
		.name = "sign",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = BLOCKED,
		.last_fact = DOMAINS,
		.on_demand = true,
		.feed = feed,
		.drop = drop,
	},
	{ .name = NULL },
};

/* A key of the sender's domain, whoever that is, is one of this domain's where its postmaster's mail is signed with it. */
static bool is_key_of(const struct sign_config *config, const struct sign_key *key, const char *domain)
{
	const struct sign_key *found[SIGN_MAX_KEYS];
	size_t len = strlen(domain), count;

	if (key->domain)
		return domain_equal(key->domain, strlen(key->domain), domain, len);
	count = sign_config_find(config, "postmaster", strlen("postmaster"), domain, len, found);
	while (count > 0)
		if (found[--count] == key)
			return true;
	return false;
}

static void published(const void *state, const char *domain, void (*add)(void *arg, const char *name, const char *text), void *arg)
{
	const struct sign_config *config = state;

	for (size_t i = 0; i < config->keys.len; i++) {
		SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);
		const struct sign_key *key = &config->keys.items[i];

		if (domain ? !is_key_of(config, key, domain) : !key->domain)
			continue;
		dkim_record_name(&name, key->selector, domain ? domain : key->domain);
		add(arg, text_str(&name), key->record);
	}
}

SLUICE_PLUGIN(sign) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "sign",
	.help = "signatures of our own mail (DKIM, RFC 6376 and RFC 8463)",
	.facts = facts,
	.checks = checks,
	.options = sign_options,
	.configure = sign_configure,
	.release = sign_release,
	.published = published,
};
