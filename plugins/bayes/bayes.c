/* SPDX-License-Identifier: BSD-2-Clause */
/* bayes - what do the words of a message say, from the mail that was learned? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/key.h"

#include "filter/base/shortage.h"
#include "filter/base/vec.h"
#include "filter/mail/tokens.h"
#include "plugins/bayes/bayes_eval.h"

#define LABEL_MAX      40
#define FACT_NAME_SIZE (LABEL_MAX + 20)
#define SAID_BYTES     400 /* a token and its likelihood */

enum { PROBABILITY, TOKENS, KNOWN, SPAM_LEARNED, HAM_LEARNED, FACTS };
static const struct sluice_fact facts[FACTS] = { /* without the name of the block */
	[PROBABILITY] = { "probability", SLUICE_MILLI, NULL, "how likely it is spam, from 0 to 1; not known before enough was learned" },
	[TOKENS] = { "tokens", SLUICE_TEXTS, NULL, "what says so, and how likely mail with it is spam, the most telling first: \"cheap pills 0.998\"" },
	[KNOWN] = { "known", SLUICE_INT, NULL, "how many of its tokens were learned before" },
	[SPAM_LEARNED] = { "spam_learned", SLUICE_INT, NULL, "how many messages were learned as spam" },
	[HAM_LEARNED] = { "ham_learned", SLUICE_INT, NULL, "how many messages were learned as ham" },
};

enum { MIN_LEARNED, LIFETIME };
static const struct sluice_option options[] = {
	[MIN_LEARNED] = { "min_learned", SLUICE_OPT_COUNT, .min = 1, .max = 1000000, .deflt = "200",
		.help = "messages of spam, and as many of ham, that have to be learned before it says anything" },
	[LIFETIME] = { "lifetime", SLUICE_OPT_DURATION, .min = INT64_C(24) * 3600 * 1000, .max = INT64_C(3650) * 24 * 3600 * 1000, .deflt = "180d",
		.help = "a token that no message has had for so long is forgotten; for `sluicectl learn`" },
	{ .key = NULL },
};

/* Of one block. Immutable once it is made. */
struct bayes {
	struct sluice_plugin plugin;
	struct sluice_check checks[2];
	struct sluice_fact facts[FACTS + 1];
	char name[LABEL_MAX + 1], fact_names[FACTS][FACT_NAME_SIZE];
	struct text key; /* of its book in the store */
	int64_t min_learned;
	psl_ctx_t *psl;
};

struct bayes_run {
	struct tokens *tokens;
	uint64_t items[TOKENS_MAX + 1]; /* the messages themselves, and the tokens */
	size_t count;
};

static void run_free(void *memory)
{
	struct bayes_run *r = memory;

	tokens_free(r->tokens);
	free(r);
}

/* ---- what it is made of ---- */

static bool give_field(void *arg, size_t i, struct sluice_part *ret)
{
	return sluice_header_field(arg, i, ret);
}

static const char *give_text(void *arg, size_t part, size_t *ret_len)
{
	return sluice_mime_text(arg, part, ret_len);
}

static bool take_tokens(struct sluice_check_ctx *c, struct bayes_run *r)
{
	const char *why;
	const struct tokens_message m = { give_field, sluice_mime(c, &why), give_text, c };
	const uint64_t *ids;

	if (!m.mime || !tokens_take(r->tokens, &m))
		return false;
	ids = tokens_ids(r->tokens, &r->count);
	memcpy(r->items + 1, ids, r->count * sizeof *ids);
	return true;
}

/* Kept until the store has answered. NULL: no memory. */
static struct bayes_run *run_of(struct sluice_check_ctx *c)
{
	const struct bayes *b = sluice_state(c);
	void **memory = sluice_memory(c);
	struct bayes_run *r = *memory;

	if (r)
		return r;
	r = shortage_zalloc(sizeof *r);
	if (!r)
		return NULL;
	r->tokens = tokens_new(b->psl);
	if (!r->tokens || !take_tokens(c, r)) {
		run_free(r);
		return NULL;
	}
	*memory = r;
	return r;
}

/* ---- what they say ---- */

static void report_said(struct sluice_result *res, const struct bayes_run *r, const struct bayes_said *said)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(SAID_BYTES);
	size_t len;
	const char *shown = tokens_shown(r->tokens, said->token, &len);

	text_add(&text, shown, len);
	text_addf(&text, " %d.%03d", (int)(said->milli / 1000), (int)(said->milli % 1000));
	sluice_add_text(res, TOKENS, text_str(&text), text.len);
}

