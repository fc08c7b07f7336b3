/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/profile.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/policy/option.h"
#include "filter/policy/parser.h"

static const char prefix[] = "profile."; /* of the facts */

const struct profile *profile_of(const struct profiles *p, const struct value *facts)
{
	for (size_t i = 1; i < p->len; i++)
		if (expr_eval(p->items[i].when, facts) == TRUTH_YES)
			return &p->items[i];
	return p->items;
}

const struct profile_value *profile_value(const struct profiles *p, const struct profile *profile, size_t key)
{
	return profile->values[key].place.source ? &profile->values[key] : &p->items[0].values[key];
}

void profile_set_facts(const struct profiles *p, struct value *facts)
{
	const struct profile *own = profile_of(p, facts);

	if (!own)
		return;
	facts[p->name_fact] = (struct value){ .known = true, .type = SLUICE_TEXT, .text = { own->name, strlen(own->name) } };
	for (size_t i = 0; i < p->key_count; i++)
		facts[p->key_fact + i] = profile_value(p, own, i)->value;
}

/* ---- reading ---- */

static int add_fact(struct parser *ps, const char *key, enum sluice_type type, const char *help)
{
	struct catalog_fact fact = { .type = type, .help = help, .stage = SLUICE_STAGE_RCPT, .scope = SCOPE_RCPT, .check = CATALOG_NO_CHECK };

	fact.name = arena_printf(ps->p->arena, "%s%s", prefix, key);
	return fact.name && catalog_add(ps->host->catalog, &fact) ? 0 : parser_no_memory(ps);
}

/* What a value is, is seen by how it is written in the default. */
static int read_value(struct parser *ps, const char *key, const enum sluice_type *type, struct value *ret)
{
	const struct token *t = &ps->l->token;
	bool word = t->type == TOKEN_WORD;
	int64_t milli;

	if (!word && t->type != TOKEN_STRING)
		return parser_unexpected(ps, "a value: yes, no, a number, a word or a \"string\"");
	if (word && (token_is(t, "yes") || token_is(t, "no")))
		*ret = (struct value){ .known = true, .type = SLUICE_BOOL, .yes = token_is(t, "yes") };
	else if (word && option_decimal(t->text, t->len, &milli))
		*ret = (struct value){ .known = true, .type = SLUICE_MILLI, .number = milli };
	else
		*ret = (struct value){ .known = true, .type = SLUICE_TEXT, .text = { t->text, t->len } };
	if (!type || ret->type == *type)
		return parser_next(ps);
	if (*type != SLUICE_TEXT)
		return place_error(t->place, ps->err, "%s is %s in profile default, and '%s' is none", key, *type == SLUICE_BOOL ? "yes or no" : "a number", t->text);
	*ret = (struct value){ .known = true, .type = SLUICE_TEXT, .text = { t->text, t->len } };
	return parser_next(ps);
}

static const char *key_name(const struct parser *ps, size_t key)
{
	return ps->host->catalog->facts.items[ps->p->profiles.key_fact + key].name + strlen(prefix);
}

static int find_key(struct parser *ps, const struct token *t, size_t *ret)
{
	struct suggest s = suggest_for(t->text, t->len);

	for (*ret = 0; *ret < ps->p->profiles.key_count; (*ret)++) {
		if (token_is(t, key_name(ps, *ret)))
			return 0;
		suggest_try(&s, key_name(ps, *ret));
	}
	if (s.best)
		return place_error(t->place, ps->err, "profile default has no '%s': did you mean '%s'?", t->text, s.best);
	return place_error(t->place, ps->err, "profile default has no '%s': put it there first, with what it is for everybody else", t->text);
}

static int check_key(struct parser *ps, const struct token *t)
{
	bool good = ascii_is_alpha(*t->text) && strcmp(t->text, "name") != 0;

	for (size_t i = 0; i < t->len; i++)
		good = good && (t->text[i] == '_' || ascii_is_digit(t->text[i]) || (t->text[i] >= 'a' && t->text[i] <= 'z'));
	if (!good)
		return place_error(t->place, ps->err, "'%s' cannot be a setting of profiles: write a word in small letters, and not 'name'", t->text);
	if (ps->p->profiles.key_count == PROFILE_MAX_KEYS)
		return place_error(t->place, ps->err, "more than %d settings of profiles", PROFILE_MAX_KEYS);
	return 0;
}

