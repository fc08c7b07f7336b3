/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "filter/base/ip.h"
#include "filter/base/json.h"

#define LINE_VALUE_MAX  200 /* octets of one value in the log line; more are cut */
#define LINE_RECIPIENTS 20  /* recipients in the log line; the case has them all */
#define LINE_SHADOWS    8 /* rules that watched */

const char *const case_action_words[] = { "accept", "hold", "discard", "tempfail", "reject", "fault", NULL };
const char *const outcome_words[] = { "done", "pending", "skipped", "temperror", NULL };
const char *const error_words[] = { "timeout", "servfail", "store", "other", NULL };
const char *const case_miss_words[] = { "condition", "sample", "limit", "check", NULL };
const char *const stage_words[] = { "connect", "helo", "mail", "rcpt", "data", "message", "probe", NULL };

static int64_t in_us(int64_t ns)
{
	return (ns + 500) / 1000; /* as thousandths of a millisecond */
}

/* RFC 3339 with milliseconds, UTC. */
static const char *format_time(int64_t ms, char buf[40])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t len;

	(void)gmtime_r(&seconds, &tm);
	len = strftime(buf, 30, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + len, 40 - len, ".%03dZ", (int)(ms % 1000));
	return buf;
}

static void put_client(struct text *out, const struct case_ *c)
{
	char ip[IP_TEXT_MAX];

	json_open(out, "client", '{');
	json_str(out, "ip", c->client.ip.family ? ip_format(&c->client.ip, ip) : NULL);
	json_str(out, "name", c->client.name);
	json_text(out, "helo", c->client.helo, c->client.helo_len);
	json_int(out, "port", c->client.port);
	json_int(out, "daemon_port", c->client.daemon_port);
	json_str(out, "user", c->client.user);
	json_close(out, '}');
}

static void put_facts(struct text *out, const struct case_fact *facts, size_t count)
{
	json_open(out, "facts", '{');
	for (size_t i = 0; i < count; i++)
		value_json(out, facts[i].name, facts[i].value, facts[i].words);
	json_close(out, '}');
}

static void put_envelope(struct text *out, const struct case_ *c)
{
	if (!c->envelope)
		return;
	json_text(out, "from", c->from, c->from_len);
	json_open(out, "recipients", '[');
	for (size_t i = 0; i < c->recipient_count; i++) {
		json_open(out, NULL, '{');
		json_text(out, "address", c->recipients[i].address, c->recipients[i].len);
		json_bool(out, "refused", c->recipients[i].refused);
		if (c->recipients[i].removed)
			json_bool(out, "removed", true);
		if (c->recipients[i].fact_count)
			put_facts(out, c->recipients[i].facts, c->recipients[i].fact_count);
		json_close(out, '}');
	}
	json_close(out, ']');
	if (c->added_count)
		json_open(out, "added", '[');
	for (size_t i = 0; i < c->added_count; i++)
		json_str(out, NULL, c->added[i]);
	if (c->added_count)
		json_close(out, ']');
}

static void put_verdict(struct text *out, const struct case_ *c)
{
	json_open(out, "verdict", '{');
	json_str(out, "action", case_action_words[c->verdict.action]);
	json_str(out, "stage", stage_words[c->verdict.stage]);
	json_int(out, "code", c->verdict.code);
	json_str(out, "dsn", c->verdict.dsn);
	json_str(out, "text", c->verdict.text);
	json_str(out, "rule", c->verdict.rule);
	if (c->verdict.line) {
		json_str(out, "file", c->verdict.file);
		json_int(out, "line", c->verdict.line);
	}
	json_close(out, '}');
}

