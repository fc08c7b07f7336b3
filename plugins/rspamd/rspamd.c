/* SPDX-License-Identifier: BSD-2-Clause */
/* rspamd - what does rspamd make of the message? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/base/server_list.h"
#include "filter/mail/whole_message.h"
#include "plugins/rspamd/rspamd_eval.h"

#define EXAMPLE        "inet:11333@127.0.0.1, inet6:11333@::1 or unix:/run/rspamd/worker.sock"
#define HEAD_MAX       (256u << 10) /* octets that are sent before the message */
#define RECIPIENTS_MAX 100          /* that it hears of */

enum { SCORE, REQUIRED, ACTION, SYMBOLS, TOO_LARGE };
static const struct sluice_fact facts[] = {
	[SCORE] = { "rspamd.score", SLUICE_MILLI, NULL, "the points that rspamd gives" },
	[REQUIRED] = { "rspamd.required", SLUICE_MILLI, NULL, "from how many on it would refuse" },
	[ACTION] = { "rspamd.action", SLUICE_ENUM, rspamd_actions, "what it would do" },
	[SYMBOLS] = { "rspamd.symbols", SLUICE_TEXTS, NULL, "names of its symbols, each with its points: FORGED_SENDER 0.3" },
	[TOO_LARGE] = { "rspamd.too_large", SLUICE_BOOL, NULL, "it was not asked, as the message is too large" },
	{ .name = NULL },
};

enum { SERVER, TIMEOUT, MAX, PASSWORD };
static const struct sluice_option options[] = {
	[SERVER] = { "server", SLUICE_OPT_TEXT, .repeated = true, .deflt = "inet:11333@127.0.0.1",
		.help = "where a worker of rspamd listens: unix:PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS; of several the first that works is asked" },
	[TIMEOUT] = { "timeout", SLUICE_OPT_DURATION, .min = 100, .max = 600000, .deflt = "20s",
		.help = "longest wait for its answer; no longer than stage_deadline lets it be" },
	[MAX] = { "max", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 28, .deflt = "10M", .help = "a message that is larger is not sent" },
	[PASSWORD] = { "password", SLUICE_OPT_SECRET, .help = "that rspamd wants to hear" },
	{ .key = NULL },
};

struct state {
	struct sluice_exchange_servers servers;
	struct server_list list;
	char *password; /* NULL: none */
};

/* ---- settings ---- */

static void release(void *p)
{
	struct state *state = p;

	if (!state)
		return;
	server_list_done(&state->list);
	if (state->password)
		explicit_bzero(state->password, strlen(state->password));
	free(state->password);
	free(state);
}

static int set_password(struct state *state, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	SLUICE_CLEANUP(text_done) struct text field = TEXT_INIT(2 * RSPAMD_VALUE_MAX);

	rspamd_field(&field, "Password", s->text, strlen(s->text));
	if (!field.len) {
		(void)snprintf(reterr->text, sizeof reterr->text, "password is empty, too long, or has a control character: it is one line of up to %d octets",
			RSPAMD_VALUE_MAX);
		reterr->line = s->line;
		return -EINVAL;
	}
	state->password = strdup(s->text);
	return state->password ? 0 : -ENOMEM;
}

static enum sluice_exchange_reply judge(const char *bytes, size_t len, char why[SLUICE_EXCHANGE_WHY_MAX])
{
	struct rspamd_answer answer;

	return rspamd_read(bytes, len, &answer, why);
}

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct state *state = calloc(1, sizeof *state);
	int r = state ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && count && i < blocks->count; i++) {
		const struct sluice_setting *s = &blocks->settings[i];

		switch (s->option) {
		case SERVER:
			r = server_list_add(&state->list, s, EXAMPLE, reterr);
			break;
		case TIMEOUT:
			state->servers.timeout_ms = s->number;
			break;
		case MAX:
			state->servers.max_bytes = s->number;
			break;
		case PASSWORD:
			r = set_password(state, s, reterr);
			break;
		}
	}
	if (r == 0 && !(state->servers.servers = server_list_end(&state->list)))
		r = -ENOMEM;
	if (r < 0) {
		release(state);
		return r;
	}
	state->servers.name = "rspamd";
	state->servers.judge = judge;
	*ret_state = state;
	return 0;
}

static const struct sluice_exchange_servers *servers(const void *state)
{
	return &((const struct state *)state)->servers;
}

/* ---- the check ---- */

static void add_fact(struct sluice_check_ctx *c, struct text *out, const char *name, const char *fact)
{
	size_t len = 0;
	const char *value = sluice_fact(c, fact, &len);

	if (value && strcmp(value, "unknown") != 0)
		rspamd_field(out, name, value, len);
}