/* `KEY VALUE`; in the default each is new, and becomes a fact. */
static int setting(struct parser *ps, struct profile *profile)
{
	struct profiles *all = &ps->p->profiles;
	struct token key_token = ps->l->token;
	bool is_default = !profile->when;
	struct value value;
	size_t key = 0;
	int r;

	if (key_token.type != TOKEN_WORD)
		return parser_unexpected(ps, "a setting of the profile or '}'");
	while (is_default && key < all->key_count && !token_is(&key_token, key_name(ps, key)))
		key++;
	r = !is_default ? find_key(ps, &key_token, &key) : key == all->key_count ? check_key(ps, &key_token) : 0;
	if (r < 0)
		return r;
	if (profile->values[key].place.source)
		return place_error(key_token.place, ps->err, "%s was set before in this profile: keep one of them", key_token.text);
	r = parser_next(ps);
	if (r == 0)
		r = read_value(ps, key_token.text, is_default ? NULL : &ps->host->catalog->facts.items[all->key_fact + key].type, &value);
	if (r == 0 && is_default) {
		r = add_fact(ps, key_token.text, value.type, "a setting of profiles");
		all->key_count++;
	}
	profile->values[key] = (struct profile_value){ value, key_token.place };
	return r;
}

static int only_recipients(void *arg, unsigned fact, struct place at)
{
	static const char *const good[] = { "rcpt.address", "rcpt.domain", "rcpt.local" };
	struct parser *ps = arg;
	const char *name = ps->host->catalog->facts.items[fact].name;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!strcmp(good[i], name))
			return 0;
	return place_error(at, ps->err, "a profile is chosen by rcpt.address, rcpt.domain and rcpt.local alone, and not by %s", name);
}

static int read_when(struct parser *ps, struct profile *profile)
{
	int r;

	if (!token_is(&ps->l->token, "when"))
		return parser_unexpected(ps, "'when' and a condition: whom the profile is for");
	r = parser_next(ps);
	if (r == 0)
		r = expr_parse(ps->l, &ps->scope, &profile->when, ps->err);
	return r < 0 ? r : expr_each_fact(profile->when, only_recipients, ps);
}

static int check_name(struct parser *ps, const struct profile *profile)
{
	const struct profiles *all = &ps->p->profiles;

	if (!all->len && strcmp(profile->name, "default") != 0)
		return place_error(profile->place, ps->err, "the first profile is 'default': it has all settings, as they are for everybody else");
	if (all->len == PROFILE_MAX)
		return place_error(profile->place, ps->err, "more than %d profiles", PROFILE_MAX);
	for (size_t i = 0; i < all->len; i++)
		if (!strcmp(all->items[i].name, profile->name))
			return place_error(profile->place, ps->err, "profile %s was defined before, in %s line %u", profile->name,
				all->items[i].place.source->path, all->items[i].place.line);
	return 0;
}

static int begin_default(struct parser *ps)
{
	ps->p->profiles.name_fact = (unsigned)ps->host->catalog->facts.len;
	ps->p->profiles.key_fact = ps->p->profiles.name_fact + 1;
	return add_fact(ps, "name", SLUICE_TEXT, "the profile of the recipient");
}

int profile_statement(struct parser *ps, struct place at)
{
	struct profile profile = { .place = at };
	int r = parser_name(ps, "the name of a profile", &profile.name);

	if (r == 0)
		r = check_name(ps, &profile);
	if (r < 0)
		return r;
	profile.values = arena_alloc(ps->p->arena, PROFILE_MAX_KEYS * sizeof *profile.values);
	if (!profile.values)
		return parser_no_memory(ps);
	r = parser_expect(ps, TOKEN_OPEN, "'{'");
	if (r == 0)
		r = lexer_skip_lines(ps->l, ps->err);
	if (r == 0)
		r = ps->p->profiles.len ? read_when(ps, &profile) : begin_default(ps);
	for (;;) {
		if (r == 0)
			r = lexer_skip_lines(ps->l, ps->err);
		if (r < 0)
			return r;
		if (ps->l->token.type == TOKEN_CLOSE)
			break;
		r = setting(ps, &profile);
	}
	return vec_push(&ps->p->profiles, profile) ? parser_next(ps) : parser_no_memory(ps);
}
