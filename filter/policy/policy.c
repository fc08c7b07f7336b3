/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/policy/option.h"

#define RULE_TEXT_MAX 4096
#define NAME_MAX_LEN  64

const char *const rule_action_words[] = { "accept", "tempfail", "reject", "score", "tag", "greylist", NULL };

struct parser {
	struct policy *p;
	const struct policy_host *host;
	struct lexer *l;
	struct err *err;
	struct place settings_seen[64]; /* by row: where it was set; line 0: not yet */
	struct expr_scope scope;
};

static int no_memory(struct parser *ps)
{
	return err_set(ps->err, -ENOMEM, "out of memory");
}

static int next(struct parser *ps)
{
	return lexer_next(ps->l, ps->err);
}

static int unexpected(struct parser *ps, const char *wanted)
{
	char shown[80];

	return place_error(ps->l->token.place, ps->err, "%s here, where %s belongs", token_show(&ps->l->token, shown, sizeof shown), wanted);
}

static int expect(struct parser *ps, enum token_type type, const char *wanted)
{
	return ps->l->token.type == type ? next(ps) : unexpected(ps, wanted);
}

/* A statement at the top ends with its line; within a block the next may follow on the same one. */
static int end_of_statement(struct parser *ps)
{
	if (ps->l->token.type == TOKEN_END)
		return 0;
	return expect(ps, TOKEN_NEWLINE, "the end of the line");
}

/* A name that the site gives: of a rule, a role, a list. */
static int read_name(struct parser *ps, const char *what, const char **ret)
{
	const struct token *t = &ps->l->token;

	if (t->type != TOKEN_WORD)
		return unexpected(ps, what);
	if (t->len > NAME_MAX_LEN)
		return place_error(t->place, ps->err, "%s has at most %d octets", what, NAME_MAX_LEN);
	for (size_t i = 0; i < t->len; i++)
		if (!ascii_is_alnum(t->text[i]) && !strchr("-_.", t->text[i]))
			return place_error(t->place, ps->err, "%s is made of letters, digits, '-', '_' and '.'", what);
	*ret = t->text;
	return next(ps);
}

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
	return shown.key && shown.value && vec_push(&ps->p->shown, shown) ? 0 : no_memory(ps);
}

/* ---- the daemon's settings ---- */

static const struct settings_row *find_row(const char *section, const char *key)
{
	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		if (!strcmp(row->option.key, key) && (section ? row->section && !strcmp(row->section, section) : !row->section))
			return row;
	return NULL;
}

static bool is_section(const char *word)
{
	for (const struct settings_row *row = settings_rows; row->option.key; row++)
		if (row->section && !strcmp(row->section, word))
			return true;
	return false;
}

static int store(struct parser *ps, const struct settings_row *row, const struct sluice_setting *value, struct place at)
{
	if (settings_store(&ps->p->settings, row, value) < 0)
		return no_memory(ps);
	return show(ps, row->section, NULL, &row->option, value, at);
}

/* The value of a row, or, of a repeated one, several in [ ]. */
static int setting(struct parser *ps, const struct settings_row *row, struct place at)
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
	r = next(ps);
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0 || ps->l->token.type == TOKEN_LIST_END)
			return r < 0 ? r : next(ps);
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

static int section_block(struct parser *ps, const char *section)
{
	int r = expect(ps, TOKEN_OPEN, "'{'");

	for (;;) {
		struct place at;
		const struct settings_row *row;
		const char *key;

		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return next(ps);
		if (ps->l->token.type != TOKEN_WORD)
			return unexpected(ps, "a setting or '}'");
		at = ps->l->token.place;
		key = ps->l->token.text;
		row = find_row(section, key);
		if (!row)
			return unknown_key(ps, at, section, key);
		r = next(ps);
		if (r == 0)
			r = setting(ps, row, at);
	}
}

static int settings_defaults(struct parser *ps)
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
	return 0;
}

/* ---- blocks of plugins ---- */

