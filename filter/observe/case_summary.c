/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case_summary.h"

#include <string.h>

#include "filter/base/ip.h"
#include "filter/base/json.h"

#define TEXT_SHOWN 300

static void put(struct text *out, const char *key, const char *bytes, size_t len)
{
	json_text(out, key, bytes, len < TEXT_SHOWN ? len : TEXT_SHOWN);
}

static void put_str(struct text *out, const char *key, const char *s)
{
	put(out, key, s ? s : "", s ? strlen(s) : 0);
}

/* Facts by these names, where they are known: who the author is, and what DMARC says of the domain. */
static void put_facts(struct text *out, const struct case_ *c)
{
	static const struct { const char *fact, *key; } wanted[] = { { "from.domain", "author_domain" }, { "dmarc.result", "dmarc" } };

	for (size_t i = 0; i < c->fact_count; i++)
		for (size_t k = 0; k < ARRAY_LEN(wanted); k++)
			if (c->facts[i].value->known && !strcmp(c->facts[i].name, wanted[k].fact) &&
				(c->facts[i].value->type == SLUICE_ENUM || c->facts[i].value->text.len <= TEXT_SHOWN))
				value_json(out, wanted[k].key, c->facts[i].value, c->facts[i].words);
}

void case_summary(struct text *out, const struct case_ *c)
{
	char ip[IP_TEXT_MAX];
	int64_t us = 0;

	for (size_t i = 0; i < SLUICE_STAGES; i++)
		us += (c->stages[i].ns + 500) / 1000;
	json_open(out, NULL, '{');
	json_str(out, "case", c->id);
	json_int(out, "time", c->time_ms / 1000);
	put_str(out, "queue_id", c->queue_id);
	json_str(out, "client", c->client.ip.family ? ip_format(&c->client.ip, ip) : NULL);
	put_str(out, "client_name", c->client.name);
	put(out, "helo", c->client.helo ? c->client.helo : "", c->client.helo_len);
	put_str(out, "user", c->client.user);
	if (c->envelope) {
		put(out, "from", c->from, c->from_len);
		json_open(out, "recipients", '[');
		for (size_t i = 0; i < c->recipient_count && i < CASE_SUMMARY_RECIPIENTS; i++)
			put(out, NULL, c->recipients[i].address, c->recipients[i].len);
		json_close(out, ']');
		json_int(out, "recipient_count", (int64_t)c->recipient_count);
	}
	json_str(out, "verdict", case_action_words[c->verdict.action]);
	json_str(out, "stage", stage_words[c->verdict.stage]);
	put_str(out, "rule", c->verdict.rule);
	put_str(out, "text", c->verdict.text);
	json_milli(out, "score", c->score_milli);
	put_facts(out, c);
	json_int(out, "size", c->size_bytes);
	json_milli(out, "ms", us);
	json_close(out, '}');
}

void case_summary_add_name(struct text *out, const char *bytes, size_t len)
{
	size_t before = out->len;

	for (size_t i = 0; i < len; i++) /* a NUL would end it */
		text_addc(out, bytes[i] ? bytes[i] : '?');
	if (out->len > before)
		text_addc(out, '\0');
}