static enum sluice_outcome report(const struct bayes *b, struct sluice_result *res, const struct bayes_run *r, const struct sluice_store_tally *counts)
{
	const struct sluice_store_tally *learned = &counts[0];
	struct bayes_judgement j;

	sluice_set_int(res, SPAM_LEARNED, learned->counts[BAYES_SPAM]);
	sluice_set_int(res, HAM_LEARNED, learned->counts[BAYES_HAM]);
	if (learned->counts[BAYES_SPAM] < b->min_learned || learned->counts[BAYES_HAM] < b->min_learned)
		return SLUICE_SKIPPED;
	bayes_judge(learned, counts + 1, r->count, &j);
	sluice_set_int(res, KNOWN, (int64_t)j.known);
	if (!j.telling)
		return SLUICE_SKIPPED;
	sluice_set_milli(res, PROBABILITY, j.probability_milli);
	for (size_t i = 0; i < j.said_count; i++)
		report_said(res, r, &j.said[i]);
	return SLUICE_DONE;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct bayes *b = sluice_state(c);
	struct bayes_run *r = run_of(c);
	struct sluice_store_op op = { .verb = SLUICE_STORE_TALLY, .key = text_str(&b->key), .key_len = b->key.len };
	const struct sluice_store_answer *answer;

	if (!r)
		return SLUICE_TEMPERROR;
	op.tally.items = r->items;
	op.tally.count = r->count + 1;
	answer = sluice_ask_store(c, &op);
	if (!answer)
		return SLUICE_PENDING;
	if (answer->status != SLUICE_STORE_OK || answer->value_len != op.tally.count * sizeof(struct sluice_store_tally))
		return SLUICE_TEMPERROR;
	return report(b, res, r, (const struct sluice_store_tally *)(const void *)answer->value);
}

/* ---- the plugin ---- */

static void release(void *state)
{
	struct bayes *b = state;

	if (!b)
		return;
	text_done(&b->key);
	psl_free(b->psl);
	free(b);
}

static bool is_word(const char *s)
{
	return *s >= 'a' && *s <= 'z' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static void make_key(struct bayes *b)
{
	char version[20];
	int len = snprintf(version, sizeof version, "%d", TOKENS_VERSION);

	b->key = (struct text)TEXT_INIT(SLUICE_STORE_KEY_MAX);
	text_adds(&b->key, "bayes");
	key_add(&b->key, b->name, strlen(b->name), false);
	key_add(&b->key, version, (size_t)len, false);
}

static void make_facts(struct bayes *b)
{
	for (size_t i = 0; i < FACTS; i++) {
		(void)snprintf(b->fact_names[i], sizeof b->fact_names[i], "%s.%s", b->name, facts[i].name);
		b->facts[i] = facts[i];
		b->facts[i].name = b->fact_names[i];
	}
}

static int make(const struct sluice_block *block, const struct sluice_plugin **ret, void **ret_state, struct sluice_config_error *reterr)
{
	struct bayes *b;

	if (!is_word(block->label) || strlen(block->label) > LABEL_MAX) {
		*reterr = (struct sluice_config_error){
			"its name is no word of small letters, digits and _, of at most 40: its facts begin with it", 0 };
		return -EINVAL;
	}
	b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	(void)snprintf(b->name, sizeof b->name, "%s", block->label);
	for (size_t i = 0; i < block->count; i++)
		if (block->settings[i].option == MIN_LEARNED)
			b->min_learned = block->settings[i].number;
	make_facts(b);
	make_key(b);
	b->psl = psl_latest(NULL);
	if (!b->psl || b->key.failed) {
		*reterr = (struct sluice_config_error){ "there is no list of public suffixes: install the package publicsuffix", 0 };
		release(b);
		return -EINVAL;
	}
	b->checks[0] = (struct sluice_check){ .name = b->name, .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = PROBABILITY,
		.last_fact = HAM_LEARNED, .drop = run_free, .body = true, .costly = true };
	b->plugin = (struct sluice_plugin){ .abi = SLUICE_PLUGIN_ABI, .name = b->name, .help = "a classifier that counts", .facts = b->facts,
		.checks = b->checks, .release = release };
	*ret = &b->plugin;
	*ret_state = b;
	return 0;
}

static const struct sluice_fact no_facts[] = { { .name = NULL } };
static const struct sluice_check no_checks[] = { { .name = NULL } };

SLUICE_PLUGIN(bayes) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "bayes",
	.help = "what do the words of the message say, from the mail that was learned? The facts begin with the name of the block",
	.facts = no_facts,
	.checks = no_checks,
	.options = options,
	.label = "NAME",
	.make = make,
};
