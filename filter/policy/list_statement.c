/* SPDX-License-Identifier: BSD-2-Clause */
/* list_statement.c - `list NAME TYPE [items] file PATH folder PATH`, the sources in any number and order. */
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
		r = list_add_file(list, path, folder, ps->l->token.place, ps->err);
	return r < 0 ? r : parser_next(ps);
}

static bool begins_source(const struct token *t)
{
	return t->type == TOKEN_LIST || token_is(t, "file") || token_is(t, "folder");
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
		return parser_unexpected(ps, "[items], file PATH or folder PATH");
	while (r == 0 && begins_source(&ps->l->token))
		r = ps->l->token.type == TOKEN_LIST ? list_items(ps, list) : list_path(ps, list);
	return r;
}
