/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/pattern.h"

#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/suggest.h"
#include "filter/base/utf8.h"
#include "filter/policy/parser.h"

const char *const pattern_where_words[] = { "subject", "header", "text", "html", "url", "filename", "raw", NULL };

void patterns_done(struct patterns *p)
{
	for (size_t i = 0; i < p->places.len; i++) {
		pattern_db_free(p->places.items[i].db);
		vec_done(&p->places.items[i].items);
	}
	psl_free(p->psl);
	vec_done(&p->places);
	vec_done(&p->items);
	vec_done(&p->all);
}

/* ---- facts ---- */

static int check_name(struct parser *ps, const struct pattern *pattern)
{
	bool good = pattern->name[0] >= 'a' && pattern->name[0] <= 'z';

	for (const char *c = pattern->name; *c; c++)
		good = good && (*c == '_' || ascii_is_digit(*c) || (*c >= 'a' && *c <= 'z'));
	if (!good)
		return place_error(pattern->place, ps->err, "'%s' cannot be the name of a pattern: write a word in small letters, as it becomes a fact", pattern->name);
	return 0;
}

static int add_fact(struct parser *ps, const struct pattern *pattern, const char *suffix, enum sluice_type type, const char *help, unsigned *ret)
{
	struct catalog *catalog = ps->host->catalog;
	int finder = catalog_find(catalog, "pattern.outcome");
	struct catalog_fact fact = { .type = type, .help = help, .stage = SLUICE_STAGE_MESSAGE, .scope = SCOPE_MESSAGE, .check = CATALOG_NO_CHECK };

	fact.name = arena_printf(ps->p->arena, "pattern.%s%s", pattern->name, suffix);
	if (!fact.name)
		return parser_no_memory(ps);
	if (catalog_find(catalog, fact.name) >= 0)
		return place_error(pattern->place, ps->err, "there is a fact %s already: give the pattern another name", fact.name);
	if (finder >= 0)
		fact.check = catalog->facts.items[finder].check;
	*ret = (unsigned)catalog->facts.len;
	return catalog_add(catalog, &fact) ? 0 : parser_no_memory(ps);
}

/* ---- expressions ---- */

static int add_item(struct parser *ps, const char *regex, size_t len, struct place at)
{
	struct patterns *p = &ps->p->patterns;
	struct pattern_item item = { .pattern = p->all.len, .place = at };

	if (p->items.len == PATTERN_MAX_ITEMS)
		return place_error(at, ps->err, "more than %d patterns", PATTERN_MAX_ITEMS);
	if (len == 0)
		return place_error(at, ps->err, "an empty pattern is found everywhere: write what to look for");
	if (len > PATTERN_MAX_BYTES)
		return place_error(at, ps->err, "a pattern of more than %d octets", PATTERN_MAX_BYTES);
	if (!utf8_valid(regex, len) || memchr(regex, '\0', len))
		return place_error(at, ps->err, "a pattern that is not UTF-8: write octets as \\xHH");
	item.regex = arena_copy(ps->p->arena, regex, len);
	return item.regex && vec_push(&p->items, item) ? 0 : parser_no_memory(ps);
}

/* A line each; an empty one, and one that begins with '#', is none. */
static int read_lines(struct parser *ps, const struct source *source)
{
	const char *line = source->bytes, *end = source->bytes + source->len;

	for (unsigned number = 1; line < end; number++) {
		const char *eol = memchr(line, '\n', (size_t)(end - line)), *from = line, *to = eol ? eol : end;
		struct place at = { source, number, 1 };
		int r = 0;

		while (from < to && ascii_is_space(*from))
			from++;
		while (from < to && ascii_is_space(to[-1]))
			to--;
		at.column += (unsigned)(from - line);
		if (from < to && *from != '#')
			r = add_item(ps, from, (size_t)(to - from), at);
		if (r < 0)
			return r;
		line = eol ? eol + 1 : end;
	}
	return 0;
}

static int read_file(struct parser *ps)
{
	struct place at = ps->l->token.place;
	const struct source *source;
	const char *path;
	int r = parser_path(ps, "the path of a file with patterns", &path);

	if (r == 0)
		r = parser_load(ps, path, at, &source);
	if (r == 0)
		r = read_lines(ps, source);
	return r < 0 ? r : parser_next(ps);
}

/* ---- places ---- */

static int find_where(struct parser *ps, enum pattern_where *ret)
{
	const struct token *t = &ps->l->token;
	struct suggest s = suggest_for(t->text, t->len);

	if (t->type != TOKEN_WORD)
		return parser_unexpected(ps, "where to look: subject, header NAME, text, html, url, filename or raw");
	for (size_t i = 0; pattern_where_words[i]; i++) {
		if (token_is(t, pattern_where_words[i])) {
			*ret = (enum pattern_where)i;
			return parser_next(ps);
		}
		suggest_try(&s, pattern_where_words[i]);
	}
	if (s.best)
		return place_error(t->place, ps->err, "nothing is looked for in '%s': did you mean '%s'?", t->text, s.best);
	return place_error(t->place, ps->err, "nothing is looked for in '%s': there are subject, header NAME, text, html, url, filename and raw", t->text);
}

