/* SPDX-License-Identifier: BSD-2-Clause */
/* block.c - the daemon's settings, and the blocks of plugins. */
#include <errno.h>
#include <string.h>

#include "filter/base/suggest.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

/* For `config show`. */
static int show(struct parser *ps, const char *section, const char *label, const struct sluice_option *o,
	const struct sluice_setting *value, struct place place)
{
	struct text out = TEXT_INIT(8192);
	struct policy_shown shown = { .place = place };

	option_print(&out, o, value);
	shown.value = arena_copy(ps->p->arena, text_str(&out), out.len);
	text_done(&out);
	if (section && label)
		shown.key = arena_printf(ps->p->arena, "%s %s.%s", section, label, o->key);
	else
		shown.key = arena_printf(ps->p->arena, "%s%s%s", section ? section : "", section ? "." : "", o->key);
	return shown.key && shown.value && vec_push(&ps->p->shown, shown) ? 0 : parser_no_memory(ps);
}

/* ---- the daemon's settings ---- */

const struct settings_row *block_find_row(const char *section, const char *key)
{
	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		if (!strcmp(row->option.key, key) && (section ? row->section && !strcmp(row->section, section) : !row->section))
			return row;
	return NULL;
}

bool block_is_section(const char *word)
{
	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		if (row->section && !strcmp(row->section, word))
			return true;
	return false;
}

static int store(struct parser *ps, const struct settings_row *row, const struct sluice_setting *value, struct place at)
{
	if (settings_store(&ps->p->settings, row, value) < 0)
		return parser_no_memory(ps);
	return show(ps, row->section, NULL, &row->option, value, at);
}

/* The value of a row, or, of a repeated one, several in [ ]. */
int block_setting(struct parser *ps, const struct settings_row *row, struct place at)
{
	struct place *seen = &ps->settings_seen[row - settings_rows];
	struct sluice_setting value;
	int r;

	if (seen->line && !row->option.repeated)
		return place_error(at, ps->err, "%s was set before, in %s line %u: keep one of them", row->option.key, seen->source->path,
			seen->line);
	*seen = at;
	if (!row->option.repeated || ps->l->token.type != TOKEN_LIST) {
		r = option_parse(ps->l, &row->option, &value, ps->err);
		return r < 0 ? r : store(ps, row, &value, at);
	}
	r = option_unquoted(ps->l, &row->option, ps->err);
	if (r == 0)
		r = parser_next(ps);
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0 || ps->l->token.type == TOKEN_LIST_END)
			return r < 0 ? r : parser_next(ps);
		r = option_parse(ps->l, &row->option, &value, ps->err);
		if (r == 0)
			r = store(ps, row, &value, at);
	}
}

static int unknown_key(struct parser *ps, struct place at, const char *section, const char *key)
{
	struct suggest s = suggest_for(key, strlen(key));

	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		if (row->section && !strcmp(row->section, section))
			suggest_try(&s, row->option.key);
	if (s.best)
		return place_error(at, ps->err, "%s has no setting '%s': did you mean '%s'?", section, key, s.best);
	return place_error(at, ps->err, "%s has no setting '%s': sluice.conf(5) lists them", section, key);
}

int block_section(struct parser *ps, const char *section)
{
	int r = parser_expect(ps, TOKEN_OPEN, "'{'");

	for (;;) {
		struct place at;
		const struct settings_row *row;
		const char *key;

		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return parser_next(ps);
		if (ps->l->token.type != TOKEN_WORD)
			return parser_unexpected(ps, "a setting or '}'");
		at = ps->l->token.place;
		key = ps->l->token.text;
		row = block_find_row(section, key);
		if (!row)
			return unknown_key(ps, at, section, key);
		r = parser_next(ps);
		if (r == 0)
			r = block_setting(ps, row, at);
	}
}

/* ---- blocks of plugins ---- */

int block_find_plugin(const struct parser *ps, const char *name)
{
	const struct catalog *c = ps->host->catalog;

	for (size_t i = 0; i < c->plugins.len; i++)
		if (c->plugins.items[i]->options && !strcmp(c->plugins.items[i]->name, name))
			return (int)i;
	return -1;
}

static int find_option(struct parser *ps, const struct sluice_plugin *plugin, struct place at, const char *key, unsigned *ret)
{
	struct suggest s = suggest_for(key, strlen(key));

	for (unsigned i = 0; plugin->options[i].key; i++) {
		if (!strcmp(plugin->options[i].key, key)) {
			*ret = i;
			return 0;
		}
		suggest_try(&s, plugin->options[i].key);
	}
	if (s.best)
		return place_error(at, ps->err, "%s has no setting '%s': did you mean '%s'?", plugin->name, key, s.best);
	return place_error(at, ps->err, "%s has no setting '%s': sluice.conf(5) lists them", plugin->name, key);
}

struct block_settings {
	struct sluice_setting *items;
	size_t len, capacity;
};

static bool is_set(const struct block_settings *settings, unsigned option)
{
	for (size_t i = 0; i < settings->len; i++)
		if (settings->items[i].option == option)
			return true;
	return false;
}