static int find_plugin(const struct parser *ps, const char *name)
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

static int block_setting(struct parser *ps, const struct sluice_plugin *plugin, const char *label, struct block_settings *settings)
{
	struct place at = ps->l->token.place;
	struct sluice_setting value;
	unsigned option = 0;
	int r;

	if (ps->l->token.type != TOKEN_WORD)
		return unexpected(ps, "a setting or '}'");
	r = find_option(ps, plugin, at, ps->l->token.text, &option);
	if (r < 0)
		return r;
	if (!plugin->options[option].repeated && is_set(settings, option))
		return place_error(at, ps->err, "%s was set before in this block: keep one of them", plugin->options[option].key);
	r = next(ps);
	if (r == 0)
		r = option_parse(ps->l, &plugin->options[option], &value, ps->err);
	if (r < 0)
		return r;
	value.option = option;
	value.line = at.line;
	if (!vec_push(settings, value))
		return no_memory(ps);
	return show(ps, plugin->name, label, &plugin->options[option], &value, at);
}

static int block_defaults(struct parser *ps, const struct sluice_plugin *plugin, const char *label, struct block_settings *settings)
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
			return no_memory(ps);
		r = show(ps, plugin->name, label, &plugin->options[i], &value, (struct place){ 0 });
		if (r < 0)
			return r;
	}
	return 0;
}

static int block_settings(struct parser *ps, const struct sluice_plugin *plugin, struct sluice_block *block)
{
	struct block_settings settings = { 0 };
	int r = expect(ps, TOKEN_OPEN, "'{'");

	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0 || ps->l->token.type == TOKEN_CLOSE)
			break;
		r = block_setting(ps, plugin, block->label, &settings);
	}
	if (r == 0)
		r = next(ps);
	if (r == 0)
		r = block_defaults(ps, plugin, block->label, &settings);
	if (r == 0) {
		block->settings = (struct sluice_setting *)(void *)arena_copy(ps->p->arena, settings.items, settings.len * sizeof *settings.items);
		block->count = settings.len;
		r = block->settings ? 0 : no_memory(ps);
	}
	vec_done(&settings);
	return r;
}

static int plugin_block(struct parser *ps, unsigned index, struct place at)
{
	const struct sluice_plugin *plugin = ps->host->catalog->plugins.items[index];
	struct policy_blocks *blocks;
	struct sluice_block block = { .line = at.line };
	int r;

	while (ps->p->blocks.len <= index)
		if (!vec_push(&ps->p->blocks, (struct policy_blocks){ 0 }))
			return no_memory(ps);
	blocks = &ps->p->blocks.items[index];
	if (plugin->label) {
		if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
			return unexpected(ps, plugin->label);
		block.label = ps->l->token.text;
		for (size_t i = 0; i < blocks->len; i++)
			if (!strcasecmp(blocks->items[i].label, block.label))
				return place_error(ps->l->token.place, ps->err, "%s %s was defined before, in line %u: put both into one block",
					plugin->name, block.label, blocks->items[i].line);
		r = next(ps);
		if (r < 0)
			return r;
	} else if (blocks->len) {
		return place_error(at, ps->err, "a second block of %s: put both into one", plugin->name);
	}
	r = block_settings(ps, plugin, &block);
	if (r < 0)
		return r;
	return vec_push(&blocks->places, at) && vec_push(blocks, block) ? 0 : no_memory(ps);
}

/* ---- lists ---- */

const struct list *policy_list(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->lists.len; i++)
		if (!strcmp(list_name(p->lists.items[i]), name))
			return p->lists.items[i];
	return NULL;
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

/* A path as written, relative to the folder of the file that names it. */
static const char *resolve_path(struct parser *ps, const char *path)
{
	const char *base = ps->l->source->path, *slash = strrchr(base, '/');

	if (*path == '/' || !slash)
		return arena_copy(ps->p->arena, path, strlen(path));
	return arena_printf(ps->p->arena, "%.*s/%s", (int)(slash - base), base, path);
}