static struct pattern_place *find_place(struct patterns *p, enum pattern_where where, const char *header)
{
	struct pattern_place place = { .where = where, .header = header };

	for (size_t i = 0; i < p->places.len; i++)
		if (p->places.items[i].where == where && (!header || ascii_equals(header, strlen(header), p->places.items[i].header)))
			return &p->places.items[i];
	return vec_push(&p->places, place) ? &p->places.items[p->places.len - 1] : NULL;
}

static int read_place(struct parser *ps, const struct pattern *pattern)
{
	struct place at = ps->l->token.place;
	struct pattern_place *place;
	enum pattern_where where = PATTERN_SUBJECT;
	const char *header = NULL;
	int r = find_where(ps, &where);

	if (r == 0 && where == PATTERN_HEADER)
		r = parser_name(ps, "the name of a header field", &header);
	if (r < 0)
		return r;
	place = find_place(&ps->p->patterns, where, header);
	if (!place)
		return parser_no_memory(ps);
	for (size_t i = 0; i < pattern->count; i++) {
		if (place->items.len && place->items.items[place->items.len - 1] == pattern->first + i)
			return place_error(at, ps->err, "a place that this pattern is looked for in already");
		if (!vec_push(&place->items, pattern->first + i))
			return parser_no_memory(ps);
	}
	return 0;
}

/* ---- the statement ---- */

int pattern_statement(struct parser *ps)
{
	struct pattern pattern = { .place = ps->l->token.place, .first = ps->p->patterns.items.len };
	int r;

	ps->l->raw = true; /* backslashes are the pattern's own */
	r = parser_name(ps, "the name of a pattern", &pattern.name);
	ps->l->raw = false;
	if (r == 0)
		r = check_name(ps, &pattern);
	if (r < 0)
		return r;
	pattern.is_set = token_is(&ps->l->token, "file");
	if (pattern.is_set) {
		r = parser_next(ps);
		if (r == 0)
			r = read_file(ps);
	} else if (ps->l->token.type == TOKEN_STRING) {
		r = add_item(ps, ps->l->token.text, ps->l->token.len, ps->l->token.place);
		if (r == 0)
			r = parser_next(ps);
	} else {
		r = parser_unexpected(ps, "a \"regular expression\", or 'file' and its path,");
	}
	pattern.count = ps->p->patterns.items.len - pattern.first;
	if (r == 0 && !token_is(&ps->l->token, "in"))
		return parser_unexpected(ps, "'in' and where to look");
	do {
		if (r == 0)
			r = parser_next(ps);
		if (r == 0)
			r = read_place(ps, &pattern);
	} while (r == 0 && ps->l->token.type == TOKEN_COMMA);
	if (r == 0)
		r = add_fact(ps, &pattern, "", SLUICE_BOOL, pattern.is_set ? "one of these patterns was found" : "this pattern was found", &pattern.fact);
	if (r == 0 && pattern.is_set)
		r = add_fact(ps, &pattern, "_count", SLUICE_INT, "how many different ones of these patterns were found", &pattern.count_fact);
	if (r < 0)
		return r;
	return vec_push(&ps->p->patterns.all, pattern) ? 0 : parser_no_memory(ps);
}

static int compile(struct parser *ps, struct pattern_place *place)
{
	const struct pattern_item *items = ps->p->patterns.items.items;
	VEC(const char *) regexes = { 0 };
	struct err why;
	size_t bad;
	int r = 0;

	for (size_t i = 0; r == 0 && i < place->items.len; i++)
		r = vec_push(&regexes, items[place->items.items[i]].regex) ? 0 : parser_no_memory(ps);
	if (r == 0)
		r = pattern_db_new(regexes.items, regexes.len, place->where != PATTERN_RAW, &place->db, &bad, &why);
	if (r == -EINVAL && bad < place->items.len)
		r = place_error(items[place->items.items[bad]].place, ps->err, "a pattern that %s does not take: %s", pattern_db_name(), why.text);
	else if (r == -EINVAL)
		r = place_error(items[place->items.items[0]].place, ps->err, "patterns that %s does not take: %s", pattern_db_name(), why.text);
	else if (r < 0)
		r = parser_no_memory(ps);
	vec_done(&regexes);
	return r;
}

int pattern_compile(struct parser *ps)
{
	struct patterns *p = &ps->p->patterns;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->places.len; i++) {
		if (p->places.items[i].items.len) /* a file may be empty */
			r = compile(ps, &p->places.items[i]);
		if (r == 0 && p->places.items[i].where == PATTERN_URL && !(p->psl = psl_latest(NULL)))
			r = err_set(ps->err, -EINVAL, "patterns in links: there is no list of public suffixes: install the package publicsuffix");
	}
	return r;
}
