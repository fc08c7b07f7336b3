/* SPDX-License-Identifier: BSD-2-Clause */
/* spamd - what does SpamAssassin make of the message? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/server_list.h"
#include "filter/mail/whole_message.h"
#include "plugins/spamd/spamd_eval.h"

#define EXAMPLE  "inet:783@127.0.0.1, inet6:783@::1 or unix:/run/spamd/spamd.sock"
#define HEAD_MAX 2000 /* octets that are sent before the message */

enum { SCORE, REQUIRED, SPAM, RULES, TOO_LARGE };
static const struct sluice_fact facts[] = {
	[SCORE] = { "spamd.score", SLUICE_MILLI, NULL, "the points that SpamAssassin gives" },
	[REQUIRED] = { "spamd.required", SLUICE_MILLI, NULL, "from how many on it takes a message for spam" },
	[SPAM] = { "spamd.spam", SLUICE_BOOL, NULL, "it takes the message for spam" },
	[RULES] = { "spamd.rules", SLUICE_TEXTS, NULL, "names of its rules that matched" },
	[TOO_LARGE] = { "spamd.too_large", SLUICE_BOOL, NULL, "it was not asked, as the message is too large" },
	{ .name = NULL },
};

enum { SERVER, TIMEOUT, MAX, USER };
static const struct sluice_option options[] = {
	[SERVER] = { "server", SLUICE_OPT_TEXT, .repeated = true, .deflt = "inet:783@127.0.0.1",
		.help = "where spamd listens: unix:PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS; of several the first that works is asked" },
	[TIMEOUT] = { "timeout", SLUICE_OPT_DURATION, .min = 100, .max = 600000, .deflt = "20s",
		.help = "longest wait for its answer; no longer than stage_deadline lets it be" },
	[MAX] = { "max", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 28, .deflt = "500K", .help = "a message that is larger is not sent" },
	[USER] = { "user", SLUICE_OPT_TEXT, .deflt = "", .help = "as whom SpamAssassin is to look at it; empty: it is not told" },
	{ .key = NULL },
};

struct state {
	struct sluice_exchange_servers servers;
	struct server_list list;
	char *user;
};

/* ---- settings ---- */

static void release(void *p)
{
	struct state *state = p;

	if (!state)
		return;
	server_list_done(&state->list);
	free(state->user);
	free(state);
}

static int set_user(struct state *state, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	for (const char *c = s->text; *c; c++) {
		if (*c > ' ' && *c <= '~')
			continue;
		(void)snprintf(reterr->text, sizeof reterr->text, "user is one word of printable ASCII characters");
		reterr->line = s->line;
		return -EINVAL;
	}
	if (strlen(s->text) > 255) {
		(void)snprintf(reterr->text, sizeof reterr->text, "user is too long: it has 255 characters at most");
		reterr->line = s->line;
		return -EINVAL;
	}
	state->user = strdup(s->text);
	return state->user ? 0 : -ENOMEM;
}

static enum sluice_exchange_reply judge(const char *bytes, size_t len, char why[SLUICE_EXCHANGE_WHY_MAX])
{
	struct spamd_answer answer;

	return spamd_read(bytes, len, &answer, why);
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
		case USER:
			r = set_user(state, s, reterr);
			break;
		}
	}
	if (r == 0 && !(state->servers.servers = server_list_end(&state->list)))
		r = -ENOMEM;
	if (r < 0) {
		release(state);
		return r;
	}
	state->servers.name = "spamd";
	state->servers.judge = judge;
	*ret_state = state;
	return 0;
}

static const struct sluice_exchange_servers *servers(const void *state)
{
	return &((const struct state *)state)->servers;
}

/* ---- the check ---- */

static void say_about(struct sluice_check_ctx *c, struct text *ret)
{
	const struct sluice_address *from = sluice_mail_from(c);
	struct spamd_about about = { .client = sluice_client_ip(c), .our_name = sluice_our_name(c), .queue_id = sluice_queue_id(c),
		.authenticated = sluice_authenticated(c), .now_s = sluice_now_s(c) };

	about.helo.bytes = sluice_helo(c, &about.helo.len);
	about.name.bytes = sluice_fact(c, "client.name", &about.name.len);
	if (from)
		about.from = (struct sluice_text){ from->text, from->len };
	spamd_received(ret, &about);
}

/* spamd reads by lines, and waits for the end of the last one. */
static const char *last_end(const char *body, size_t len)
{
	return len && body[len - 1] == '\n' ? "" : "\r\n";
}

/* Head, Received, and the message as it came. NULL: no memory, or it is under way (*ret_pending). */
static const struct sluice_exchange_answer *ask(struct sluice_check_ctx *c, const char *body, size_t len, bool *ret_pending)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(HEAD_MAX), received = TEXT_INIT(HEAD_MAX);
	const struct sluice_exchange_answer *answer = NULL;
	const struct state *state = sluice_state(c);
	struct sluice_exchange_request rq = { .key = "spamd" };
	struct whole_message whole = { 0 };
	const char *end = last_end(body, len);
	size_t size = 0;

	*ret_pending = false;
	say_about(c, &received);
	if (whole_message_add(&whole, NULL, 0) && whole_message_add(&whole, text_str(&received), received.len) &&
		whole_message_add_all(&whole, c, body, len) && whole_message_add(&whole, end, strlen(end))) {
		for (size_t i = 1; i < whole.pieces.len; i++)
			size += whole.pieces.items[i].len;
		spamd_head(&head, size, state->user);
		whole.pieces.items[0] = (struct sluice_text){ text_str(&head), head.len };
		rq.pieces = whole.pieces.items;
		rq.count = whole.pieces.len;
		if (!head.failed && !received.failed)
			answer = sluice_ask_exchange(c, &rq);
		*ret_pending = !answer && !head.failed && !received.failed;
	}
	whole_message_done(&whole);
	return answer;
}

static void set_facts(struct sluice_result *res, const struct sluice_exchange_answer *a)
{
	struct spamd_answer answer;
	char why[SLUICE_EXCHANGE_WHY_MAX];

	if (spamd_read(a->bytes, a->len, &answer, why) != SLUICE_EXCHANGE_ANSWER)
		return; /* judge() has taken it for one */
	sluice_set_milli(res, SCORE, answer.score_milli);
	sluice_set_milli(res, REQUIRED, answer.required_milli);
	sluice_set_bool(res, SPAM, answer.spam);
	for (size_t i = 0; i < answer.count; i++)
		sluice_add_text(res, RULES, answer.rules[i], strlen(answer.rules[i]));
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
	{ .name = "spamd", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = SCORE, .last_fact = TOO_LARGE, .body = true, .costly = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(spamd) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "spamd",
	.help = "what does SpamAssassin make of the message?",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
	.exchange = servers,
};