static int read_path(struct parser *ps, const char *what, const char **ret)
{
	if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
		return unexpected(ps, what);
	*ret = resolve_path(ps, ps->l->token.text);
	return *ret ? 0 : no_memory(ps);
}

static int list_items(struct parser *ps, struct list *list)
{
	int r = next(ps);

	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_LIST_END)
			return next(ps);
		if (ps->l->token.type != TOKEN_WORD && ps->l->token.type != TOKEN_STRING)
			return unexpected(ps, "an item of the list or ']'");
		r = list_add(list, ps->l->token.text, ps->l->token.len, ps->l->token.place, ps->err);
		if (r == 0)
			r = next(ps);
	}
}

static int list_statement(struct parser *ps, struct place at)
{
	enum sluice_list_type type = SLUICE_LIST_DOMAIN;
	const struct list *before;
	const char *name = NULL, *path;
	struct list *list;
	int r = read_name(ps, "the name of a list", &name);

	if (r < 0)
		return r;
	before = policy_list(ps->p, name);
	if (before)
		return place_error(at, ps->err, "list %s was defined before, in %s line %u: put all sources into one 'list'", name,
			list_place(before).source->path, list_place(before).line);
	while (list_type_words[type] && !token_is(&ps->l->token, list_type_words[type]))
		type++;
	if (!list_type_words[type])
		return unexpected(ps, "the type of the list (domain, network or address)");
	list = list_new(name, type, at);
	if (!list || !vec_push(&ps->p->lists, list)) {
		list_free(list);
		return no_memory(ps);
	}
	r = next(ps);
	if (r == 0 && ps->l->token.type != TOKEN_LIST && !token_is(&ps->l->token, "file"))
		return unexpected(ps, "[items] or file PATH");
	while (r == 0 && (ps->l->token.type == TOKEN_LIST || token_is(&ps->l->token, "file"))) {
		if (ps->l->token.type == TOKEN_LIST) {
			r = list_items(ps, list);
			continue;
		}
		r = next(ps);
		if (r == 0)
			r = read_path(ps, "the path of the list's file", &path);
		if (r == 0)
			r = list_add_file(list, path, ps->l->token.place, ps->err);
		if (r == 0)
			r = next(ps);
	}
	return r;
}

/* ---- roles and rules ---- */

static const struct role *find_role(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->roles.len; i++)
		if (!strcmp(p->roles.items[i].name, name))
			return &p->roles.items[i];
	return NULL;
}

static int role_statement(struct parser *ps, struct place at)
{
	struct role role = { .place = at };
	const struct role *before;
	int r = read_name(ps, "the name of a role", &role.name);

	if (r < 0)
		return r;
	before = find_role(ps->p, role.name);
	if (before)
		return place_error(at, ps->err, "role %s was defined before, in %s line %u", role.name, before->place.source->path, before->place.line);
	r = expect(ps, TOKEN_OPEN, "'{'");
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0 && !token_is(&ps->l->token, "when"))
		return unexpected(ps, "'when' and a condition");
	if (r == 0)
		r = next(ps);
	if (r == 0)
		r = expr_parse(ps->l, &ps->scope, &role.when, ps->err);
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0)
		r = expect(ps, TOKEN_CLOSE, "'}'");
	if (r < 0)
		return r;
	return vec_push(&ps->p->roles, role) ? 0 : no_memory(ps);
}

struct fact_list {
	struct parser *ps;
	const struct rule *rule;
	VEC(unsigned) facts;
};

