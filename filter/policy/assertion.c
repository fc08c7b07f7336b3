/* SPDX-License-Identifier: BSD-2-Clause */
/* assertion.c - reading `assert "text" { ... }`. */
#include "filter/policy/assertion.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/policy/parser.h"

#define ASSERTIONS_MAX 10000
#define ITEMS_MAX      1000 /* recipients, headers, facts of one */

static int read_text(struct parser *ps, const char *what, const char **ret)
{
	if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, what);
	*ret = ps->l->token.text;
	return parser_next(ps);
}

/* <a@example.org>, <>, or the same without brackets; as SMTP has it. */
static int read_path(struct parser *ps, const char **ret)
{
	bool bracket = ps->l->token.type == TOKEN_OPERATOR && !strcmp(ps->l->token.text, "<");
	const char *address = "";
	int r = bracket ? parser_next(ps) : 0;

	if (r < 0)
		return r;
	if (!bracket || ps->l->token.type != TOKEN_OPERATOR)
		r = read_text(ps, "an address such as <a@example.org>", &address);
	if (r == 0 && bracket) {
		if (ps->l->token.type != TOKEN_OPERATOR || strcmp(ps->l->token.text, ">") != 0)
			return parser_unexpected(ps, "'>'");
		r = parser_next(ps);
	}
	*ret = arena_printf(ps->p->arena, "<%s>", address);
	return r < 0 || *ret ? r : parser_no_memory(ps);
}

static int client(struct parser *ps, struct assertion *a)
{
	if (ps->l->token.type != TOKEN_WORD || !ip_parse(ps->l->token.text, ps->l->token.len, &a->client))
		return parser_unexpected(ps, "an address such as 192.0.2.1");
	return parser_next(ps);
}

static int name(struct parser *ps, struct assertion *a)
{
	return read_text(ps, "the name of the client", &a->name);
}

static int port(struct parser *ps, struct assertion *a)
{
	uint64_t number;

	if (ps->l->token.type != TOKEN_WORD || !ascii_to_u64(ps->l->token.text, ps->l->token.len, UINT16_MAX, &number))
		return parser_unexpected(ps, "a port such as 587");
	a->port = (uint16_t)number;
	return parser_next(ps);
}

static int helo(struct parser *ps, struct assertion *a)
{
	return read_text(ps, "what the client says in HELO", &a->helo);
}

static int user(struct parser *ps, struct assertion *a)
{
	return read_text(ps, "as whom the client is authenticated", &a->user);
}

static int from(struct parser *ps, struct assertion *a)
{
	return read_path(ps, &a->from);
}

static int rcpt(struct parser *ps, struct assertion *a)
{
	const char *path = NULL;
	int r = a->rcpts.len < ITEMS_MAX ? read_path(ps, &path) : parser_unexpected(ps, "no more than 1000 recipients");

	return r < 0 || vec_push(&a->rcpts, path) ? r : parser_no_memory(ps);
}

static int header(struct parser *ps, struct assertion *a)
{
	struct case_header h;
	int r = a->headers.len < ITEMS_MAX ? read_text(ps, "the name of a header field", &h.name) : parser_unexpected(ps, "no more than 1000 fields");

	if (r == 0)
		r = read_text(ps, "the value of the header field", &h.value);
	return r < 0 || vec_push(&a->headers, h) ? r : parser_no_memory(ps);
}

/* What a check finds; what the client says of itself has words of its own. */
static int fact(struct parser *ps, struct assertion *a)
{
	struct assertion_fact f;
	struct place at = ps->l->token.place;
	int index, r = expr_find_fact(&ps->l->token, ps->host->catalog, &index, ps->err);

	if (r < 0)
		return r;
	if (ps->host->catalog->facts.items[index].check == CATALOG_NO_CHECK)
		return place_error(at, ps->err, "%s is found by no check: say it with client, name, port, helo, user, from, rcpt or header",
			ps->l->token.text);
	if (a->facts.len == ITEMS_MAX)
		return parser_unexpected(ps, "no more than 1000 facts");
	f.fact = (unsigned)index;
	r = parser_next(ps);
	if (r == 0)
		r = expr_read_value(ps->l, &ps->scope, f.fact, &f.value, ps->err);
	return r < 0 || vec_push(&a->facts, f) ? r : parser_no_memory(ps);
}

static int expected_stage(struct parser *ps, struct assertion *a)
{
	int r = parser_next(ps); /* over 'at' */

	if (r < 0)
		return r;
	for (a->expect.stage = SLUICE_STAGE_CONNECT; a->expect.stage < SLUICE_STAGES; a->expect.stage++)
		if (token_is(&ps->l->token, stage_words[a->expect.stage]))
			return parser_next(ps);
	return parser_unexpected(ps, "a stage (connect, helo, mail, rcpt, data or message)");
}

