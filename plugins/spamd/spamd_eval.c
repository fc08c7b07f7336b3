/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/spamd/spamd_eval.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"

#define NUMBER_MAX 1000000000 /* points; no score is near it */
#define TOKEN_MAX  255        /* octets of a name or an address in the field */

/* ---- the Received field ---- */

/* Nothing that ends a word, a comment or a line there. */
static bool is_plain(const struct sluice_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->bytes[i] <= ' ' || t->bytes[i] > '~' || strchr("()<>[]\"\\,;", t->bytes[i]))
			return false;
	return t->bytes && t->len && t->len <= TOKEN_MAX;
}

/* "[192.0.2.1]", which a client may say of itself. */
static bool is_literal(const struct sluice_text *t)
{
	return t->bytes && t->len > 2 && t->bytes[0] == '[' && t->bytes[t->len - 1] == ']' &&
	       is_plain(&(struct sluice_text){ t->bytes + 1, t->len - 2 });
}

void spamd_received(struct text *out, const struct spamd_about *about)
{
	char ip[IP_TEXT_MAX], date[40];
	bool helo = is_plain(&about->helo) || is_literal(&about->helo), from = about->from.bytes && (!about->from.len || is_plain(&about->from));
	const struct sluice_text queue_id = { about->queue_id, strlen(about->queue_id) };
	time_t now = (time_t)about->now_s;
	struct tm tm;

	if (!about->client->family)
		return;
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	text_addf(out, "Received: from %.*s (", helo ? (int)about->helo.len : 7, helo ? about->helo.bytes : "unknown");
	if (is_plain(&about->name))
		text_addf(out, "%.*s ", (int)about->name.len, about->name.bytes);
	text_addf(out, "[%s%s])\r\n\tby %s with %s", about->client->family == 6 ? "IPv6:" : "", ip_format(about->client, ip), about->our_name,
		about->authenticated ? "ESMTPA" : "ESMTP");
	if (is_plain(&queue_id))
		text_addf(out, " id %s", about->queue_id);
	if (from)
		text_addf(out, "\r\n\t(envelope-from <%.*s>)", (int)about->from.len, about->from.bytes);
	text_addf(out, "; %s\r\n", date);
}

void spamd_head(struct text *out, size_t len, const char *user)
{
	text_addf(out, "SYMBOLS SPAMC/1.5\r\nContent-length: %zu\r\n", len);
	if (*user)
		text_addf(out, "User: %s\r\n", user);
	text_adds(out, "\r\n");
}

/* ---- the answer ---- */

struct cursor {
	const char *at, *end;
};