/* A fact is read where it can be known, and one about a recipient only while that recipient is judged. */
static int note_fact(void *arg, unsigned index, struct place at)
{
	struct fact_list *list = arg;
	const struct catalog_fact *fact = &list->ps->host->catalog->facts.items[index];
	enum sluice_stage stage = list->rule->stage;

	if (fact->stage > stage)
		return place_error(at, list->ps->err, "%s is known from '%s' on, and rule %s is judged at '%s': move the rule", fact->name,
			stage_words[fact->stage], list->rule->name, stage_words[stage]);
	if (fact->scope == SCOPE_RCPT && stage != SLUICE_STAGE_RCPT)
		return place_error(at, list->ps->err, "%s is about one recipient, and rule %s is judged at '%s': move the rule to 'at rcpt'",
			fact->name, list->rule->name, stage_words[stage]);
	for (size_t i = 0; i < list->facts.len; i++)
		if (list->facts.items[i] == index)
			return 0;
	return vec_push(&list->facts, index) ? 0 : no_memory(list->ps);
}

static int rule_facts(struct parser *ps, struct rule *rule)
{
	struct fact_list list = { .ps = ps, .rule = rule };
	int r = rule->when ? expr_each_fact(rule->when, note_fact, &list) : 0;

	for (size_t i = 0; r == 0 && rule->reply && i < rule->reply->count; i++)
		if (!rule->reply->parts[i].literal)
			r = note_fact(&list, rule->reply->parts[i].fact, rule->reply->place);
	if (r == 0) {
		rule->facts = (unsigned *)(void *)arena_copy(ps->p->arena, list.facts.items, list.facts.len * sizeof(unsigned));
		rule->fact_count = list.facts.len;
		r = rule->facts ? 0 : no_memory(ps);
	}
	vec_done(&list.facts);
	return r;
}

static int rule_reply(struct parser *ps, unsigned severity, const struct reply **ret)
{
	int r;

	if (ps->l->token.type != TOKEN_STRING)
		return unexpected(ps, severity == 5 ? "the reply, such as \"550 5.7.1 not here\"" : severity == 4 ? "the reply, such as \"451 4.7.1 later\"" : "a text");
	r = reply_parse(&ps->l->token, severity, ps->host->catalog, ps->p->arena, ret, ps->err);
	return r < 0 ? r : next(ps);
}

/* `greylist ["451 4.7.1 text"]` */
static int greylist_reply(struct parser *ps, struct rule *rule)
{
	static const char usual[] = "451 4.7.1 greylisted: try again in {greylist.wait} seconds";
	struct token token = ps->l->token;

	if (rule->stage != SLUICE_STAGE_RCPT)
		return place_error(rule->place, ps->err, "greylisting is about a recipient: move rule %s to 'at rcpt'", rule->name);
	if (token.type == TOKEN_STRING)
		return rule_reply(ps, 4, &rule->reply);
	token.text = usual;
	token.len = sizeof usual - 1;
	return reply_parse(&token, 4, ps->host->catalog, ps->p->arena, &rule->reply, ps->err);
}

static int rule_action(struct parser *ps, struct rule *rule)
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
		return unexpected(ps, "an action (accept, tempfail, reject, score, tag or greylist)");
	}
	r = next(ps);
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
		return rule_reply(ps, 0, &rule->reply);
	case RULE_GREYLIST:
		return greylist_reply(ps, rule);
	case RULE_SCORE:
		r = option_parse(ps->l, &points, &value, ps->err);
		rule->score_milli = value.number;
		return r;
	}
	return -EINVAL;
}

/* The source from `from` to the token, in one line. */
static const char *source_text(struct parser *ps, size_t from)
{
	struct text out = TEXT_INIT(RULE_TEXT_MAX);
	const struct source *s = ps->l->source;
	size_t to = ps->l->at; /* behind the token that follows */
	const char *copy;
	bool gap = false;

	to -= ps->l->token.type == TOKEN_WORD ? ps->l->token.len : ps->l->token.type != TOKEN_END;
	for (size_t i = from; i < to && !out.failed; i++) {
		if (ascii_is_space(s->bytes[i])) {
			gap = out.len > 0;
			continue;
		}
		if (gap)
			text_addc(&out, ' ');
		gap = false;
		text_addc(&out, s->bytes[i]);
	}
	copy = arena_copy(ps->p->arena, text_str(&out), out.len);
	text_done(&out);
	return copy;
}

