/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/pattern.h"

#include <stdio.h>
#include <string.h>

#include "filter/engine/state.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/header_field.h"
#include "filter/mail/html.h"
#include "filter/mail/url.h"

#define HEADER_BYTES (1u << 20) /* of a decoded field */
#define FOUND_MAX    200        /* items of pattern.found */

enum { FOUND, GAVE_UP };
static const struct sluice_fact facts[] = {
	[FOUND] = { "pattern.found", SLUICE_TEXTS, NULL,
		"which patterns were found, and where: pills in text 1.2, phrases:17 in subject, with the line in its file and the part as IMAP numbers it" },
	[GAVE_UP] = { "pattern.gave_up", SLUICE_BOOL, NULL, "a pattern took too long, and may be there or not: not with vectorscan" },
	{ .name = NULL },
};

struct search {
	struct sluice_check_ctx *c;
	struct sluice_result *res;
	const struct patterns *patterns;
	bool *found; /* of each item */
	size_t told;
	bool gave_up, no_memory;

	const struct pattern_place *place; /* that is looked at now */
	const char *section;               /* "": it is no part */
};

static void hear(void *arg, size_t regex)
{
	struct search *s = arg;
	size_t i = s->place->items.items[regex];
	const struct pattern_item *item = &s->patterns->items.items[i];
	const struct pattern *pattern = &s->patterns->all.items[item->pattern];
	char line[16] = "", evidence[256];

	s->found[i] = true;
	if (s->told++ >= FOUND_MAX)
		return;
	if (pattern->is_set)
		(void)snprintf(line, sizeof line, ":%u", item->place.line);
	(void)snprintf(evidence, sizeof evidence, "%s%s in %s%s%s%s%s", pattern->name, line, pattern_where_words[s->place->where], s->place->header ? " " : "",
		s->place->header ? s->place->header : "", *s->section ? " " : "", s->section);
	sluice_add_text(s->res, FOUND, evidence, strlen(evidence));
}

/* Look for what the policy looks for in such a place; header: the name of the field, else NULL. */
static void look(struct search *s, enum pattern_where where, const char *header, size_t header_len, const char *section, const char *bytes, size_t len)
{
	for (size_t i = 0; i < s->patterns->places.len; i++) {
		const struct pattern_place *place = &s->patterns->places.items[i];

		if (place->where != where || !place->db || (header && !header_field_is(header, header_len, place->header)))
			continue;
		s->place = place;
		s->section = section;
		s->gave_up |= !pattern_db_scan(place->db, bytes, len, hear, s);
	}
}

static bool looks(const struct search *s, enum pattern_where where)
{
	for (size_t i = 0; i < s->patterns->places.len; i++)
		if (s->patterns->places.items[i].where == where && s->patterns->places.items[i].db)
			return true;
	return false;
}

static void look_in_header(struct search *s)
{
	struct sluice_part field;

	for (size_t i = 0; sluice_header_field(s->c, i, &field); i++) {
		SLUICE_CLEANUP(text_done) struct text decoded = TEXT_INIT(HEADER_BYTES);
		bool subject = header_field_is(field.name, field.name_len, "Subject");

		if (!looks(s, PATTERN_HEADER) && !subject)
			continue;
		encoded_word_decode(&decoded, field.bytes, field.len);
		if (subject)
			look(s, PATTERN_SUBJECT, NULL, 0, "", text_str(&decoded), decoded.len);
		look(s, PATTERN_HEADER, field.name, field.name_len, "", text_str(&decoded), decoded.len);
	}
}

static void look_at_links(struct search *s, const char *section, const char *text, size_t len)
{
	struct url_span span;

	if (!looks(s, PATTERN_URL))
		return;
	for (size_t at = 0; url_find(s->patterns->psl, text, len, &at, &span);)
		if (span.type != URL_SPAN_ADDRESS)
			look(s, PATTERN_URL, NULL, 0, section, span.bytes, span.len);
}

