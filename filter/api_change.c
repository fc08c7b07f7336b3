/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/api_change.h"

#include <endian.h>
#include <jansson.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/control.h"
#include "filter/engine/message.h"
#include "filter/engine/trial.h"
#include "filter/mail/tokens.h"
#include "filter/policy/option.h"

/* ---- changes ---- */

/* The daemon's answer as JSON; each change, and each try, is told in the log. */
static void ask(const struct api_request *q, const char *request, const char *shown)
{
	SLUICE_CLEANUP(text_done) struct text said = TEXT_INIT(CONTROL_ANSWER_MAX), line = TEXT_INIT(2048);
	int status = q->of->ask(q->of->arg, request, &said);

	while (said.len && said.bytes[said.len - 1] == '\n')
		said.bytes[--said.len] = '\0';
	text_addf(&line, "audit: token=%s scope=%s asked=\"%.1000s\" status=%d", q->who->name, token_scope_words[q->who->scope], shown, status);
	log_line(q->of->log, LOG_LEVEL_WARNING, text_str(&line));
	switch (status) {
	case EX_OK:
		json_open(&q->answer->body, NULL, '{');
		json_str(&q->answer->body, "result", said.len ? text_str(&said) : "done");
		json_close(&q->answer->body, '}');
		break;
	case EX_NOINPUT:
		api_error(q, 404, said.len ? text_str(&said) : "there is no such entry", "ask for the list: what it shows can be named here");
		break;
	case EX_USAGE:
	case EX_CONFIG:
		api_error(q, 422, said.len ? text_str(&said) : "that cannot be done", "the configuration stays as it was; mend what is named, and ask again");
		break;
	default:
		api_error(q, 503, said.len ? text_str(&said) : "the daemon could not do it", "'sluicectl status' says more, and so does the daemon's log");
	}
}

/* A part of a key, as lists show it: printable ASCII or UTF-8, and no '|', which parts do not have. */
static bool add_part(struct text *out, const json_t *part)
{
	const char *s = json_string_value(part);

	if (!s || !*s || strlen(s) != json_string_length(part))
		return false;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '|')
			return false;
	text_addf(out, "%s%s", out->len && out->bytes[out->len - 1] != ' ' ? "|" : "", s);
	return true;
}

static bool add_parts(struct text *out, const json_t *parts, size_t least, size_t most)
{
	size_t i;
	json_t *part;

	if (!json_is_array(parts) || json_array_size(parts) < least || json_array_size(parts) > most)
		return false;
	json_array_foreach(parts, i, part)
		if (!add_part(out, part))
			return false;
	return true;
}

static void change_key(const struct api_request *q, const char *request, const json_t *first, const json_t *parts, size_t least, size_t most, const char *remedy)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX - 2);

	text_adds(&line, request);
	if ((first && !add_part(&line, first)) || !add_parts(&line, parts, least, most) || line.failed) {
		api_error(q, 400, "the body does not name an entry", remedy);
		return;
	}
	ask(q, text_str(&line), text_str(&line));
}

void api_limits_reset(const struct api_request *q)
{
	json_t *body = json_loadb(q->body, q->len, JSON_REJECT_DUPLICATES, NULL), *rule = json_object_get(body, "rule");

	change_key(q, "limits reset ", rule ? rule : json_object_get(body, "values"), json_object_get(body, "values"), 1, LIMIT_MAX_KEYS,
		"send {\"rule\": \"fast\", \"values\": [\"192.0.2.1\"]}, as /api/v1/limits shows them");
	json_decref(body);
}

void api_greylist_pass(const struct api_request *q)
{
	json_t *body = json_loadb(q->body, q->len, JSON_REJECT_DUPLICATES, NULL);

	change_key(q, "greylist pass ", NULL, json_object_get(body, "key"), 3, 3,
		"send {\"key\": [\"192.0.2.0/24\", \"a@example.net\", \"u@example.org\"]}, as /api/v1/greylist shows it");
	json_decref(body);
}