/* An end of line before `when` belongs to the rule. */
static int find_when(struct parser *ps, bool *ret)
{
	struct lexer ahead = *ps->l;
	int r = lexer_skip_lines(&ahead, ps->err);

	*ret = r == 0 && token_is(&ahead.token, "when");
	if (*ret)
		*ps->l = ahead;
	return r;
}

static int rule_statement(struct parser *ps, enum sluice_stage stage, const struct expr *roles, struct place at)
{
	size_t from = ps->l->at - ps->l->token.len;
	struct rule rule = { .place = at, .stage = stage, .when = roles };
	const struct expr *when = NULL;
	bool conditional = false;
	int r = next(ps);

	if (r == 0)
		r = read_name(ps, "the name of the rule", &rule.name);
	for (size_t i = 0; r == 0 && i < ps->p->rules.len; i++)
		if (!strcmp(ps->p->rules.items[i].name, rule.name))
			return place_error(at, ps->err, "rule %s was defined before, in %s line %u: each rule has its own name, which logs and replies show",
				rule.name, ps->p->rules.items[i].place.source->path, ps->p->rules.items[i].place.line);
	if (r == 0 && ps->p->rules.len >= POLICY_MAX_RULES)
		return place_error(at, ps->err, "more than %d rules", POLICY_MAX_RULES);
	if (r == 0)
		r = rule_action(ps, &rule);
	if (r == 0)
		r = find_when(ps, &conditional);
	if (r == 0 && conditional) {
		r = next(ps);
		if (r == 0)
			r = expr_parse(ps->l, &ps->scope, &when, ps->err);
	}
	if (r < 0)
		return r;
	rule.text = source_text(ps, from);
	if (when)
		rule.when = expr_and(ps->p->arena, roles, when);
	if (!rule.text || (when && !rule.when))
		return no_memory(ps);
	r = rule_facts(ps, &rule);
	if (r < 0)
		return r;
	return vec_push(&ps->p->rules, rule) ? 0 : no_memory(ps);
}

static int read_roles(struct parser *ps, const struct expr **ret)
{
	int r;

	do {
		const struct role *role;

		r = next(ps); /* over 'in' or ',' */
		if (r < 0)
			return r;
		if (ps->l->token.type != TOKEN_WORD)
			return unexpected(ps, "the name of a role");
		role = find_role(ps->p, ps->l->token.text);
		if (!role) {
			struct suggest s = suggest_for(ps->l->token.text, ps->l->token.len);

			for (size_t i = 0; i < ps->p->roles.len; i++)
				suggest_try(&s, ps->p->roles.items[i].name);
			if (s.best)
				return place_error(ps->l->token.place, ps->err, "there is no role '%s': did you mean '%s'?", ps->l->token.text, s.best);
			return place_error(ps->l->token.place, ps->err, "there is no role '%s': define it above with 'role %s { when ... }'",
				ps->l->token.text, ps->l->token.text);
		}
		*ret = expr_or(ps->p->arena, *ret, role->when);
		if (!*ret)
			return no_memory(ps);
		r = next(ps);
	} while (r == 0 && ps->l->token.type == TOKEN_COMMA);
	return r;
}

static int at_statement(struct parser *ps)
{
	enum sluice_stage stage = SLUICE_STAGE_CONNECT;
	const struct expr *roles = NULL;
	int r;

	while (stage < SLUICE_STAGES && !token_is(&ps->l->token, stage_words[stage]))
		stage++;
	if (stage == SLUICE_STAGES)
		return unexpected(ps, "a stage (connect, helo, mail, rcpt, data or message)");
	r = next(ps);
	if (r == 0 && token_is(&ps->l->token, "in"))
		r = read_roles(ps, &roles);
	if (r == 0)
		r = expect(ps, TOKEN_OPEN, "'{'");
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			return next(ps);
		if (!token_is(&ps->l->token, "rule"))
			return unexpected(ps, "'rule' or '}'");
		r = rule_statement(ps, stage, roles, ps->l->token.place);
	}
}

