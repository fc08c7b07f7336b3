/* SPDX-License-Identifier: BSD-2-Clause */
/* action.c - what a rule does, as it is written. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/base/utf8.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

#define TAG_FIELD      "X-Sluice-Tag"
#define APPENDED_MAX   65536 /* octets */
#define FIELD_NAME_MAX 76 /* RFC 5322 2.1.1: a line of 78 with the colon and a blank */

const char *const rule_action_words[] = { "accept", "tempfail", "reject", "score", "tag", "hold", "discard", "redirect", "add", "replace", "append", "greylist", "sign", "seal", NULL };
const char *const rule_action_checks[RULE_ACTIONS] = { [RULE_GREYLIST] = "greylist", [RULE_SIGN] = "sign", [RULE_SEAL] = "seal" };

static int rule_reply(struct parser *ps, unsigned severity, const struct reply **ret)
{
	int r;

	if (ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, severity == 5 ? "the reply, such as \"550 5.7.1 not here\"" : severity == 4 ? "the reply, such as \"451 4.7.1 later\"" : "a text");
	r = reply_parse(&ps->l->token, severity, ps->host->catalog, ps->p->arena, ret, ps->err);
	return r < 0 ? r : parser_next(ps);
}

int action_optional_reply(struct parser *ps, const char *usual, const struct reply **ret)
{
	struct token token = ps->l->token;

	if (token.type == TOKEN_STRING)
		return rule_reply(ps, 4, ret);
	token.text = usual;
	token.len = strlen(usual);
	return reply_parse(&token, 4, ps->host->catalog, ps->p->arena, ret, ps->err);
}

static bool has_check(const struct parser *ps, enum rule_action action)
{
	char blocked[64];

	(void)snprintf(blocked, sizeof blocked, "%s.blocked", rule_action_checks[action]);
	return catalog_find(ps->host->catalog, blocked) >= 0;
}

/* `greylist ["451 4.7.1 text"]`, `sign [optional] ["451 4.7.0 text"]`, `seal [optional] ["451 4.7.0 text"]` */
static int checking_action(struct parser *ps, struct rule *rule)
{
	static const struct { enum sluice_stage stage; const char *why, *usual; } rows[RULE_ACTIONS] = {
		[RULE_GREYLIST] = { SLUICE_STAGE_RCPT, "greylisting is about a recipient", "451 4.7.1 greylisted: try again in {greylist.wait} seconds" },
		[RULE_SIGN] = { SLUICE_STAGE_MESSAGE, "a signature is about the whole message", "451 4.7.0 this message cannot be signed now: try again later" },
		[RULE_SEAL] = { SLUICE_STAGE_MESSAGE, "a seal is about the whole message", "451 4.7.0 this message cannot be sealed now: try again later" },
	};
	int r;

	if (!has_check(ps, rule->action))
		return place_error(rule->place, ps->err, "rule %s needs the plugin '%s', which is not loaded: name it with 'plugin \"/path\"' above",
			rule->name, rule_action_checks[rule->action]);
	if (rule->stage != rows[rule->action].stage)
		return place_error(rule->place, ps->err, "%s: move rule %s to 'at %s'", rows[rule->action].why, rule->name,
			stage_words[rows[rule->action].stage]);
	rule->optional = rule->action != RULE_GREYLIST && token_is(&ps->l->token, "optional");
	r = rule->optional ? parser_next(ps) : 0;
	return r < 0 ? r : action_optional_reply(ps, rows[rule->action].usual, &rule->reply);
}

static int at_message(struct parser *ps, const struct rule *rule, const char *why)
{
	if (rule->stage == SLUICE_STAGE_MESSAGE)
		return 0;
	return place_error(rule->place, ps->err, "%s: move rule %s to 'at message'", why, rule->name);
}

/* `redirect ADDRESS`, `add recipient ADDRESS` */
static int target_action(struct parser *ps, struct rule *rule)
{
	const struct token *t = &ps->l->token;
	struct sluice_address a;
	int r = at_message(ps, rule, "who gets a message is settled at its end");

	if (r < 0)
		return r;
	if (t->type != TOKEN_WORD && t->type != TOKEN_STRING)
		return parser_unexpected(ps, "an address such as postmaster@example.org");
	a = address_split(t->text, t->len);
	if (a.local_len == 0 || !domain_valid(a.domain, a.domain_len, 1) || strpbrk(t->text, "<> \t\r\n"))
		return place_error(t->place, ps->err, "'%.100s' is no address: write one such as postmaster@example.org", t->text);
	rule->target = t->text;
	return parser_next(ps);
}

