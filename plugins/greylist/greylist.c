/* SPDX-License-Identifier: BSD-2-Clause */
/* greylist - did this client try before, and wait? Runs only where a rule says `greylist`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/key.h"
#include "filter/mail/greylist_key.h"

#define KEY_MAX (1u << 18) /* before it is shortened: far more than an address has */

enum { BLOCKED, STATE, WAIT, PASSES };
static const char *const states[] = {
	/* in the order of enum sluice_store_greylist, then our own */
	"new",
	"early",
	"pass",
	"known",
	"client-known",
	NULL,
};
enum { CLIENT_KNOWN = SLUICE_STORE_GREYLIST_KNOWN + 1 };

static const struct sluice_fact facts[] = {
	[BLOCKED] = { "greylist.blocked", SLUICE_BOOL, NULL, "this try comes too early" },
	[STATE] = { "greylist.state", SLUICE_ENUM, states, "what is known of client, sender and recipient" },
	[WAIT] = { "greylist.wait", SLUICE_INT, NULL, "seconds until a try may pass" },
	[PASSES] = { "greylist.passes", SLUICE_INT, NULL, "tries of these three that have passed" },
	{ .name = NULL },
};

static const struct sluice_list_use lists[] = {
	{ "greylist-exempt-clients", SLUICE_LIST_NETWORK, false, "clients that are never greylisted" },
	{ "greylist-exempt-recipients", SLUICE_LIST_ADDRESS, false, "recipients whose mail is never greylisted" },
	{ .name = NULL },
};

enum { DELAY, WINDOW, LIFETIME, CLIENT_PASSES, OPTIONS };
static const struct sluice_option options[] = {
	[DELAY] = { "delay", SLUICE_OPT_DURATION, false, NULL, 0, 86400000, "5m", "wait of a first try" },
	[WINDOW] = { "window", SLUICE_OPT_DURATION, false, NULL, 60000, INT64_C(30) * 86400000, "2d", "time for the retry, from the first try on" },
	[LIFETIME] = { "lifetime", SLUICE_OPT_DURATION, false, NULL, 60000, INT64_C(400) * 86400000, "36d", "how long a pass is remembered, from the last try on" },
	[CLIENT_PASSES] = { "client_passes", SLUICE_OPT_COUNT, false, NULL, 0, 1000, "5",
		"a client that has passed so often within `lifetime` is let through for anybody; 0: never" },
	{ .key = NULL },
};

struct settings {
	int64_t values[OPTIONS];
};

static struct sluice_store_op keyed(enum sluice_store_verb verb, struct text *key)
{
	key_shorten(key, SLUICE_STORE_KEY_MAX);
	return (struct sluice_store_op){ .verb = verb, .key = text_str(key), .key_len = key->len };
}

/* Its network, or the domain that authorised it. */
static void add_client(const struct sluice_check_ctx *c, struct text *key)
{
	size_t len = 0;
	const char *result = sluice_fact(c, "spf.result", &len);
	const char *domain = result && !strcmp(result, "pass") ? sluice_fact(c, "spf.domain", &len) : NULL;
	const char *net = domain ? NULL : sluice_fact(c, "client.net", &len);

	greylist_client_key(key, net, domain, len);
}

static void report(struct sluice_result *res, unsigned state, int64_t wait_ms, int64_t passes)
{
	sluice_set_bool(res, BLOCKED, state <= SLUICE_STORE_GREYLIST_EARLY);
	sluice_set_enum(res, STATE, state);
	sluice_set_int(res, WAIT, (wait_ms + 999) / 1000);
	sluice_set_int(res, PASSES, passes);
}

/* The client's passes: add to them, or with 0 look. NULL: wait. */
static const struct sluice_store_answer *count_client(struct sluice_check_ctx *c, const struct settings *s, struct text *key, int64_t add)
{
	struct sluice_store_op op = keyed(SLUICE_STORE_COUNT, key);

	op.count.window_ms = s->values[LIFETIME];
	op.count.add = add;
	return sluice_ask_store(c, &op);
}

static enum sluice_outcome judge(struct sluice_check_ctx *c, struct sluice_result *res, const struct sluice_address *rcpt)
{
	const struct settings *s = sluice_state(c);
	SLUICE_CLEANUP(text_done) struct text client_key = TEXT_INIT(KEY_MAX), key = TEXT_INIT(KEY_MAX);
	const struct sluice_store_answer *a;
	struct sluice_store_op op;

	add_client(c, &client_key);
	if (s->values[CLIENT_PASSES]) {
		a = count_client(c, s, &client_key, 0);
		if (!a)
			return SLUICE_PENDING;
		if (a->status == SLUICE_STORE_FAILED)
			return SLUICE_TEMPERROR;
		if (a->number + a->before >= s->values[CLIENT_PASSES]) {
			report(res, CLIENT_KNOWN, 0, a->number + a->before);
			return SLUICE_DONE;
		}
	}
	text_add(&key, text_str(&client_key), client_key.len);
	greylist_try_key(&key, sluice_mail_from(c), rcpt);
	op = keyed(SLUICE_STORE_GREYLIST, &key);
	op.greylist.delay_ms = s->values[DELAY];
	op.greylist.window_ms = s->values[WINDOW];
	op.greylist.lifetime_ms = s->values[LIFETIME];
	a = sluice_ask_store(c, &op);
	if (!a)
		return SLUICE_PENDING;
	if (a->status == SLUICE_STORE_FAILED)
		return SLUICE_TEMPERROR;
	if (a->greylist == SLUICE_STORE_GREYLIST_PASS && s->values[CLIENT_PASSES])
		(void)count_client(c, s, &client_key, 1); /* nobody waits for it */
	report(res, a->greylist, a->wait_ms, a->number);
	return SLUICE_DONE;
}

static bool exempt(const struct sluice_check_ctx *c)
{
	const struct sluice_ip *client = sluice_client_ip(c);

	return !client->family || sluice_authenticated(c) || sluice_list_has_ip(c, "greylist-exempt-clients", client);
}

/*
 * For each recipient; of the null reverse-path once, at DATA, where there is none: callbacks that only verify an address come
 * with <> and end before DATA, and are not to be held up.
 */
static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *rcpt = sluice_rcpt(c);

	if (exempt(c) || !sluice_mail_from(c) || (rcpt && sluice_list_has_address(c, "greylist-exempt-recipients", rcpt)))
		return SLUICE_SKIPPED;
	return judge(c, res, rcpt);
}

static const char *const reads[] = { "client.net", "spf.result", "spf.domain", NULL };
static const struct sluice_check checks[] = {
	{ .name = "greylist", .stage = SLUICE_STAGE_RCPT, .run = run, .first_fact = BLOCKED, .last_fact = PASSES, .on_demand = true, .reads = reads },
	{ .name = NULL },
};

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct settings *s = calloc(1, sizeof *s);

	(void)count;
	if (!s)
		return -ENOMEM;
	for (size_t i = 0; i < blocks->count; i++)
		s->values[blocks->settings[i].option] = blocks->settings[i].number;
	if (s->values[WINDOW] <= s->values[DELAY]) {
		*reterr = (struct sluice_config_error){ "window is not longer than delay: no retry could ever pass", blocks->line };
		free(s);
		return -EINVAL;
	}
	*ret_state = s;
	return 0;
}

SLUICE_PLUGIN(greylist) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "greylist",
	.help = "did this client try before, and wait? What strangers send waits until they come back",
	.facts = facts,
	.checks = checks,
	.options = options,
	.lists = lists,
	.configure = configure,
	.release = free,
};