static void look_in_html(struct search *s, const char *section, const char *bytes, size_t len)
{
	struct html html;

	look(s, PATTERN_HTML, NULL, 0, section, bytes, len);
	if (!looks(s, PATTERN_TEXT) && !looks(s, PATTERN_URL))
		return;
	s->no_memory |= !html_read(&html, bytes, len);
	look(s, PATTERN_TEXT, NULL, 0, section, text_str(&html.text), html.text.len);
	for (size_t i = 0; i < html.links.len; i++)
		look(s, PATTERN_URL, NULL, 0, section, html_url(&html, &html.links.items[i]), html.links.items[i].url_len);
	look_at_links(s, section, text_str(&html.text), html.text.len);
	html_done(&html);
}

/* False: the body is not there to be looked at. */
static bool look_in_parts(struct search *s)
{
	const char *why;
	const struct sluice_mime *m = sluice_mime(s->c, &why);

	for (size_t i = 0; m && i < m->count; i++) {
		const struct sluice_mime_part *p = &m->parts[i];
		size_t len;
		const char *text = looks(s, PATTERN_TEXT) || looks(s, PATTERN_HTML) || looks(s, PATTERN_URL) ? sluice_mime_text(s->c, i, &len) : NULL;

		for (size_t k = 0; k < p->name_count; k++)
			look(s, PATTERN_FILENAME, NULL, 0, p->section, p->names[k].bytes, p->names[k].len);
		if (text && !strcmp(p->type, "text/html")) {
			look_in_html(s, p->section, text, len);
		} else if (text) {
			look(s, PATTERN_TEXT, NULL, 0, p->section, text, len);
			look_at_links(s, p->section, text, len);
		}
	}
	return m != NULL;
}

static void report(struct search *s)
{
	struct value *values = s->c->d->session->facts;

	for (size_t i = 0; i < s->patterns->all.len; i++) {
		const struct pattern *pattern = &s->patterns->all.items[i];
		int64_t count = 0;

		for (size_t k = 0; k < pattern->count; k++)
			count += s->found[pattern->first + k];
		values[pattern->fact] = (struct value){ .known = true, .type = SLUICE_BOOL, .yes = count > 0 };
		if (pattern->is_set)
			values[pattern->count_fact] = (struct value){ .known = true, .type = SLUICE_INT, .number = count };
	}
	sluice_set_bool(s->res, GAVE_UP, s->gave_up);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct search s = { .c = c, .res = res, .patterns = &c->d->snapshot->policy->patterns };
	size_t len, size;
	const char *why, *body = sluice_body(c, &len, &size, &why);

	s.found = sluice_alloc(c, s.patterns->items.len);
	if (!body || !s.found || !look_in_parts(&s))
		return SLUICE_TEMPERROR;
	look_in_header(&s);
	look(&s, PATTERN_RAW, NULL, 0, "", body, len);
	if (s.no_memory)
		return SLUICE_TEMPERROR;
	report(&s);
	return SLUICE_DONE;
}

bool pattern_take(struct dialogue *d, const struct value *given)
{
	const struct patterns *patterns = &d->snapshot->policy->patterns;
	bool all = true;

	for (size_t i = 0; i < patterns->all.len; i++) {
		const struct pattern *pattern = &patterns->all.items[i];

		d->session->facts[pattern->fact] = given[pattern->fact];
		if (pattern->is_set)
			d->session->facts[pattern->count_fact] = given[pattern->count_fact];
		all &= given[pattern->fact].known;
	}
	return all;
}

static const struct sluice_check checks[] = {
	{ .name = "pattern", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = FOUND, .last_fact = GAVE_UP, .body = true },
	{ .name = NULL },
};
const struct sluice_plugin pattern_plugin = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "pattern",
	.help = "is there what the policy looks for?",
	.facts = facts,
	.checks = checks,
};