/* Fields that mail needs as they are, or that say who vouches for it. */
static bool is_kept_field(const char *name)
{
	static const char *const kept[] = { "Authentication-Results", "Bcc", "Cc", "Content-Transfer-Encoding", "Content-Type", "Date",
		"DKIM-Signature", "From", "Message-ID", "MIME-Version", "Received", "Reply-To", "Return-Path", "Sender", "To" };

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (ascii_equals(name, strlen(name), kept[i]))
			return true;
	return strlen(name) > 4 && ascii_equals(name, 4, "ARC-");
}

static int field_name(struct parser *ps, struct rule *rule)
{
	const struct token *t = &ps->l->token;

	if (t->type != TOKEN_WORD && t->type != TOKEN_STRING)
		return parser_unexpected(ps, "the name of a header field, such as X-Spam-Flag");
	if (ascii_equals(t->text, t->len, "Subject"))
		return place_error(t->place, ps->err, "there is but one Subject: 'tag subject \"text \"' puts a text before what it says");
	if (is_kept_field(t->text))
		return place_error(t->place, ps->err, "a rule adds no %s: take a name of your own, such as X-Spam-Flag", t->text);
	if (t->len > FIELD_NAME_MAX || strspn(t->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != t->len)
		return place_error(t->place, ps->err, "the name of a header field is made of letters, digits, '-' and '_', at most %d", FIELD_NAME_MAX);
	rule->field = t->text;
	return parser_next(ps);
}

/* `tag "text"`, `tag header NAME "text"`, `tag subject "text"` */
static int tag_action(struct parser *ps, struct rule *rule)
{
	bool subject = token_is(&ps->l->token, "subject"), header = token_is(&ps->l->token, "header");
	int r = subject || header ? parser_next(ps) : 0;

	rule->field = subject ? NULL : TAG_FIELD;
	if (r == 0 && header)
		r = field_name(ps, rule);
	for (size_t i = 0; r == 0 && !subject && i < ps->p->tag_fields.len; i++)
		if (ascii_equals(ps->p->tag_fields.items[i], strlen(ps->p->tag_fields.items[i]), rule->field))
			subject = true; /* known already */
	if (r == 0 && !subject && !vec_push(&ps->p->tag_fields, rule->field))
		r = parser_no_memory(ps);
	return r < 0 ? r : rule_reply(ps, 0, &rule->reply);
}

static int parts_fact(struct parser *ps, struct rule *rule)
{
	const struct catalog *catalog = ps->host->catalog;
	const struct token *t = &ps->l->token;
	int fact = t->type == TOKEN_WORD ? catalog_find(catalog, t->text) : -1;
	const char *near = t->type == TOKEN_WORD ? catalog_suggest(catalog, t->text) : NULL;

	if (t->type != TOKEN_WORD)
		return parser_unexpected(ps, "a fact that names parts, such as files.evidence");
	if (fact < 0 && near)
		return place_error(t->place, ps->err, "there is no fact '%s': did you mean '%s'?", t->text, near);
	if (fact < 0 || catalog->facts.items[fact].type != SLUICE_TEXTS)
		return place_error(t->place, ps->err, "'%s' names no parts: a fact such as files.evidence or mime.odd does", t->text);
	rule->parts_fact = (unsigned)fact;
	return parser_next(ps);
}

/* `replace parts of FACT [WORD, ...] "note"` */
static int replace_action(struct parser *ps, struct rule *rule)
{
	VEC(const char *) words = { 0 };
	int r = at_message(ps, rule, "what is in a message is known at its end");

	if (r == 0 && !token_is(&ps->l->token, "parts"))
		return parser_unexpected(ps, "'parts of' and a fact that names them");
	if (r == 0)
		r = parser_next(ps);
	if (r == 0 && !token_is(&ps->l->token, "of"))
		return parser_unexpected(ps, "'of' and a fact that names parts");
	if (r == 0)
		r = parser_next(ps);
	if (r == 0)
		r = parts_fact(ps, rule);
	while (r == 0 && ps->l->token.type == TOKEN_WORD) {
		r = vec_push(&words, ps->l->token.text) ? parser_next(ps) : parser_no_memory(ps);
		if (r < 0 || ps->l->token.type != TOKEN_COMMA)
			break;
		r = parser_next(ps);
	}
	rule->words = (const char *const *)(const void *)arena_copy(ps->p->arena, words.items, words.len * sizeof *words.items);
	rule->word_count = words.len;
	vec_done(&words);
	if (r == 0 && !rule->words)
		r = parser_no_memory(ps);
	return r < 0 ? r : rule_reply(ps, 0, &rule->reply);
}

/* `append file PATH` */
static int append_action(struct parser *ps, struct rule *rule)
{
	struct place at;
	const struct source *source;
	const char *path;
	int r = at_message(ps, rule, "a text is put behind a whole message");

	if (r == 0 && !token_is(&ps->l->token, "file"))
		return parser_unexpected(ps, "'file' and the path of a text");
	if (r == 0)
		r = parser_next(ps);
	at = ps->l->token.place;
	if (r == 0)
		r = parser_path(ps, "the path of a text", &path);
	if (r == 0)
		r = parser_load(ps, path, at, &source);
	if (r < 0)
		return r;
	if (source->len == 0 || source->len > APPENDED_MAX || !utf8_valid(source->bytes, source->len) || memchr(source->bytes, '\0', source->len))
		return place_error(at, ps->err, "%s: not a text in UTF-8 of at most %d octets", path, APPENDED_MAX);
	rule->appended = source->bytes;
	return parser_next(ps);
}

int action_parse(struct parser *ps, struct rule *rule)
{
	static const struct sluice_option points = { "score", SLUICE_OPT_DECIMAL, .min = -1000000, .max = 1000000 };
	struct sluice_setting value;
	int r;

	for (rule->action = RULE_ACCEPT; rule_action_words[rule->action]; rule->action++)
		if (token_is(&ps->l->token, rule_action_words[rule->action]))
			break;
	if (!rule_action_words[rule->action]) {
		struct suggest s = suggest_for(ps->l->token.text, ps->l->token.len);

		for (size_t i = 0; rule_action_words[i]; i++)
			suggest_try(&s, rule_action_words[i]);
		if (ps->l->token.type == TOKEN_WORD && s.best)
			return place_error(ps->l->token.place, ps->err, "there is no action '%s': did you mean '%s'?", ps->l->token.text, s.best);
		return parser_unexpected(ps, "an action (accept, tempfail, reject, score, tag, hold, discard, redirect, add recipient, replace, append, greylist, sign or seal)");
	}
	r = parser_next(ps);
	if (r < 0)
		return r;
	switch (rule->action) {
	case RULE_ACCEPT:
		return 0;
	case RULE_TEMPFAIL:
		return rule_reply(ps, 4, &rule->reply);
	case RULE_REJECT:
		return rule_reply(ps, 5, &rule->reply);
	case RULE_TAG:
		return tag_action(ps, rule);
	case RULE_HOLD:
		return rule_reply(ps, 0, &rule->reply);
	case RULE_DISCARD:
		r = at_message(ps, rule, "what is discarded is a whole message");
		return r < 0 ? r : rule_reply(ps, 0, &rule->reply);
	case RULE_ADD:
		if (!token_is(&ps->l->token, "recipient"))
			return parser_unexpected(ps, "'recipient' and an address");
		r = parser_next(ps);
		return r < 0 ? r : target_action(ps, rule);
	case RULE_REDIRECT:
		return target_action(ps, rule);
	case RULE_REPLACE:
		return replace_action(ps, rule);
	case RULE_APPEND:
		return append_action(ps, rule);
	case RULE_GREYLIST:
	case RULE_SIGN:
	case RULE_SEAL:
		return checking_action(ps, rule);
	case RULE_SCORE:
		r = option_parse(ps->l, &points, &value, ps->err);
		rule->score_milli = value.number;
		return r;
	case RULE_ACTIONS:
		break;
	}
	return -EINVAL;
}