static void put_rules(struct text *out, const struct case_ *c)
{
	json_open(out, "rules", '[');
	for (size_t i = 0; i < c->rule_count; i++) {
		const struct case_rule *rule = &c->rules[i];

		json_open(out, NULL, '{');
		json_str(out, "name", rule->name);
		json_str(out, "stage", stage_words[rule->stage]);
		json_str(out, "action", rule->action);
		if (rule->shadow)
			json_bool(out, "shadow", true);
		if (rule->score_milli)
			json_milli(out, "score", rule->score_milli);
		json_str(out, "file", rule->file);
		json_int(out, "line", rule->line);
		json_str(out, "text", rule->text);
		if (rule->recipient)
			json_str(out, "recipient", rule->recipient);
		put_facts(out, rule->facts, rule->fact_count);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_missed(struct text *out, const struct case_ *c)
{
	json_open(out, "missed", '[');
	for (size_t i = 0; i < c->missed_count; i++) {
		const struct case_missed *m = &c->missed[i];

		json_open(out, NULL, '{');
		json_str(out, "name", m->name);
		json_str(out, "stage", stage_words[m->stage]);
		json_str(out, "file", m->file);
		json_int(out, "line", m->line);
		json_str(out, "why", case_miss_words[m->why]);
		if (m->recipient)
			json_str(out, "recipient", m->recipient);
		put_facts(out, m->facts, m->fact_count);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_limits(struct text *out, const struct case_ *c)
{
	if (!c->limit_count)
		return;
	json_open(out, "limits", '[');
	for (size_t i = 0; i < c->limit_count; i++) {
		json_open(out, NULL, '{');
		json_str(out, "rule", c->limits[i].rule);
		json_str(out, "limit", c->limits[i].limit);
		if (c->limits[i].recipient)
			json_str(out, "recipient", c->limits[i].recipient);
		json_bool(out, "over", c->limits[i].over);
		json_int(out, "wait", c->limits[i].wait_s);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_given(struct text *out, const struct case_ *c)
{
	if (!c->given_count)
		return;
	json_open(out, "given", '[');
	for (size_t i = 0; i < c->given_count; i++)
		json_str(out, NULL, c->given[i]);
	json_close(out, ']');
}

static void put_checks(struct text *out, const struct case_ *c)
{
	json_open(out, "checks", '{');
	for (size_t i = 0; i < c->check_count; i++) {
		json_open(out, c->checks[i].name, '{');
		json_str(out, "outcome", outcome_words[c->checks[i].outcome]);
		json_milli(out, "ms", in_us(c->checks[i].ns));
		json_close(out, '}');
	}
	json_close(out, '}');
	json_open(out, "stages", '{');
	for (size_t i = 0; i < SLUICE_STAGES; i++)
		if (c->stages[i].judged || c->stages[i].ns)
			json_milli(out, stage_words[i], in_us(c->stages[i].ns));
	json_close(out, '}');
}

static void put_answers(struct text *out, const struct case_ *c)
{
	json_open(out, "answers", '[');
	for (size_t i = 0; i < c->answer_count; i++) {
		const struct case_answer *a = &c->answers[i];

		json_open(out, NULL, '{');
		json_str(out, "name", a->name);
		json_str(out, "type", a->type);
		json_str(out, "status", a->status);
		json_str(out, "source", a->source);
		json_int(out, "age", a->age_s);
		json_int(out, "ttl", a->ttl_s);
		json_milli(out, "ms", in_us(a->waited_ns));
		json_str(out, "checks", a->checks);
		json_open(out, "records", '[');
		for (size_t k = 0; k < a->record_count; k++)
			json_str(out, NULL, a->records[k]);
		json_close(out, ']');
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_inserted(struct text *out, const struct case_ *c)
{
	if (!c->inserted_count)
		return;
	json_open(out, "inserted", '[');
	for (size_t i = 0; i < c->inserted_count; i++) {
		json_open(out, NULL, '{');
		json_str(out, "name", c->inserted[i].name);
		json_str(out, "value", c->inserted[i].value);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void put_changed(struct text *out, const struct case_ *c)
{
	if (!c->changed_count)
		return;
	json_open(out, "changed", '[');
	for (size_t i = 0; i < c->changed_count; i++)
		json_str(out, NULL, c->changed[i]);
	json_close(out, ']');
}

void case_json(struct text *out, const struct case_ *c)
{
	char when[40];

	json_open(out, NULL, '{');
	json_str(out, "case", c->id);
	json_str(out, "connection", c->connection);
	json_str(out, "message", c->message);
	json_str(out, "time", format_time(c->time_ms, when));
	json_str(out, "queue_id", c->queue_id);
	json_str(out, "message_id", c->message_id);
	put_client(out, c);
	put_envelope(out, c);
	json_int(out, "size", c->size_bytes);
	put_verdict(out, c);
	json_milli(out, "score", c->score_milli);
	put_facts(out, c->facts, c->fact_count);
	put_rules(out, c);
	put_missed(out, c);
	put_limits(out, c);
	put_given(out, c);
	put_checks(out, c);
	put_answers(out, c);
	if (c->authres)
		json_str(out, "authentication_results", c->authres);
	put_inserted(out, c);
	put_changed(out, c);
	json_close(out, '}');
}

/* ---- the log line ---- */

/* A value as it may stand in a log: quoted when it has a blank or a quote, \xHH for what is not printable ASCII. */
static void put_value(struct text *out, const char *bytes, size_t len)
{
	bool quote = len == 0 || memchr(bytes, ' ', len) || memchr(bytes, '"', len) || memchr(bytes, '\\', len) || memchr(bytes, '=', len);
	size_t shown = len > LINE_VALUE_MAX ? LINE_VALUE_MAX : len;

	if (quote)
		text_addc(out, '"');
	for (size_t i = 0; i < shown; i++) {
		unsigned char b = (unsigned char)bytes[i];

		if (b < 0x20 || b >= 0x7f)
			text_addf(out, "\\x%02x", b);
		else if (b == '"' || b == '\\')
			text_addf(out, "\\%c", b);
		else
			text_addc(out, (char)b);
	}
	if (shown < len)
		text_adds(out, "...");
	if (quote)
		text_addc(out, '"');
}

static void put_pair(struct text *out, const char *key, const char *bytes, size_t len)
{
	if (!len)
		return;
	text_addf(out, " %s=", key);
	put_value(out, bytes, len);
}

static void put_address(struct text *out, const char *key, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text bracketed = TEXT_INIT(LINE_VALUE_MAX + 8);

	text_addc(&bracketed, '<');
	text_add(&bracketed, bytes, len > LINE_VALUE_MAX ? LINE_VALUE_MAX : len);
	text_addc(&bracketed, '>');
	put_pair(out, key, text_str(&bracketed), bracketed.len);
}

static void put_milli(struct text *out, const char *key, int64_t thousandths)
{
	struct value v = { .known = true, .type = SLUICE_MILLI, .number = thousandths };

	text_addf(out, " %s=", key);
	value_print(out, &v, NULL);
}

/* The rules that only watched, each once: what they would have done. */
static void put_shadows(struct text *out, const struct case_ *c)
{
	unsigned shown = 0;

	for (size_t i = 0; i < c->rule_count && shown < LINE_SHADOWS; i++) {
		bool before = false;

		for (size_t k = 0; k < i && c->rules[i].shadow; k++)
			before |= c->rules[k].shadow && !strcmp(c->rules[k].name, c->rules[i].name);
		if (!c->rules[i].shadow || before)
			continue;
		text_addf(out, " shadow=%s:%s", c->rules[i].name, c->rules[i].action);
		shown++;
	}
}

void case_line(struct text *out, const struct case_ *c)
{
	char ip[IP_TEXT_MAX];
	int64_t us = 0;

	text_addf(out, "case=%s", c->id);
	put_pair(out, "qid", c->queue_id, strlen(c->queue_id));
	text_addf(out, " verdict=%s stage=%s", case_action_words[c->verdict.action], stage_words[c->verdict.stage]);
	put_pair(out, "rule", c->verdict.rule, strlen(c->verdict.rule));
	if (c->verdict.code) {
		text_addf(out, " code=%u dsn=%s", c->verdict.code, c->verdict.dsn);
		put_pair(out, "reply", c->verdict.text, strlen(c->verdict.text));
	} else {
		put_pair(out, "reason", c->verdict.text, strlen(c->verdict.text));
	}
	put_shadows(out, c);
	put_milli(out, "score", c->score_milli);
	text_addf(out, " client=%s", ip_format(&c->client.ip, ip));
	put_pair(out, "name", c->client.name, strlen(c->client.name));
	put_pair(out, "helo", c->client.helo, c->client.helo_len);
	put_pair(out, "user", c->client.user, strlen(c->client.user));
	if (c->envelope)
		put_address(out, "from", c->from, c->from_len);
	for (size_t i = 0; i < c->recipient_count && i < LINE_RECIPIENTS; i++)
		put_address(out, c->recipients[i].refused ? "refused" : c->recipients[i].removed ? "removed" : "to", c->recipients[i].address, c->recipients[i].len);
	if (c->recipient_count > LINE_RECIPIENTS)
		text_addf(out, " nrcpt=%zu", c->recipient_count);
	for (size_t i = 0; i < c->added_count && i < LINE_RECIPIENTS; i++)
		put_address(out, "added", c->added[i], strlen(c->added[i]));
	put_pair(out, "msgid", c->message_id, strlen(c->message_id));
	text_addf(out, " size=%lld", (long long)c->size_bytes);
	for (size_t i = 0; i < SLUICE_STAGES; i++)
		us += in_us(c->stages[i].ns);
	put_milli(out, "ms", us);
}

void case_warning(struct text *out, const struct case_ *c, const struct case_rule *rule)
{
	char ip[IP_TEXT_MAX];

	text_addf(out, "rule=%s matched: action=%s stage=%s", rule->name, rule->action, stage_words[rule->stage]);
	put_pair(out, "user", c->client.user, strlen(c->client.user));
	text_addf(out, " client=%s", ip_format(&c->client.ip, ip));
	if (c->envelope)
		put_address(out, "from", c->from, c->from_len);
	text_addf(out, " case=%s", c->id);
	put_pair(out, "text", rule->text, strlen(rule->text));
}