static void say_about(struct sluice_check_ctx *c, struct text *out)
{
	const struct state *state = sluice_state(c);
	const struct sluice_address *from = sluice_mail_from(c), *rcpt;
	const char *queue_id = sluice_queue_id(c), *helo;
	char ip[IP_TEXT_MAX];
	size_t len = 0;

	(void)ip_format(sluice_client_ip(c), ip);
	if (sluice_client_ip(c)->family)
		rspamd_field(out, "Ip", ip, strlen(ip));
	helo = sluice_helo(c, &len);
	rspamd_field(out, "Helo", helo, len);
	add_fact(c, out, "Hostname", "client.name");
	if (from)
		rspamd_field(out, "From", from->null ? "<>" : from->text, from->null ? 2 : from->len);
	for (size_t i = 0; i < RECIPIENTS_MAX && (rcpt = sluice_recipient(c, i)); i++)
		rspamd_field(out, "Rcpt", rcpt->text, rcpt->len);
	if (sluice_authenticated(c))
		add_fact(c, out, "User", "auth.user");
	rspamd_field(out, "Queue-Id", queue_id, strlen(queue_id));
	if (state->password)
		rspamd_field(out, "Password", state->password, strlen(state->password));
	text_adds(out, "\r\n");
}

/* NULL: no memory, or it is under way (*ret_pending). */
static const struct sluice_exchange_answer *ask(struct sluice_check_ctx *c, const char *body, size_t len, bool *ret_pending)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(HEAD_MAX);
	const struct sluice_exchange_answer *answer = NULL;
	struct sluice_exchange_request rq = { .key = "rspamd" };
	struct whole_message whole = { 0 };
	size_t size = 0;

	*ret_pending = false;
	if (whole_message_add(&whole, NULL, 0) && whole_message_add_all(&whole, c, body, len)) {
		for (size_t i = 1; i < whole.pieces.len; i++)
			size += whole.pieces.items[i].len;
		rspamd_begin(&head, size);
		say_about(c, &head);
		whole.pieces.items[0] = (struct sluice_text){ text_str(&head), head.len };
		rq.pieces = whole.pieces.items;
		rq.count = whole.pieces.len;
		if (!head.failed)
			answer = sluice_ask_exchange(c, &rq);
		*ret_pending = !answer && !head.failed;
	}
	whole_message_done(&whole);
	return answer;
}

static void add_symbol(struct sluice_result *res, const struct rspamd_symbol *s)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(RSPAMD_SYMBOL_MAX + 40);

	text_addf(&text, "%s ", s->name);
	text_add_milli(&text, s->score_milli);
	sluice_add_text(res, SYMBOLS, text_str(&text), text.len);
}

static void set_facts(struct sluice_result *res, const struct sluice_exchange_answer *a)
{
	struct rspamd_answer answer;
	char why[SLUICE_EXCHANGE_WHY_MAX];

	if (rspamd_read(a->bytes, a->len, &answer, why) != SLUICE_EXCHANGE_ANSWER)
		return; /* judge() has taken it for one */
	sluice_set_milli(res, SCORE, answer.score_milli);
	sluice_set_milli(res, REQUIRED, answer.required_milli);
	sluice_set_enum(res, ACTION, answer.action);
	for (size_t i = 0; i < answer.count; i++)
		add_symbol(res, &answer.symbols[i]);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_exchange_answer *a;
	const char *why, *body;
	size_t len, size;
	bool pending;

	body = sluice_body(c, &len, &size, &why);
	if (!body)
		return SLUICE_TEMPERROR;
	if (size > len) { /* half of a mail is another one */
		sluice_set_bool(res, TOO_LARGE, true);
		return SLUICE_DONE;
	}
	a = ask(c, body, len, &pending);
	if (!a)
		return pending ? SLUICE_PENDING : SLUICE_TEMPERROR;
	switch (a->status) {
	case SLUICE_EXCHANGE_OK:
		set_facts(res, a);
		break;
	case SLUICE_EXCHANGE_TOO_LARGE:
		break;
	case SLUICE_EXCHANGE_FAILED:
	case SLUICE_EXCHANGE_TIMEOUT:
		return SLUICE_TEMPERROR;
	}
	sluice_set_bool(res, TOO_LARGE, a->status == SLUICE_EXCHANGE_TOO_LARGE);
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "rspamd", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = SCORE, .last_fact = TOO_LARGE, .body = true, .costly = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(rspamd) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "rspamd",
	.help = "what does rspamd make of the message?",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
	.exchange = servers,
};
