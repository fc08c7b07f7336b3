/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/rspamd/rspamd_eval.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

#define NUMBER_MAX 1e9 /* points; no score is near it */

const char *const rspamd_actions[] = { "no-action", "greylist", "add-header", "rewrite-subject", "soft-reject", "reject", "quarantine", "discard",
	"other", NULL };
_Static_assert(ARRAY_LEN(rspamd_actions) == RSPAMD_OTHER + 2, "a word for each action");

/* ---- the request ---- */

static bool is_fit(const char *value, size_t len)
{
	if (!value || !len || len > RSPAMD_VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (utf8_is_control(value + i, 1))
			return false;
	return true;
}

void rspamd_field(struct text *out, const char *name, const char *value, size_t len)
{
	if (is_fit(value, len))
		text_addf(out, "%s: %.*s\r\n", name, (int)len, value);
}

void rspamd_begin(struct text *out, size_t len)
{
	text_addf(out, "POST /checkv2 HTTP/1.0\r\nContent-Length: %zu\r\n", len);
}

/* ---- the answer ---- */

static enum sluice_exchange_reply say(enum sluice_exchange_reply reply, char why[SLUICE_EXCHANGE_WHY_MAX], const char *text, size_t len)
{
	(void)snprintf(why, SLUICE_EXCHANGE_WHY_MAX, "%.*s", len > 150 ? 150 : (int)len, text);
	return reply;
}

static enum sluice_exchange_reply nonsense(char why[SLUICE_EXCHANGE_WHY_MAX], const char *text)
{
	return say(SLUICE_EXCHANGE_NONSENSE, why, text, strlen(text));
}

/* The next line without its end. False: there is none that ends. */
static bool take_line(const char **at, const char *end, struct sluice_text *ret)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));

	if (!lf)
		return false;
	*ret = (struct sluice_text){ *at, (size_t)(lf - *at) };
	if (ret->len && lf[-1] == '\r')
		ret->len--;
	*at = lf + 1;
	return true;
}

static bool is_field(const struct sluice_text *line, const char *name)
{
	size_t n = strlen(name);

	return line->len > n && line->bytes[n] == ':' && ascii_equals(line->bytes, n, name);
}

/* Digits of the field's value. -1: it is no length, or one of more than there is. */
static int64_t read_length(const struct sluice_text *line, size_t name_len, size_t left)
{
	size_t i = name_len + 1;
	int64_t n = 0;
	bool any = false;

	for (; i < line->len && line->bytes[i] == ' '; i++)
		;
	for (; i < line->len && ascii_is_digit(line->bytes[i]) && n <= (int64_t)left; i++, any = true)
		n = n * 10 + (line->bytes[i] - '0');
	return any && i == line->len && n <= (int64_t)left ? n : -1;
}

/* "HTTP/1.1 200 OK": *ret_text is what stands behind the blank. */
static bool read_status(const struct sluice_text *line, struct sluice_text *ret_text)
{
	static const char name[] = "HTTP/1.";

	if (line->len < strlen(name) + 5 || memcmp(line->bytes, name, strlen(name)) != 0 || line->bytes[strlen(name) + 1] != ' ')
		return false;
	*ret_text = (struct sluice_text){ line->bytes + strlen(name) + 2, line->len - strlen(name) - 2 };
	for (size_t i = 0; i < 3; i++)
		if (!ascii_is_digit(ret_text->bytes[i]))
			return false;
	return ret_text->len == 3 || ret_text->bytes[3] == ' ';
}

static bool read_milli(const json_t *json, int64_t *ret)
{
	double n = json_number_value(json);

	if (!json_is_number(json) || !(n > -NUMBER_MAX && n < NUMBER_MAX))
		return false;
	*ret = (int64_t)(n * 1000 + (n < 0 ? -0.5 : 0.5));
	return true;
}

static enum rspamd_action read_action(const char *word)
{
	for (enum rspamd_action a = RSPAMD_NO_ACTION; a < RSPAMD_OTHER; a++) {
		size_t i = 0;

		while (word[i] && (rspamd_actions[a][i] == '-' ? ' ' : rspamd_actions[a][i]) == word[i])
			i++;
		if (!word[i] && !rspamd_actions[a][i])
			return a;
	}
	return RSPAMD_OTHER;
}

static void read_symbols(const json_t *symbols, struct rspamd_answer *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)symbols, name, value) {
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(RSPAMD_SYMBOL_MAX);
		struct rspamd_symbol *s = &ret->symbols[ret->count];

		if (ret->count == RSPAMD_SYMBOLS_MAX)
			return;
		if (!*name || !read_milli(json_object_get(value, "score"), &s->score_milli))
			continue;
		text_add_safe(&text, name, strlen(name), RSPAMD_SYMBOL_MAX);
		memcpy(s->name, text_str(&text), text.len + 1);
		ret->count++;
	}
}

static enum sluice_exchange_reply read_json(const json_t *json, struct rspamd_answer *ret, char why[SLUICE_EXCHANGE_WHY_MAX])
{
	const char *action = json_string_value(json_object_get(json, "action")), *error = json_string_value(json_object_get(json, "error"));

	if (error && !*error)
		error = "it has an error, and does not say which";
	if (error)
		return say(SLUICE_EXCHANGE_REFUSED, why, error, strlen(error));
	if (!action || !read_milli(json_object_get(json, "score"), &ret->score_milli) ||
		!read_milli(json_object_get(json, "required_score"), &ret->required_milli))
		return nonsense(why, "its answer has no score");
	ret->action = read_action(action);
	ret->count = 0;
	read_symbols(json_object_get(json, "symbols"), ret);
	return SLUICE_EXCHANGE_ANSWER;
}

enum sluice_exchange_reply rspamd_read(const char *bytes, size_t len, struct rspamd_answer *ret, char why[SLUICE_EXCHANGE_WHY_MAX])
{
	const char *at = bytes, *end = bytes + len;
	enum sluice_exchange_reply reply;
	struct sluice_text line, status;
	int64_t length = -1;
	bool sized = false;
	json_t *json;

	if (!take_line(&at, end, &line) || !read_status(&line, &status))
		return nonsense(why, "what it says is no answer of HTTP");
	do {
		if (!take_line(&at, end, &line))
			return nonsense(why, "its answer ends too early");
		if (is_field(&line, "Transfer-Encoding"))
			return nonsense(why, "its answer is in pieces, which HTTP/1.0 does not have");
		if (is_field(&line, "Content-Length")) {
			sized = true;
			length = read_length(&line, strlen("Content-Length"), (size_t)(end - at));
		}
	} while (line.len);
	if (sized && (length < 0 || length > end - at))
		return nonsense(why, "its answer ends too early");
	if (memcmp(status.bytes, "200", 3) != 0)
		return say(SLUICE_EXCHANGE_REFUSED, why, status.bytes, status.len);
	json = json_loadb(at, sized ? (size_t)length : (size_t)(end - at), 0, NULL);
	if (!json)
		return nonsense(why, "its answer is no JSON");
	reply = read_json(json, ret, why);
	json_decref(json);
	return reply;
}