/* ---- files ---- */

static int parse_source(struct parser *ps, const struct source *source);

static int include_statement(struct parser *ps)
{
	struct place at = ps->l->token.place;
	struct source *source;
	struct err why;
	const char *path;
	int r = read_path(ps, "the path of the file", &path);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ps->p->sources.len; i++)
		if (!strcmp(ps->p->sources.items[i]->path, path))
			return place_error(at, ps->err, "%s is included a second time", path);
	if (ps->p->sources.len >= POLICY_MAX_INCLUDES)
		return place_error(at, ps->err, "more than %d files", POLICY_MAX_INCLUDES);
	r = source_load(path, &source, &why);
	if (r == -ENOMEM)
		return no_memory(ps);
	if (r < 0)
		return place_error(at, ps->err, "%s", why.text);
	if (!vec_push(&ps->p->sources, source)) {
		source_free(source);
		return no_memory(ps);
	}
	r = parse_source(ps, source);
	return r < 0 ? r : next(ps);
}

static int plugin_statement(struct parser *ps)
{
	struct place at = ps->l->token.place;
	struct err why;
	int r;

	if (ps->l->token.type != TOKEN_STRING && ps->l->token.type != TOKEN_WORD)
		return unexpected(ps, "the absolute path of a plugin");
	r = ps->host->load_plugin(ps->host->arg, ps->l->token.text, &why);
	if (r == -ENOMEM)
		return no_memory(ps);
	return r < 0 ? place_error(at, ps->err, "%s", why.text) : next(ps);
}

static int unknown_statement(struct parser *ps, const struct token *t)
{
	static const char *const keywords[] = { "include", "plugin", "list", "role", "at" };
	struct suggest s = suggest_for(t->text, t->len);

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
		return unexpected(ps, "a setting");
	row = find_row(NULL, first.text);
	plugin = find_plugin(ps, first.text);
	r = next(ps);
	if (r < 0)
		return r;
	if (row)
		r = setting(ps, row, first.place);
	else if (is_section(first.text))
		r = section_block(ps, first.text);
	else if (!strcmp(first.text, "include"))
		r = include_statement(ps);
	else if (!strcmp(first.text, "plugin"))
		r = plugin_statement(ps);
	else if (!strcmp(first.text, "list"))
		r = list_statement(ps, first.place);
	else if (!strcmp(first.text, "role"))
		r = role_statement(ps, first.place);
	else if (!strcmp(first.text, "at"))
		r = at_statement(ps);
	else if (!strcmp(first.text, "rule"))
		return place_error(first.place, ps->err, "a rule stands in a block of its stage: at rcpt { rule ... }");
	else if (plugin >= 0)
		r = plugin_block(ps, (unsigned)plugin, first.place);
	else
		return unknown_statement(ps, &first);
	return r < 0 ? r : end_of_statement(ps);
}

static int parse_source(struct parser *ps, const struct source *source)
{
	struct lexer *outer = ps->l, l;
	int r = lexer_init(&l, source, ps->p->arena, ps->err);

	ps->l = &l;
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(&l, ps->err);
		if (r < 0 || l.token.type == TOKEN_END)
			break;
		r = l.token.type == TOKEN_CLOSE ? unexpected(ps, "a setting") : statement(ps);
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
	ps.scope = (struct expr_scope){ host->catalog, p->arena, scope_find_list, scope_suggest_list, p };
	r = parse_source(&ps, source);
	while (r == 0 && p->blocks.len < host->catalog->plugins.len)
		if (!vec_push(&p->blocks, (struct policy_blocks){ 0 }))
			r = err_set(reterr, -ENOMEM, "out of memory");
	if (r == 0)
		r = settings_defaults(&ps);
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
	vec_done(&p->roles);
	vec_done(&p->rules);
	vec_done(&p->blocks);
	vec_done(&p->shown);
	settings_done(&p->settings);
	arena_free(p->arena);
	free(p);
}
