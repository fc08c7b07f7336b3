/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list_statement.c - `list NAME TYPE [items] file PATH folder PATH postfix PARAMETER ... in FOLDER`, the sources in any number and
 * order.
 */
#include <string.h>

#include "filter/policy/list_postfix.h"
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
	bool folder = token_is(&ps->l->token, "folder");
	const char *path;
	int r = parser_next(ps);

	if (r == 0)
		r = parser_path(ps, folder ? "the path of the list's folder" : "the path of the list's file", &path);
	if (r == 0)
		r = list_add_source(list, folder ? LIST_FOLDER : LIST_FILE, path, NULL, ps->l->token.place, ps->err);
	return r < 0 ? r : parser_next(ps);
}

static bool begins_source(const struct token *t)
{
	return t->type == TOKEN_LIST || token_is(t, "file") || token_is(t, "folder") || token_is(t, "postfix");
}

#define PARAMETERS_MAX 16 /* of one `postfix` */

/* Where main.cf is comes last, and has to be known to read the first. */
static int list_postfix(struct parser *ps, struct list *list)
{
	struct {
		const char *name;
		struct place place;
	} parameters[PARAMETERS_MAX];
	const char *folder = NULL;
	size_t count = 0;
	int r = 0;

	if (list_type(list) == SLUICE_LIST_PATTERN)
		return place_error(ps->l->token.place, ps->err, "Postfix has no patterns: it gives domains, networks and addresses");
	while ((r = parser_next(ps)) == 0 && ps->l->token.type == TOKEN_WORD && !begins_source(&ps->l->token) && !token_is(&ps->l->token, "in")) {
		const struct token *t = &ps->l->token;

		if (!list_postfix_parameter(t->text, t->len))
			return place_error(t->place, ps->err, "'%s' is no name of a parameter of Postfix", t->text);
		if (count == PARAMETERS_MAX)
			return place_error(t->place, ps->err, "more than %d parameters: begin another 'postfix'", PARAMETERS_MAX);
		parameters[count].place = t->place;
		parameters[count].name = arena_copy(ps->p->arena, t->text, t->len);
		if (!parameters[count++].name)
			return parser_no_memory(ps);
	}
	if (r == 0 && !count)
		return parser_unexpected(ps, "a parameter of Postfix, such as mydestination,");
	if (r == 0 && token_is(&ps->l->token, "in")) {
		r = parser_next(ps);
		if (r == 0)
			r = parser_path(ps, "the path of the folder with main.cf", &folder);
		if (r == 0)
			r = parser_next(ps);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = list_add_source(list, LIST_POSTFIX, parameters[i].name, folder, parameters[i].place, ps->err);
	return r;
}

static int list_source(struct parser *ps, struct list *list)
{
	if (ps->l->token.type == TOKEN_LIST)
		return list_items(ps, list);
	return token_is(&ps->l->token, "postfix") ? list_postfix(ps, list) : list_path(ps, list);
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
		return parser_unexpected(ps, "[items], file PATH, folder PATH or postfix PARAMETER");
	while (r == 0 && begins_source(&ps->l->token))
		r = list_source(ps, list);
	return r;
}