/* A value, or, of a repeated setting, several in [ ]. */
static int plugin_setting(struct parser *ps, const struct sluice_plugin *plugin, const char *label, struct block_settings *settings)
{
	struct place at = ps->l->token.place;
	struct sluice_setting value;
	unsigned option = 0;
	bool many;
	int r;

	if (ps->l->token.type != TOKEN_WORD)
		return parser_unexpected(ps, "a setting or '}'");
	r = find_option(ps, plugin, at, ps->l->token.text, &option);
	if (r < 0)
		return r;
	if (!plugin->options[option].repeated && is_set(settings, option))
		return place_error(at, ps->err, "%s was set before in this block: keep one of them", plugin->options[option].key);
	r = parser_next(ps);
	many = r == 0 && plugin->options[option].repeated && ps->l->token.type == TOKEN_LIST;
	if (many)
		r = parser_next(ps);
	do {
		if (r == 0 && many)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r == 0 && many && ps->l->token.type == TOKEN_LIST_END)
			return parser_next(ps);
		if (r == 0)
			r = option_parse(ps->l, &plugin->options[option], &value, ps->err);
		value.option = option;
		value.line = at.line;
		if (r == 0 && !vec_push(settings, value))
			r = parser_no_memory(ps);
		if (r == 0)
			r = show(ps, plugin->name, label, &plugin->options[option], &value, at);
	} while (r == 0 && many);
	return r;
}

static int plugin_defaults(struct parser *ps, const struct sluice_plugin *plugin, const char *label, struct block_settings *settings)
{
	for (unsigned i = 0; plugin->options[i].key; i++) {
		struct sluice_setting value;
		int r;

		if (!plugin->options[i].deflt || is_set(settings, i))
			continue;
		r = option_default(&plugin->options[i], ps->p->arena, &value, ps->err);
		if (r < 0)
			return r;
		value.option = i;
		if (!vec_push(settings, value))
			return parser_no_memory(ps);
		r = show(ps, plugin->name, label, &plugin->options[i], &value, (struct place){ 0 });
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_settings(struct parser *ps, const struct sluice_plugin *plugin, const char *label, struct block_settings *settings)
{
	int r = parser_expect(ps, TOKEN_OPEN, "'{'");

	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return parser_next(ps);
		r = plugin_setting(ps, plugin, label, settings);
	}
}

/* written: from the token on; else the block has only defaults. */
static int plugin_settings(struct parser *ps, const struct sluice_plugin *plugin, struct sluice_block *block, bool written)
{
	struct block_settings settings = { 0 };
	int r = written ? read_settings(ps, plugin, block->label, &settings) : 0;

	if (r == 0)
		r = plugin_defaults(ps, plugin, block->label, &settings);
	if (r == 0) {
		block->settings = (struct sluice_setting *)(void *)arena_copy(ps->p->arena, settings.items, settings.len * sizeof *settings.items);
		block->count = settings.len;
		r = block->settings ? 0 : parser_no_memory(ps);
	}
	vec_done(&settings);
	return r;
}

static int make_plugin(struct parser *ps, const struct sluice_plugin *plugin, const struct sluice_block *block, struct place at)
{
	struct sluice_config_error why = { "", 0 };
	int r = ps->host->make_plugin(ps->host->arg, plugin, block, &why);

	if (r == -ENOMEM)
		return parser_no_memory(ps);
	if (why.line)
		at = (struct place){ at.source, why.line, 1 };
	return r < 0 ? place_error(at, ps->err, "%s %s: %s", plugin->name, block->label, why.text) : 0;
}

int block_plugin(struct parser *ps, unsigned index, struct place at)
{
	const struct sluice_plugin *plugin = ps->host->catalog->plugins.items[index];
	struct policy_blocks *blocks;
	struct sluice_block block = { .line = at.line };
	int r;

	while (ps->p->blocks.len <= index)
		if (!vec_push(&ps->p->blocks, (struct policy_blocks){ 0 }))
			return parser_no_memory(ps);
	blocks = &ps->p->blocks.items[index];
	if (plugin->label) {
		if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
			return parser_unexpected(ps, plugin->label);
		block.label = ps->l->token.text;
		for (size_t i = 0; i < blocks->len; i++)
			if (!strcasecmp(blocks->items[i].label, block.label))
				return place_error(ps->l->token.place, ps->err, "%s %s was defined before, in line %u: put both into one block",
					plugin->name, block.label, blocks->items[i].line);
		r = parser_next(ps);
		if (r < 0)
			return r;
	} else if (blocks->len) {
		return place_error(at, ps->err, "a second block of %s: put both into one", plugin->name);
	}
	r = plugin_settings(ps, plugin, &block, true);
	if (r < 0)
		return r;
	if (!vec_push(&blocks->places, at) || !vec_push(blocks, block))
		return parser_no_memory(ps);
	return plugin->make && ps->host->make_plugin ? make_plugin(ps, plugin, &block, at) : 0;
}

/* ---- defaults ---- */

static int plugin_without_block(struct parser *ps, unsigned index)
{
	const struct sluice_plugin *plugin = ps->host->catalog->plugins.items[index];
	struct policy_blocks *blocks = &ps->p->blocks.items[index];
	struct sluice_block block = { 0 };
	int r;

	if (!plugin->options || plugin->label || blocks->len)
		return 0;
	r = plugin_settings(ps, plugin, &block, false);
	if (r < 0)
		return r;
	return vec_push(&blocks->places, (struct place){ 0 }) && vec_push(blocks, block) ? 0 : parser_no_memory(ps);
}

int block_defaults(struct parser *ps)
{
	for (const struct settings_row *row = settings_rows; row->option.key; row++) {
		struct sluice_setting value;
		int r;

		if (ps->settings_seen[row - settings_rows].line || !row->option.deflt)
			continue;
		r = option_default(&row->option, ps->p->arena, &value, ps->err);
		if (r == 0)
			r = store(ps, row, &value, (struct place){ 0 });
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < ps->host->catalog->plugins.len; i++) {
		int r = plugin_without_block(ps, i);

		if (r < 0)
			return r;
	}
	return 0;
}
