/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list_statement.c - `list NAME TYPE [items] file PATH folder PATH cdb PATH redis KEY postfix PARAMETER ... in FOLDER sendmail CLASS ... in FILE`, the
 * sources in any number and order, with `optional` before a mail server that may not be there.
 */
#include <string.h>

#include "filter/policy/list_postfix.h"
#include "filter/policy/list_sendmail.h"
#include "filter/policy/parser.h"

static int list_items(struct parser *ps, struct list *list)
{
	int r = parser_next(ps);

	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_LIST_END)
			return parser_next(ps);
		if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
			return parser_unexpected(ps, "an item of the list or ']'");
		r = list_add(list, ps->l->token.text, ps->l->token.len, ps->l->token.place, ps->err);
		if (r == 0)
			r = parser_next(ps);
	}
}

static int list_path(struct parser *ps, struct list *list)
{
	static const char *const whats[] = { [LIST_FILE] = "the path of the list's file", [LIST_FOLDER] = "the path of the list's folder",
		[LIST_CDB] = "the path of the list's database" };
	enum list_kind kind = token_is(&ps->l->token, "folder") ? LIST_FOLDER : token_is(&ps->l->token, "cdb") ? LIST_CDB : LIST_FILE;
	struct place at = ps->l->token.place;
	const char *path;
	int r = parser_next(ps);

	if (kind == LIST_CDB && list_type(list) != SLUICE_LIST_DOMAIN && list_type(list) != SLUICE_LIST_ADDRESS)
		return place_error(at, ps->err, "a database has domains or addresses: keep %ss in a file", list_type_words[list_type(list)]);
	if (r == 0)
		r = parser_path(ps, whats[kind], &path);
	if (r == 0)
		r = list_add_source(list, kind, path, NULL, false, ps->l->token.place, ps->err);
	return r < 0 ? r : parser_next(ps);
}

static int list_set(struct parser *ps, struct list *list)
{
	int r = parser_next(ps);

	if (r == 0 && ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
		return parser_unexpected(ps, "the key of a set in Redis");
	if (r == 0)
		r = list_add_source(list, LIST_REDIS, ps->l->token.text, NULL, false, ps->l->token.place, ps->err);
	return r < 0 ? r : parser_next(ps);
}

#define NAMES_MAX 16 /* behind one `postfix` */

static const struct server {
	const char *keyword;
	enum list_kind kind;
	enum sluice_list_type last_type; /* those behind it in the enum it does not have */
	bool (*named)(const char *name, size_t len);
	const char *types, *bad, *missing, *where;
} servers[] = {
	{ "postfix", LIST_POSTFIX, SLUICE_LIST_ADDRESS, list_postfix_parameter, "Postfix has no patterns: it gives domains, networks and addresses",
		"is no name of a parameter of Postfix", "a parameter of Postfix, such as mydestination,", "the path of the folder with main.cf" },
	{ "sendmail", LIST_SENDMAIL, SLUICE_LIST_NETWORK, list_sendmail_name, "Sendmail gives domains and networks, no addresses and patterns",
		"is no class of Sendmail", "a class of Sendmail, such as w, or access,", "the path of sendmail.cf" },
};

static const struct server *server_of(const struct token *t)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (token_is(t, servers[i].keyword))
			return &servers[i];
	return NULL;
}

static bool begins_source(const struct token *t)
{
	return t->type == TOKEN_LIST || token_is(t, "file") || token_is(t, "folder") || token_is(t, "cdb") || token_is(t, "redis") ||
	       token_is(t, "optional") || server_of(t);
}

/* Where it is configured comes last, and has to be known to read the first. */
static int list_server(struct parser *ps, struct list *list, const struct server *server, bool optional)
{
	struct {
		const char *text;
		struct place place;
	} names[NAMES_MAX];
	const char *where = NULL;
	size_t count = 0;
	int r;

	if (list_type(list) > server->last_type)
		return place_error(ps->l->token.place, ps->err, "%s", server->types);
	while ((r = parser_next(ps)) == 0 && ps->l->token.type == TOKEN_WORD && !begins_source(&ps->l->token) && !token_is(&ps->l->token, "in")) {
		const struct token *t = &ps->l->token;

		if (!server->named(t->text, t->len))
			return place_error(t->place, ps->err, "'%s' %s", t->text, server->bad);
		if (count == NAMES_MAX)
			return place_error(t->place, ps->err, "more than %d names: begin another '%s'", NAMES_MAX, server->keyword);
		names[count].place = t->place;
		names[count].text = arena_copy(ps->p->arena, t->text, t->len);
		if (!names[count++].text)
			return parser_no_memory(ps);
	}
	if (r == 0 && !count)
		return parser_unexpected(ps, server->missing);
	if (r == 0 && token_is(&ps->l->token, "in")) {
		r = parser_next(ps);
		if (r == 0)
			r = parser_path(ps, server->where, &where);
		if (r == 0)
			r = parser_next(ps);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = list_add_source(list, server->kind, names[i].text, where, optional, names[i].place, ps->err);
	return r;
}

static int list_source(struct parser *ps, struct list *list)
{
	const struct server *server;
	bool optional = token_is(&ps->l->token, "optional");
	int r = optional ? parser_next(ps) : 0;

	if (r < 0)
		return r;
	server = server_of(&ps->l->token);
	if (optional && !server)
		return parser_unexpected(ps, "postfix or sendmail, which alone can be optional,");
	if (ps->l->token.type == TOKEN_LIST)
		return list_items(ps, list);
	if (token_is(&ps->l->token, "redis"))
		return list_set(ps, list);
	return server ? list_server(ps, list, server, optional) : list_path(ps, list);
}

int list_statement(struct parser *ps, struct place at)
{
	enum sluice_list_type type = SLUICE_LIST_DOMAIN;
	const struct list *before;
	const char *name = NULL;
	struct list *list;
	int r = parser_name(ps, "the name of a list", &name);

	if (r < 0)
		return r;
	before = policy_list(ps->p, name);
	if (before)
		return place_error(at, ps->err, "list %s was defined before, in %s line %u: put all sources into one 'list'", name,
			list_place(before).source->path, list_place(before).line);
	while (list_type_words[type] && !token_is(&ps->l->token, list_type_words[type]))
		type++;
	if (!list_type_words[type])
		return parser_unexpected(ps, "the type of the list (domain, network, address or pattern)");
	list = list_new(name, type, at);
	if (!list || !vec_push(&ps->p->lists, list)) {
		list_free(list);
		return parser_no_memory(ps);
	}
	r = parser_next(ps);
	if (r == 0 && !begins_source(&ps->l->token))
		return parser_unexpected(ps, "[items], file PATH, folder PATH, cdb PATH, redis KEY, postfix PARAMETER or sendmail CLASS");
	while (r == 0 && begins_source(&ps->l->token))
		r = list_source(ps, list);
	return r;
}
