/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.c - files and statements. */
#include "filter/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/policy/parser.h"

const struct list *policy_list(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->lists.len; i++)
		if (!strcmp(list_name(p->lists.items[i]), name))
			return p->lists.items[i];
	return NULL;
}

const struct rule *policy_rule(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->rules.len; i++)
		if (!strcmp(p->rules.items[i].name, name))
			return &p->rules.items[i];
	return NULL;
}

const struct sluice_block *policy_block(const struct policy *p, const char *plugin, size_t i)
{
	int owner = catalog_plugin(p->catalog, plugin, strlen(plugin));

	return owner >= 0 && i < p->blocks.items[owner].len ? &p->blocks.items[owner].items[i] : NULL;
}

const struct sluice_setting *policy_block_setting(const struct policy *p, const char *plugin, const struct sluice_block *block, const char *key)
{
	int owner = catalog_plugin(p->catalog, plugin, strlen(plugin));

	for (size_t i = 0; owner >= 0 && i < block->count; i++)
		if (!strcmp(p->catalog->plugins.items[owner]->options[block->settings[i].option].key, key))
			return &block->settings[i];
	return NULL;
}

struct place policy_place(const struct policy *p, const char *key, const char *value)
{
	for (size_t i = 0; i < p->shown.len; i++)
		if (!strcmp(p->shown.items[i].key, key) && (!value || !strcmp(p->shown.items[i].value, value)))
			return p->shown.items[i].place;
	return (struct place){ 0 };
}

const struct sluice_setting *policy_setting(const struct policy *p, const char *plugin, const char *key)
{
	const struct sluice_block *block = policy_block(p, plugin, 0);

	return block ? policy_block_setting(p, plugin, block, key) : NULL;
}

static const struct list *scope_find_list(void *arg, const char *name)
{
	return policy_list(arg, name);
}

static const char *scope_suggest_list(void *arg, const char *name)
{
	const struct policy *p = arg;
	struct suggest s = suggest_for(name, strlen(name));

	for (size_t i = 0; i < p->lists.len; i++)
		suggest_try(&s, list_name(p->lists.items[i]));
	return s.best;
}

/* ---- files ---- */

static int parse_source(struct parser *ps, const struct source *source);

static int include_statement(struct parser *ps)
{
	struct place at = ps->l->token.place;
	const struct source *source;
	const char *path;
	int r = parser_path(ps, "the path of the file", &path);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ps->p->sources.len; i++)
		if (!strcmp(ps->p->sources.items[i]->path, path))
			return place_error(at, ps->err, "%s is included a second time", path);
	r = parser_load(ps, path, at, &source);
	if (r == 0)
		r = parse_source(ps, source);
	return r < 0 ? r : parser_next(ps);
}

static int plugin_statement(struct parser *ps)
{
	struct place at = ps->l->token.place;
	struct err why;
	int r;

	if (ps->l->token.type != TOKEN_STRING && ps->l->token.type != TOKEN_WORD)
		return parser_unexpected(ps, "the name of a plugin, or its absolute path");
	r = ps->host->load_plugin(ps->host->arg, ps->l->token.text, &why);
	if (r == -ENOMEM)
		return parser_no_memory(ps);
	return r < 0 ? place_error(at, ps->err, "%s", why.text) : parser_next(ps);
}

static int unknown_statement(struct parser *ps, const struct token *t)
{
	static const char *const keywords[] = { "include", "plugin", "list", "role", "condition", "constant", "profile", "pattern", "assert", "at" };
	struct suggest s = suggest_for(t->text, t->len);

	if (catalog_lacks(ps->host->catalog, t->text, t->len))
		return place_error(t->place, ps->err, "%s is a plugin that is not loaded: write 'plugin %s' above", t->text, t->text);
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		suggest_try(&s, keywords[i]);
	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		suggest_try(&s, row->section ? row->section : row->option.key);
	for (size_t i = 0; i < ps->host->catalog->plugins.len; i++)
		if (ps->host->catalog->plugins.items[i]->options)
			suggest_try(&s, ps->host->catalog->plugins.items[i]->name);
	if (s.best)
		return place_error(t->place, ps->err, "there is no setting '%s': did you mean '%s'?", t->text, s.best);
	return place_error(t->place, ps->err, "there is no setting '%s': sluice.conf(5) lists them", t->text);
}