void api_greylist_forget(const struct api_request *q)
{
	json_t *body = json_loadb(q->body, q->len, JSON_REJECT_DUPLICATES, NULL), *key = json_object_get(body, "key");

	change_key(q, "greylist forget ", NULL, json_array_size(key) == 2 ? NULL : key, 1, 3,
		"send {\"key\": [CLIENT, SENDER, RECIPIENT]}, or {\"key\": [CLIENT]} for all of a client");
	json_decref(body);
}

static void want(const struct api_request *q, const char *request)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX - 2);
	json_t *body = json_loadb(q->body, q->len, JSON_REJECT_DUPLICATES, NULL);

	text_adds(&line, request);
	if (add_part(&line, json_object_get(body, "id")) && !line.failed)
		ask(q, text_str(&line), text_str(&line));
	else
		api_error(q, 400, "the body does not name a message", "send {\"id\": \"4bXk2M0sV1z4kR\"}, as /api/v1/held shows it");
	json_decref(body);
}

void api_held_release(const struct api_request *q)
{
	want(q, "held release ");
}

void api_held_drop(const struct api_request *q)
{
	want(q, "held drop ");
}

void api_reload(const struct api_request *q)
{
	char guard[HTTP_VALUE_MAX], line[64] = "reload";
	int64_t guard_ms;

	if (*api_parameter(q, "guard", guard)) {
		if (!option_duration(guard, strlen(guard), &guard_ms) || guard_ms < 1000 || guard_ms > CONTROL_GUARD_MAX_MS) {
			api_error(q, 400, "'guard' is no time to watch", "write one from 1s to 1h, such as 2m");
			return;
		}
		(void)snprintf(line, sizeof line, "reload %lld", (long long)guard_ms);
	}
	ask(q, line, line);
}

/* ---- learning ---- */

static bool add_ids(struct text *out, const struct api_request *q)
{
	psl_ctx_t *psl = psl_latest(NULL);
	struct tokens *t = psl ? tokens_new(psl) : NULL;
	uint64_t ids[TOKENS_MAX];
	size_t count = 0;

	if (t && tokens_of_message(t, q->body, q->len)) {
		const uint64_t *from = tokens_ids(t, &count);

		for (size_t i = 0; i < count; i++)
			ids[i] = htobe64(from[i]);
		base64_encode(out, ids, count * sizeof *ids);
	}
	tokens_free(t);
	psl_free(psl);
	return count > 0;
}

void api_learn(const struct api_request *q)
{
	char as[HTTP_VALUE_MAX], name[HTTP_VALUE_MAX];
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX - 2), shown = TEXT_INIT(2048);

	(void)api_parameter(q, "as", as);
	(void)api_parameter(q, "classifier", name);
	if ((strcmp(as, "spam") != 0 && strcmp(as, "ham") != 0 && strcmp(as, "forget") != 0) || strpbrk(name, " ")) {
		api_error(q, 400, "it is not said what the message is", "ask with as=spam, as=ham or as=forget, and classifier=NAME where there are several");
		return;
	}
	text_addf(&shown, "learn %s %s", as, *name ? name : "-");
	text_addf(&line, "%s %d ", text_str(&shown), TOKENS_VERSION);
	if (!q->len || !add_ids(&line, q) || line.failed) {
		api_error(q, 422, "there is nothing to learn from", "send the message itself as the body: header, an empty line, text");
		return;
	}
	ask(q, text_str(&line), text_str(&shown));
}

/* ---- a trial ---- */

struct attempt {
	struct snapshot *s;
	struct health *health;
	char from[HTTP_VALUE_MAX + 2], helo[HTTP_VALUE_MAX], name[HTTP_VALUE_MAX], user[HTTP_VALUE_MAX];
	char rcpts[API_MAX_RCPTS][HTTP_VALUE_MAX + 2];
	const char *rcpt_args[API_MAX_RCPTS];
	size_t rcpt_count;
	struct sluice_ip ip;
	struct text message;
	struct text *out;
};