static int expect(struct parser *ps, struct assertion *a)
{
	int r;

	a->expect.place = ps->l->token.place;
	for (a->expect.action = CASE_ACCEPT; a->expect.action < CASE_FAULT; a->expect.action++)
		if (token_is(&ps->l->token, case_action_words[a->expect.action]))
			break;
	if (a->expect.action == CASE_FAULT)
		return parser_unexpected(ps, "what is expected (accept, hold, discard, tempfail or reject)");
	r = parser_next(ps);
	if (r == 0 && a->expect.action == CASE_ACCEPT && (token_is(&ps->l->token, "at") || token_is(&ps->l->token, "by")))
		return place_error(ps->l->token.place, ps->err, "a message is accepted when no stage and no rule refuses it: '%s' is for refusals",
			ps->l->token.text);
	if (r == 0 && token_is(&ps->l->token, "at"))
		r = expected_stage(ps, a);
	if (r < 0 || !token_is(&ps->l->token, "by"))
		return r;
	r = parser_next(ps);
	a->expect.rule_place = ps->l->token.place;
	return r < 0 ? r : parser_name(ps, "the name of a rule", &a->expect.rule);
}

static const struct { const char *word; int (*read)(struct parser *ps, struct assertion *a); bool repeated; } rows[] = {
	{ "client", client, false }, { "name", name, false }, { "port", port, false }, { "helo", helo, false }, { "user", user, false },
	{ "from", from, false }, { "rcpt", rcpt, true }, { "header", header, true }, { "fact", fact, true }, { "expect", expect, false },
};

static int unknown(struct parser *ps)
{
	const struct token *t = &ps->l->token;
	struct suggest s = suggest_for(t->text, t->len);

	for (size_t i = 0; t->type == TOKEN_WORD && i < ARRAY_LEN(rows); i++)
		suggest_try(&s, rows[i].word);
	if (t->type == TOKEN_WORD && s.best)
		return place_error(t->place, ps->err, "'%s' here: did you mean '%s'?", t->text, s.best);
	return parser_unexpected(ps, "client, name, port, helo, user, from, rcpt, header, fact, expect or '}'");
}

static int read_row(struct parser *ps, struct assertion *a, unsigned *seen)
{
	struct place at = ps->l->token.place;
	size_t i = 0;
	int r;

	while (i < ARRAY_LEN(rows) && !token_is(&ps->l->token, rows[i].word))
		i++;
	if (i == ARRAY_LEN(rows))
		return unknown(ps);
	if (!rows[i].repeated && *seen & 1u << i)
		return place_error(at, ps->err, "'%s' a second time: an assertion is about one transaction", rows[i].word);
	*seen |= 1u << i;
	r = parser_next(ps);
	return r < 0 ? r : rows[i].read(ps, a);
}

static int check(struct parser *ps, const struct assertion *a)
{
	if (!a->expect.place.source)
		return place_error(a->place, ps->err, "the assertion expects nothing: say what, as in 'expect reject at rcpt'");
	if (!a->rcpts.len && (a->expect.action == CASE_ACCEPT || a->expect.stage >= SLUICE_STAGE_RCPT))
		return place_error(a->place, ps->err, "the assertion has no recipient: say one, as in 'rcpt <u@example.org>'");
	return 0;
}

int assertion_statement(struct parser *ps, struct place at)
{
	struct assertion a = { .place = at, .client = { 4, { 192, 0, 2, 1 } }, .port = 25, .name = "", .helo = "client.example", .user = "" };
	unsigned seen = 0;
	int r;

	a.expect.stage = SLUICE_STAGES;
	if (ps->p->assertions.len == ASSERTIONS_MAX)
		return place_error(at, ps->err, "more than %d assertions", ASSERTIONS_MAX);
	r = ps->l->token.type == TOKEN_STRING ? read_text(ps, "", &a.text) : parser_unexpected(ps, "a \"string\" that says what is asserted");
	if (r == 0)
		r = parser_expect(ps, TOKEN_OPEN, "'{'");
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0 || ps->l->token.type == TOKEN_CLOSE)
			break;
		r = read_row(ps, &a, &seen);
	}
	if (r == 0)
		r = check(ps, &a);
	if (r == 0 && vec_push(&ps->p->assertions, a))
		return parser_next(ps);
	assertion_done(&a);
	return r < 0 ? r : parser_no_memory(ps);
}

void assertion_done(struct assertion *a)
{
	vec_done(&a->rcpts);
	vec_done(&a->headers);
	vec_done(&a->facts);
}
