/* SPDX-License-Identifier: BSD-2-Clause */
/* account - does an authenticated user behave as ever, or has somebody stolen the password? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/key.h"
#include "plugins/account/account_eval.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define KEY_MAX (1u << 18) /* before it is shortened: far more than an address has */

enum { MESSAGES, NEW_NETWORKS, RECIPIENTS, TRIED, FAILED, FAILED_PERCENT, MAIL_FROM_ALLOWED, FROM_ALLOWED };
static const struct sluice_fact facts[] = {
	[MESSAGES] = { "account.messages", SLUICE_INT, NULL, "messages that this account has begun this hour, this one among them" },
	[NEW_NETWORKS] = { "account.new_networks", SLUICE_INT, NULL, "networks from which it came today, and not in the days before (known_for)" },
	[RECIPIENTS] = { "account.recipients", SLUICE_INT, NULL, "different recipients of this hour, this one among them; an estimate when there are many" },
	[TRIED] = { "account.tried", SLUICE_INT, NULL, "recipients of this hour, those that the mail server refused among them" },
	[FAILED] = { "account.failed", SLUICE_INT, NULL, "of them, those that the mail server refused" },
	[FAILED_PERCENT] = { "account.failed_percent", SLUICE_INT, NULL, "the same, of a hundred" },
	[MAIL_FROM_ALLOWED] = { "account.mail_from_allowed", SLUICE_BOOL, NULL, "it may use this reverse-path; unknown without a table of senders" },
	[FROM_ALLOWED] = { "account.from_allowed", SLUICE_BOOL, NULL, "it may use this address in From; unknown without a table of senders" },
	{ .name = NULL },
};

enum { SENDERS, KNOWN_FOR };
static const struct sluice_option options[] = {
	[SENDERS] = { "senders", SLUICE_OPT_PATH, false, NULL, 0, 0, "", "file with lines of ACCOUNT ADDRESS ...: who may send as whom; empty: no table" },
	[KNOWN_FOR] = { "known_for", SLUICE_OPT_DURATION, false, NULL, DAY_MS, 400 * DAY_MS, "60d",
		"how long a network of an account is no new one, from the last time it came from there" },
	{ .key = NULL },
};

struct settings {
	struct account_table *senders; /* NULL: none */
	int64_t known_for_ms;
};

/* ---- asking ---- */

struct account {
	const char *name;
	size_t len;
};

static bool find_account(const struct sluice_check_ctx *c, struct account *ret)
{
	ret->name = sluice_authenticated(c) ? sluice_fact(c, "auth.user", &ret->len) : NULL;
	return ret->name != NULL;
}

/* "account|WHAT|USER", and a further part if there is one. */
static void make_key(struct text *key, const char *what, const struct account *a, const char *part, size_t len)
{
	text_addf(key, "account|%s", what);
	key_add(key, a->name, a->len, true);
	if (part)
		key_add(key, part, len, true);
	key_shorten(key, SLUICE_STORE_KEY_MAX);
}

/* Of this hour, or, for networks, of this day. NULL: wait. */
static const struct sluice_store_answer *count(struct sluice_check_ctx *c, const char *what, const struct account *a, int64_t window_ms, int64_t add)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_MAX);
	struct sluice_store_op op = { .verb = SLUICE_STORE_COUNT, .count = { window_ms, add } };

	make_key(&key, what, a, NULL, 0);
	op.key = text_str(&key);
	op.key_len = key.len;
	return sluice_ask_store(c, &op);
}

/* Set a fact from a count. The outcome so far. */
static enum sluice_outcome report(struct sluice_result *res, unsigned fact, const struct sluice_store_answer *answer)
{
	if (!answer)
		return SLUICE_PENDING;
	if (answer->status == SLUICE_STORE_FAILED)
		return SLUICE_TEMPERROR;
	sluice_set_int(res, fact, answer->number);
	return SLUICE_DONE;
}

/* ---- what it sends ---- */

static enum sluice_outcome run_messages(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct account a;

	return find_account(c, &a) ? report(res, MESSAGES, count(c, "messages", &a, HOUR_MS, 1)) : SLUICE_SKIPPED;
}

static const struct sluice_store_answer *add_recipient(struct sluice_check_ctx *c, const struct account *a, const struct sluice_address *rcpt)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_MAX), member = TEXT_INIT(KEY_MAX);
	struct sluice_store_op op = { .verb = SLUICE_STORE_SET, .set = { .window_ms = HOUR_MS } };

	make_key(&key, "recipients", a, NULL, 0);
	key_add(&member, rcpt->text, rcpt->len, true);
	op.key = text_str(&key);
	op.key_len = key.len;
	op.set.member = text_str(&member);
	op.set.member_len = member.len;
	return sluice_ask_store(c, &op);
}

static enum sluice_outcome run_recipients(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct account a;

	return find_account(c, &a) ? report(res, RECIPIENTS, add_recipient(c, &a, sluice_rcpt(c))) : SLUICE_SKIPPED;
}