static int statement(struct parser *ps)
{
	struct token first = ps->l->token;
	const struct settings_row *row;
	int plugin, r;

	if (first.type != TOKEN_WORD)
		return parser_unexpected(ps, "a setting");
	row = block_find_row(NULL, first.text);
	plugin = block_find_plugin(ps, first.text);
	r = parser_next(ps);
	if (r < 0)
		return r;
	if (row)
		r = block_setting(ps, row, first.place);
	else if (block_is_section(first.text))
		r = block_section(ps, first.text);
	else if (!strcmp(first.text, "include"))
		r = include_statement(ps);
	else if (!strcmp(first.text, "plugin"))
		r = plugin_statement(ps);
	else if (!strcmp(first.text, "list"))
		r = list_statement(ps, first.place);
	else if (!strcmp(first.text, "role"))
		r = name_condition_statement(ps, first.place, true);
	else if (!strcmp(first.text, "condition"))
		r = name_condition_statement(ps, first.place, false);
	else if (!strcmp(first.text, "constant"))
		r = name_constant_statement(ps, first.place);
	else if (!strcmp(first.text, "profile"))
		r = profile_statement(ps, first.place);
	else if (!strcmp(first.text, "pattern"))
		r = pattern_statement(ps);
	else if (!strcmp(first.text, "assert"))
		r = assertion_statement(ps, first.place);
	else if (!strcmp(first.text, "at"))
		r = rule_at_statement(ps);
	else if (!strcmp(first.text, "rule"))
		return place_error(first.place, ps->err, "a rule stands in a block of its stage: at rcpt { rule ... }");
	else if (plugin >= 0)
		r = block_plugin(ps, (unsigned)plugin, first.place);
	else
		return unknown_statement(ps, &first);
	return r < 0 ? r : parser_end_of_statement(ps);
}

static int parse_source(struct parser *ps, const struct source *source)
{
	struct lexer *outer = ps->l, l;
	int r = lexer_init(&l, source, ps->p->arena, ps->err);

	l.constants = &ps->constants;
	ps->l = &l;
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(&l, ps->err);
		if (r < 0 || l.token.type == TOKEN_END)
			break;
		r = l.token.type == TOKEN_CLOSE ? parser_unexpected(ps, "a setting") : statement(ps);
	}
	ps->l = outer;
	return r;
}

static int parse(struct source *source, const struct policy_host *host, struct policy **ret, struct err *reterr)
{
	struct parser ps = { .host = host, .err = reterr };
	struct policy *p = calloc(1, sizeof *p);
	int r;

	if (p)
		p->arena = arena_new(POLICY_MAX_BYTES);
	if (!p || !p->arena || !vec_push(&p->sources, source)) {
		source_free(source);
		policy_free(p);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	p->catalog = host->catalog;
	ps.p = p;
	ps.scope = (struct expr_scope){ host->catalog, p->arena, scope_find_list, scope_suggest_list, name_find_condition,
		name_suggest_condition, p };
	r = parse_source(&ps, source);
	vec_done(&ps.constants);
	vec_done(&ps.errors);
	while (r == 0 && p->blocks.len < host->catalog->plugins.len)
		if (!vec_push(&p->blocks, (struct policy_blocks){ 0 }))
			r = err_set(reterr, -ENOMEM, "out of memory");
	if (r == 0)
		r = block_defaults(&ps);
	if (r == 0)
		r = pattern_compile(&ps);
	if (r == 0)
		r = advice_give(p, reterr);
	if (r < 0) {
		policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int policy_load(const char *path, const struct policy_host *host, struct policy **ret, struct err *reterr)
{
	struct source *source;
	int r = source_load(path, &source, reterr);

	return r < 0 ? r : parse(source, host, ret, reterr);
}

int policy_parse(const char *name, const char *bytes, size_t len, const struct policy_host *host, struct policy **ret,
	struct err *reterr)
{
	struct source *source;
	int r = source_from(name, bytes, len, &source, reterr);

	return r < 0 ? r : parse(source, host, ret, reterr);
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->sources.len; i++)
		source_free(p->sources.items[i]);
	for (size_t i = 0; i < p->lists.len; i++)
		list_free(p->lists.items[i]);
	for (size_t i = 0; i < p->blocks.len; i++) {
		vec_done(&p->blocks.items[i].places);
		vec_done(&p->blocks.items[i]);
	}
	vec_done(&p->sources);
	vec_done(&p->lists);
	vec_done(&p->conditions);
	vec_done(&p->profiles);
	patterns_done(&p->patterns);
	vec_done(&p->rules);
	vec_done(&p->blocks);
	for (size_t i = 0; i < p->assertions.len; i++)
		assertion_done(&p->assertions.items[i]);
	vec_done(&p->assertions);
	vec_done(&p->tag_fields);
	vec_done(&p->shown);
	vec_done(&p->warnings);
	settings_done(&p->settings);
	arena_free(p->arena);
	free(p);
}