/* The next line without its end. False: there is none that ends. */
static bool take_line(struct cursor *c, struct sluice_text *ret)
{
	const char *lf = memchr(c->at, '\n', (size_t)(c->end - c->at));

	if (!lf)
		return false;
	*ret = (struct sluice_text){ c->at, (size_t)(lf - c->at) };
	if (ret->len && lf[-1] == '\r')
		ret->len--;
	c->at = lf + 1;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool take_char(struct cursor *c, char wanted)
{
	skip_blanks(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* A decimal number in thousandths; what follows the third decimal is cut off. */
static bool take_milli(struct cursor *c, int64_t *ret)
{
	int64_t whole = 0, part = 0, unit = 100;
	const char *begin;
	bool minus;

	skip_blanks(c);
	minus = c->at < c->end && *c->at == '-';
	begin = c->at += minus;
	for (; c->at < c->end && ascii_is_digit(*c->at) && whole < NUMBER_MAX; c->at++)
		whole = whole * 10 + (*c->at - '0');
	if (c->at == begin || whole >= NUMBER_MAX)
		return false;
	if (c->at < c->end && *c->at == '.')
		for (c->at++; c->at < c->end && ascii_is_digit(*c->at); c->at++, unit /= 10)
			part += (*c->at - '0') * unit;
	*ret = minus ? -(whole * 1000 + part) : whole * 1000 + part;
	return true;
}

/* "True ; 15.0 / 5.0" */
static bool read_spam(struct cursor c, struct spamd_answer *ret)
{
	size_t word = 0;

	skip_blanks(&c);
	while (c.at + word < c.end && ascii_is_alpha(c.at[word]))
		word++;
	ret->spam = ascii_equals(c.at, word, "True") || ascii_equals(c.at, word, "Yes");
	if (!ret->spam && !ascii_equals(c.at, word, "False") && !ascii_equals(c.at, word, "No"))
		return false;
	c.at += word;
	return take_char(&c, ';') && take_milli(&c, &ret->score_milli) && take_char(&c, '/') && take_milli(&c, &ret->required_milli);
}

static void add_rule(struct spamd_answer *ret, const char *name, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(SPAMD_RULE_MAX);

	if (!len || ret->count == SPAMD_RULES_MAX)
		return;
	text_add_safe(&text, name, len, SPAMD_RULE_MAX);
	memcpy(ret->rules[ret->count++], text_str(&text), text.len + 1);
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void read_rules(struct cursor c, struct spamd_answer *ret)
{
	while (c.at < c.end) {
		size_t n = 0;

		while (c.at + n < c.end && !is_separator(c.at[n]))
			n++;
		add_rule(ret, c.at, n);
		c.at += n;
		c.at += c.at < c.end; /* the separator */
	}
}

static enum sluice_exchange_reply nonsense(char why[SLUICE_EXCHANGE_WHY_MAX], const char *text)
{
	(void)snprintf(why, SLUICE_EXCHANGE_WHY_MAX, "%s", text);
	return SLUICE_EXCHANGE_NONSENSE;
}

/* "SPAMD/1.1 0 EX_OK". *ret_text: from the code on. */
static bool read_status(const struct sluice_text *line, struct sluice_text *ret_text)
{
	static const char name[] = "SPAMD/";
	struct cursor c = { line->bytes, line->bytes + line->len };

	if (line->len < strlen(name) || memcmp(line->bytes, name, strlen(name)) != 0)
		return false;
	for (c.at += strlen(name); c.at < c.end && (ascii_is_digit(*c.at) || *c.at == '.'); c.at++)
		;
	skip_blanks(&c);
	*ret_text = (struct sluice_text){ c.at, (size_t)(c.end - c.at) };
	return ret_text->len && ascii_is_digit(*c.at);
}

static bool is_field(const struct sluice_text *line, const char *name, struct cursor *ret_value)
{
	size_t n = strlen(name);

	if (line->len <= n || line->bytes[n] != ':' || !ascii_equals(line->bytes, n, name))
		return false;
	*ret_value = (struct cursor){ line->bytes + n + 1, line->bytes + line->len };
	return true;
}

enum sluice_exchange_reply spamd_read(const char *bytes, size_t len, struct spamd_answer *ret, char why[SLUICE_EXCHANGE_WHY_MAX])
{
	struct cursor c = { bytes, bytes + len }, value;
	struct sluice_text line, text;
	int64_t length = -1;
	bool spam = false;

	ret->count = 0;
	if (!take_line(&c, &line) || !read_status(&line, &text))
		return nonsense(why, "what it says is no answer of spamd");
	if (text.bytes[0] != '0' || (text.len > 1 && text.bytes[1] != ' ')) {
		(void)snprintf(why, SLUICE_EXCHANGE_WHY_MAX, "%.*s", text.len > 150 ? 150 : (int)text.len, text.bytes);
		return SLUICE_EXCHANGE_REFUSED;
	}
	for (;;) {
		if (!take_line(&c, &line))
			return nonsense(why, "its answer ends too early");
		if (!line.len)
			break;
		if (is_field(&line, "Spam", &value))
			spam = read_spam(value, ret);
		else if (is_field(&line, "Content-length", &value) && (!take_milli(&value, &length) || length < 0))
			return nonsense(why, "its answer has a length that is none");
	}
	if (!spam)
		return nonsense(why, "its answer has no score");
	if (length >= 0 && length / 1000 > c.end - c.at)
		return nonsense(why, "its answer ends too early");
	if (length >= 0)
		c.end = c.at + length / 1000;
	read_rules(c, ret);
	return SLUICE_EXCHANGE_ANSWER;
}