static enum sluice_outcome run_failures(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_store_answer *tried, *failed;
	struct account a;

	if (!find_account(c, &a))
		return SLUICE_SKIPPED;
	tried = count(c, "tried", &a, HOUR_MS, 1);
	failed = count(c, "failed", &a, HOUR_MS, sluice_rcpt_rejected(c));
	if (!tried || !failed)
		return SLUICE_PENDING;
	if (report(res, TRIED, tried) != SLUICE_DONE || report(res, FAILED, failed) != SLUICE_DONE)
		return SLUICE_TEMPERROR;
	sluice_set_int(res, FAILED_PERCENT, tried->number > 0 ? failed->number * 100 / tried->number : 0);
	return SLUICE_DONE;
}

/* ---- where it comes from ---- */

/* Each network has an entry as long as it is known; one that has none is new, and is counted. */
static enum sluice_outcome run_networks(struct sluice_check_ctx *c, struct sluice_result *res)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(KEY_MAX);
	const struct settings *s = sluice_state(c);
	const struct sluice_store_answer *known, *networks;
	struct sluice_store_op op = { .verb = SLUICE_STORE_GET };
	struct account a;
	size_t len;
	const char *net = sluice_fact(c, "client.net", &len);

	if (!net || !find_account(c, &a))
		return SLUICE_SKIPPED;
	make_key(&key, "network", &a, net, len);
	op.key = text_str(&key);
	op.key_len = key.len;
	known = sluice_ask_store(c, &op);
	if (!known)
		return SLUICE_PENDING;
	if (known->status == SLUICE_STORE_FAILED)
		return SLUICE_TEMPERROR;
	networks = count(c, "networks", &a, DAY_MS, known->status == SLUICE_STORE_ABSENT);
	op.verb = SLUICE_STORE_PUT;
	op.put.value = "";
	op.put.value_len = 0;
	op.put.lifetime_ms = s->known_for_ms;
	(void)sluice_ask_store(c, &op); /* nobody waits for it */
	return report(res, NEW_NETWORKS, networks);
}

/* ---- as whom it sends ---- */

static enum sluice_outcome run_mail_from(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct settings *s = sluice_state(c);
	const struct sluice_address *from = sluice_mail_from(c);
	struct account a;

	if (!s->senders || !from || !find_account(c, &a))
		return SLUICE_SKIPPED;
	sluice_set_bool(res, MAIL_FROM_ALLOWED, account_may_send(s->senders, a.name, a.len, from->text, from->len));
	return SLUICE_DONE;
}

/* A From that has no one address is nobody's to use. */
static enum sluice_outcome run_from(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct settings *s = sluice_state(c);
	struct account a;
	size_t len;
	const char *from = sluice_fact(c, "from.address", &len);

	if (!s->senders || !find_account(c, &a))
		return SLUICE_SKIPPED;
	sluice_set_bool(res, FROM_ALLOWED, from && account_may_send(s->senders, a.name, a.len, from, len));
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "account_messages", .stage = SLUICE_STAGE_MAIL, .run = run_messages, .first_fact = MESSAGES, .last_fact = MESSAGES },
	{ .name = "account_networks", .stage = SLUICE_STAGE_MAIL, .run = run_networks, .first_fact = NEW_NETWORKS, .last_fact = NEW_NETWORKS },
	{ .name = "account_recipients", .stage = SLUICE_STAGE_RCPT, .run = run_recipients, .first_fact = RECIPIENTS, .last_fact = RECIPIENTS },
	{ .name = "account_failures", .stage = SLUICE_STAGE_RCPT, .run = run_failures, .first_fact = TRIED, .last_fact = FAILED_PERCENT, .rejected = true },
	{ .name = "account_mail_from", .stage = SLUICE_STAGE_MAIL, .run = run_mail_from, .first_fact = MAIL_FROM_ALLOWED, .last_fact = MAIL_FROM_ALLOWED },
	{ .name = "account_from", .stage = SLUICE_STAGE_MESSAGE, .run = run_from, .first_fact = FROM_ALLOWED, .last_fact = FROM_ALLOWED },
	{ .name = NULL },
};

/* ---- settings ---- */

static void release(void *state)
{
	struct settings *s = state;

	if (s)
		account_table_free(s->senders);
	free(s);
}

static int load_senders(struct settings *s, const char *path, struct sluice_config_error *reterr)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(ACCOUNT_MAX_BYTES);
	int r = text_read_file(&file, path);

	if (r < 0) {
		(void)snprintf(reterr->text, sizeof reterr->text, "senders: %.150s cannot be read: %s", path, text_file_error(r));
		return -EINVAL;
	}
	return account_table_parse(path, text_str(&file), file.len, &s->senders, reterr);
}

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct settings *s = calloc(1, sizeof *s);
	int r = s ? 0 : -ENOMEM;

	(void)count;
	for (size_t i = 0; r == 0 && i < blocks->count; i++) {
		const struct sluice_setting *setting = &blocks->settings[i];

		if (setting->option == KNOWN_FOR)
			s->known_for_ms = setting->number;
		else if (*setting->text)
			r = load_senders(s, setting->text, reterr);
		if (r < 0)
			reterr->line = setting->line;
	}
	if (r < 0) {
		release(s);
		return r;
	}
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(account) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "account",
	.help = "how does an authenticated user behave? Against stolen passwords",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
};
