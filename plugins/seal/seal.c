/* SPDX-License-Identifier: BSD-2-Clause */
/* seal - our ARC set on mail that is handed on to others (RFC 8617). Runs only where a rule says `seal`. */
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"

#include "filter/base/shortage.h"
#include "filter/mail/authres.h"
#include "filter/mail/domain.h"
#include "filter/mail/header_field.h"
#include "plugins/seal/seal_message.h"

enum { BLOCKED, RESULT, REASON, INSTANCE };
static const char *const results[] = { "sealed", "not-needed", "no-key", "failed", NULL }; /* in the order of enum seal_result */
static const struct sluice_fact facts[] = {
	[BLOCKED] = { "seal.blocked", SLUICE_BOOL, NULL, "a seal could not be made" },
	[RESULT] = { "seal.result", SLUICE_ENUM, results, "what became of the seal" },
	[REASON] = { "seal.reason", SLUICE_TEXT, NULL, "why the message is not sealed" },
	[INSTANCE] = { "seal.instance", SLUICE_INT, NULL, "the number of our set in the chain (i=)" },
	{ .name = NULL },
};

struct memory {
	struct seal_message *message;
	struct text ours; /* methods of Authentication-Results fields that claim to be ours */
};

/* ---- the message as it comes ---- */

/*
 * What we found out when the message came is what a seal has to say of it (RFC 8617 5.1); where it comes back to us from a host of
 * our own, a list manager, that stands in its header. From others it is a lie.
 */
static bool is_from_us(const struct sluice_check_ctx *c)
{
	return sluice_client_ip(c)->family == 0 || sluice_list_has_ip(c, "trusted", sluice_client_ip(c));
}

static void keep_results(const struct sluice_check_ctx *c, struct memory *m, const struct sluice_part *part)
{
	size_t len;
	const char *methods;

	if (!is_from_us(c) || !header_field_is(part->name, part->name_len, "Authentication-Results") ||
		!authres_claims(part->bytes, part->len, sluice_our_name(c)))
		return;
	methods = authres_methods(part->bytes, part->len, &len);
	if (len == 0 || ascii_equals(methods, len, "none"))
		return;
	text_adds(&m->ours, m->ours.len ? ";\n\t" : "");
	for (size_t i = 0; i < len; i++) /* folded as ours are */
		if (methods[i] != '\r')
			text_addc(&m->ours, methods[i]);
}

static struct memory *memory_of(struct sluice_check_ctx *c)
{
	struct memory *m = *sluice_memory(c);

	if (m)
		return m;
	m = shortage_zalloc(sizeof *m);
	if (!m)
		return NULL;
	m->ours = TEXT_INIT(SEAL_RESULTS_MAX);
	m->message = seal_message_new(sluice_state(c));
	if (!m->message) {
		free(m);
		return NULL;
	}
	*sluice_memory(c) = m;
	return m;
}

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	struct memory *m = memory_of(c);

	if (!m)
		return;
	switch (part->type) {
	case SLUICE_PART_HEADER:
		keep_results(c, m, part);
		seal_message_header(m->message, part->name, part->name_len, part->bytes, part->len);
		break;
	case SLUICE_PART_HEADER_END:
		seal_message_end_of_header(m->message);
		break;
	case SLUICE_PART_BODY:
		seal_message_body(m->message, part->bytes, part->len);
		break;
	}
}

static void drop(void *memory)
{
	struct memory *m = memory;

	seal_message_free(m->message);
	text_done(&m->ours);
	free(m);
}

/* ---- the end of the message ---- */

static enum arc_cv cv_of(const char *word, size_t len)
{
	for (enum arc_cv cv = ARC_NONE; arc_cv_words[cv]; cv++)
		if (word && ascii_equals(word, len, arc_cv_words[cv]))
			return cv;
	return ARC_FAIL;
}

static bool has_failed(const struct sluice_check_ctx *c)
{
	size_t len;
	const char *outcome = sluice_fact(c, "arc.outcome", &len);

	return !outcome || ascii_equals(outcome, len, "temperror");
}

static enum seal_result make(struct sluice_check_ctx *c, struct memory *m)
{
	SLUICE_CLEANUP(text_done) struct text header = TEXT_INIT(2 * SEAL_RESULTS_MAX);
	const char *cv, *said = NULL;
	size_t len, said_len;

	if (m->ours.failed)
		return SEAL_FAILED;
	if (m->ours.len) {
		text_addf(&header, "%s;\n\t%s", sluice_our_name(c), text_str(&m->ours));
		said = authres_find(text_str(&header), header.len, "arc", NULL, &said_len);
	} else {
		text_adds(&header, sluice_authres_value(c));
	}
	cv = sluice_fact(c, "arc.cv", &len);
	if (header.failed || (!said && has_failed(c)))
		return SEAL_FAILED;
	return seal_message_end(m->message, said ? cv_of(said, said_len) : cv_of(cv, len), text_str(&header), sluice_now_s(c));
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct memory *m = *sluice_memory(c);
	enum seal_result result = m ? make(c, m) : SEAL_FAILED;
	const char *reason = m ? seal_message_reason(m->message) : "out of memory";

	if (result == SEAL_FAILED && !*reason)
		reason = "what is known of the chain is not enough: a key could not be looked up";
	sluice_set_bool(res, BLOCKED, result == SEAL_FAILED);
	sluice_set_enum(res, RESULT, result);
	if (*reason)
		sluice_set_text(res, REASON, reason, strlen(reason));
	if (result != SEAL_SEALED)
		return SLUICE_DONE;
	sluice_set_int(res, INSTANCE, seal_message_instance(m->message));
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++) /* each goes above the one before it */
		sluice_insert_header(res, arc_part_names[part], seal_message_field(m->message, part));
	return SLUICE_DONE;
}

static const char *const reads[] = { "arc.cv", "arc.outcome", NULL };
static const struct sluice_check checks[] = {
	{
		.name = "seal",
		.stage = SLUICE_STAGE_MESSAGE,
		.run = run,
		.first_fact = BLOCKED,
		.last_fact = INSTANCE,
		.on_demand = true,
		.reads = reads,
		.after_authres = true,
		.feed = feed,
		.drop = drop,
	},
	{ .name = NULL },
};

static const struct sluice_list_use lists[] = {
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients whose Authentication-Results of our name are ours" },
	{ .name = NULL },
};

static void published(const void *state, const char *domain, void (*add)(void *arg, const char *name, const char *text), void *arg)
{
	const struct seal_config *config = state;
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);

	if (!config->has_key || (domain && !domain_equal(config->key.domain, strlen(config->key.domain), domain, strlen(domain))))
		return;
	dkim_record_name(&name, config->key.selector, config->key.domain);
	add(arg, text_str(&name), config->key.record);
}

SLUICE_PLUGIN(seal) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "seal",
	.help = "our ARC set on mail that is handed on (RFC 8617)",
	.facts = facts,
	.checks = checks,
	.options = seal_options,
	.lists = lists,
	.configure = seal_configure,
	.release = seal_release,
	.published = published,
};