static void attempt_free(struct attempt *a)
{
	text_done(&a->message);
	snapshot_unref(a->s);
	free(a);
}

static void give_message(void *arg, struct dialogue *d)
{
	struct attempt *a = arg;

	message_give(d, &a->message);
}

static void on_case(void *arg, const struct case_ *c)
{
	struct attempt *a = arg;

	case_json(a->out, c);
}

/* On a thread of its own: it waits for the DNS as mail does, each stage no longer than its deadline. Nothing of it is counted or kept. */
static void run_attempt(void *arg, struct http_answer *ret)
{
	struct attempt *a = arg;
	struct engine engine = { .health = a->health, .on_case = on_case, .arg = a, .no_store = true };
	const struct trial t = {
		.client = { .ip = a->ip, .macros = { .client_name = a->name, .daemon_port = 25 } },
		.helo = a->helo,
		.mail = { .argument = a->from, .queue_id = "", .auth = { .authen = a->user, .type = *a->user ? "PLAIN" : "" } },
		.rcpts = a->rcpt_args,
		.rcpt_count = a->rcpt_count,
		.content = give_message,
		.arg = a,
	};
	struct dialogue *d = dialogue_new(&engine, a->s);

	a->out = &ret->body;
	if (d) {
		struct verdict v = trial_run(d, &t);

		dialogue_tell_case(d, &v);
	}
	dialogue_free(d);
	if (!ret->body.len) {
		ret->status = 500;
		json_open(&ret->body, NULL, '{');
		json_str(&ret->body, "error", "the trial could not be run");
		json_str(&ret->body, "remedy", "try again; the daemon has no memory for it just now");
		json_close(&ret->body, '}');
	}
	attempt_free(a);
}

/* An address as SMTP has it. */
static void put_address(char ret[HTTP_VALUE_MAX + 2], const char *address)
{
	(void)snprintf(ret, HTTP_VALUE_MAX + 2, *address == '<' ? "%s" : "<%s>", address);
}

static bool read_envelope(const struct api_request *q, struct attempt *a)
{
	const char *p = q->http->query;
	struct http_pair pair;
	char from[HTTP_VALUE_MAX], ip[HTTP_VALUE_MAX];

	put_address(a->from, api_parameter(q, "from", from));
	(void)api_parameter(q, "helo", a->helo);
	(void)api_parameter(q, "name", a->name);
	(void)api_parameter(q, "user", a->user);
	(void)api_parameter(q, "client", ip);
	while (http_query_next(&p, &pair) == 1) {
		if (strcmp(pair.key, "rcpt") != 0)
			continue;
		if (a->rcpt_count == API_MAX_RCPTS)
			return false;
		put_address(a->rcpts[a->rcpt_count], pair.value);
		a->rcpt_args[a->rcpt_count] = a->rcpts[a->rcpt_count];
		a->rcpt_count++;
	}
	return *a->helo && a->rcpt_count && ip_parse(ip, strlen(ip), &a->ip);
}

void api_check(const struct api_request *q)
{
	struct attempt *a = calloc(1, sizeof *a);

	if (!a) {
		api_error(q, 503, "there is no memory for it", "try again later");
		return;
	}
	a->s = snapshot_ref(q->s);
	a->health = q->of->health;
	a->message = TEXT_INIT(API_MESSAGE_MAX);
	text_add(&a->message, q->body, q->len);
	if (!read_envelope(q, a) || a->message.failed) {
		attempt_free(a);
		api_error(q, 400, "the envelope is not whole", "ask with client=IP, helo=NAME, from=ADDRESS (empty: <>) and rcpt=ADDRESS, 20 of these at most");
		return;
	}
	q->answer->work = run_attempt;
	q->answer->work_arg = a;
}
