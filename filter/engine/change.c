/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/change.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/header_field.h"

#define TEXT_BYTES (1u << 20) /* of all texts at the end */

static bool acts(const struct match *match, enum rule_action action)
{
	return match->rule->action == action && !match->rule->shadow;
}

static bool is_content_field(const struct header *h)
{
	return h->name_len > 8 && ascii_equal(h->name, 8, "Content-", 8);
}

static void note_change(struct dialogue *d, const char *change)
{
	if (!change || !vec_push(&d->edits.changed, change))
		d->fault = true;
}

/* ---- notes ---- */

static size_t word_len(const char *at, const char *end)
{
	const char *p = at;

	while (p < end && *p != ' ' && *p != ':')
		p++;
	return (size_t)(p - at);
}

/* An item of the fact is "SECTION WORD..."; is it one that the rule is about? */
static bool is_meant(const struct rule *rule, const struct value_text *item, size_t *ret_section_len)
{
	const char *end = item->bytes + item->len, *word;
	size_t len;

	*ret_section_len = word_len(item->bytes, end);
	word = item->bytes + *ret_section_len;
	while (word < end && (*word == ' ' || *word == ':'))
		word++;
	len = word_len(word, end);
	for (size_t i = 0; i < rule->word_count; i++)
		if (ascii_equals(word, len, rule->words[i]))
			return true;
	return rule->word_count == 0;
}

struct notes {
	struct mime_note *items;
	size_t len, capacity;
};

/* For the part with this number, unless a rule before had one for it. */
static bool add_note(struct dialogue *d, const struct sluice_mime *m, const struct match *match, const char *section, size_t len, struct notes *notes)
{
	size_t i = 0;

	while (i < m->count && (strlen(m->parts[i].section) != len || memcmp(m->parts[i].section, section, len) != 0))
		i++;
	if (i == m->count) { /* what is found in the message as a whole, say */
		d->edits.unchanged = "no part is named that it could be";
		return true;
	}
	for (size_t k = 0; k < notes->len; k++)
		if (notes->items[k].part == i)
			return true;
	note_change(d, arena_printf(session_arena(d->session, SCOPE_MESSAGE), "part %s replaced by rule %s", m->parts[i].section, match->rule->name));
	return vec_push(notes, ((struct mime_note){ i, match->text }));
}

static bool collect_notes(struct dialogue *d, const struct sluice_mime *m, struct notes *notes)
{
	for (size_t i = 0; i < d->matches.len; i++) {
		const struct match *match = &d->matches.items[i];
		const struct value *fact = &d->session->facts[match->rule->parts_fact];
		bool named = false;

		if (!acts(match, RULE_REPLACE))
			continue;
		for (size_t k = 0; fact->known && k < fact->texts.count; k++) {
			size_t len;

			if (!is_meant(match->rule, &fact->texts.items[k], &len))
				continue;
			named = true;
			if (!add_note(d, m, match, fact->texts.items[k].bytes, len, notes))
				return false;
		}
		if (!named)
			d->edits.unchanged = "no part is named that it could be";
		else if (fact->texts.count >= FACT_TEXTS_MAX)
			d->edits.unchanged = "more is found than can be named";
	}
	return true;
}

/* ---- all of it ---- */

static bool collect_texts(struct dialogue *d, struct text *out)
{
	for (size_t i = 0; i < d->matches.len; i++) {
		const struct match *match = &d->matches.items[i];

		if (!acts(match, RULE_APPEND))
			continue;
		text_adds(out, out->len ? "\n" : "");
		text_adds(out, match->rule->appended);
		note_change(d, arena_printf(session_arena(d->session, SCOPE_MESSAGE), "text at the end by rule %s", match->rule->name));
	}
	return !out->failed;
}

static void add_field(struct text *out, const struct header *h)
{
	text_add(out, h->name, h->name_len);
	text_adds(out, h->value_len && ascii_is_space(*h->value) ? ":" : ": ");
	for (size_t i = 0; i < h->value_len; i++) {
		if (h->value[i] == '\n' && (i == 0 || h->value[i - 1] != '\r'))
			text_addc(out, '\r');
		text_addc(out, h->value[i]);
	}
	text_adds(out, "\r\n");
}

/* The fields that the message has of itself, in the place of those that it came with. */
static bool set_fields(struct dialogue *d)
{
	const struct message *m = &d->session->message;
	struct edits *e = &d->edits;
	bool has_version = false;

	for (size_t i = 0; i < m->headers.len; i++)
		has_version |= header_field_is(m->headers.items[i].name, m->headers.items[i].name_len, "MIME-Version");
	return vec_push(&e->content, ((struct edit_header){ "Content-Transfer-Encoding", e->body.encoding })) &&
	       vec_push(&e->content, ((struct edit_header){ "Content-Type", e->body.type })) &&
	       (has_version || vec_push(&e->content, ((struct edit_header){ "MIME-Version", "1.0" })));
}

static bool rewrite(struct dialogue *d, const struct mime *mime, struct sluice_text body, const struct notes *notes, const char *appended)
{
	struct arena *arena = session_arena(d->session, SCOPE_MESSAGE);
	const struct message *m = &d->session->message;
	SLUICE_CLEANUP(text_done) struct text fields = TEXT_INIT(SESSION_MESSAGE_BYTES);
	const char *boundary = arena_printf(arena, "=_%s", d->id);

	while (boundary && memmem(body.bytes, body.len, boundary, strlen(boundary)))
		boundary = arena_printf(arena, "%s=", boundary);
	for (size_t i = 0; i < m->headers.len; i++)
		if (is_content_field(&m->headers.items[i]))
			add_field(&fields, &m->headers.items[i]);
	return boundary && !fields.failed &&
	       mime_rewrite(mime, body, notes->items, notes->len, appended, boundary, text_str(&fields), arena, &d->edits.body) &&
	       (!d->edits.body.type || set_fields(d));
}

static bool is_signed(const struct message *m)
{
	for (size_t i = 0; i < m->headers.len; i++)
		if (header_field_is(m->headers.items[i].name, m->headers.items[i].name_len, "DKIM-Signature"))
			return true;
	return false;
}

static void reset(struct edits *e)
{
	mime_rewrite_done(&e->body);
	e->body = (struct mime_rewrite){ .type = NULL };
	e->content.len = e->changed.len = 0;
	e->unchanged = NULL;
}

bool change_make(struct dialogue *d)
{
	struct message *m = &d->session->message;
	SLUICE_CLEANUP(text_done) struct text appended = TEXT_INIT(TEXT_BYTES);
	struct notes notes = { 0 };
	struct sluice_text body;
	const struct mime *mime;
	bool replaces = false, appends = false, done;
	const char *why = NULL;

	reset(&d->edits);
	for (size_t i = 0; i < d->matches.len; i++) {
		replaces |= acts(&d->matches.items[i], RULE_REPLACE);
		appends |= acts(&d->matches.items[i], RULE_APPEND);
	}
	if ((!replaces && !appends) || d->replay)
		return true;
	body.bytes = m->body ? body_bytes(m->body, &body.len, &why) : NULL;
	mime = body.bytes ? host_mime(d) : NULL;
	if (!mime || body_is_cut(m->body)) {
		d->edits.unchanged = replaces ? (mime ? "it is larger than 'body { max }'" : why ? why : "out of memory") : NULL;
		note_change(d, appends ? "no text at the end: the body is larger than is kept" : "nothing: the body is not here as a whole");
		return true;
	}
	done = collect_notes(d, mime_view(mime), &notes) && collect_texts(d, &appended);
	if (done && (notes.len || appended.len))
		done = rewrite(d, mime, body, &notes, appended.len ? arena_copy(session_arena(d->session, SCOPE_MESSAGE), appended.bytes, appended.len) : NULL);
	vec_done(&notes);
	if (done && d->edits.body.body.len && is_signed(m))
		note_change(d, "a DKIM-Signature that it came with does not hold any more");
	return done;
}

static void feed_field(struct dialogue *d, unsigned check, const char *name, size_t name_len, const char *value, size_t len, struct text *wire)
{
	const struct header h = { .name = name, .name_len = name_len, .value = value, .value_len = len };
	size_t colon = name_len + 1;

	text_clear(wire);
	add_field(wire, &h);
	if (!wire->failed)
		host_feed_one(d, check, &(struct sluice_part){ SLUICE_PART_HEADER, name, name_len, wire->bytes + colon, wire->len - colon - 2 });
}

static void feed_body(struct dialogue *d, unsigned check)
{
	const struct edits *e = &d->edits;
	struct message *m = &d->session->message;
	const char *why;
	size_t len;
	const char *bytes = e->body.body.len ? NULL : body_bytes(m->body, &len, &why);

	for (size_t i = 0; i < e->body.body.len; i++)
		host_feed_one(d, check, &(struct sluice_part){ .type = SLUICE_PART_BODY, .bytes = e->body.body.items[i].bytes, .len = e->body.body.items[i].len });
	if (bytes && len)
		host_feed_one(d, check, &(struct sluice_part){ .type = SLUICE_PART_BODY, .bytes = bytes, .len = len });
}

bool change_feed(struct dialogue *d, unsigned check)
{
	const struct message *m = &d->session->message;
	const struct edits *e = &d->edits;
	SLUICE_CLEANUP(text_done) struct text wire = TEXT_INIT(SESSION_MESSAGE_BYTES);

	host_drop_one(d, check);
	for (size_t i = e->content.len; i-- > 0;)
		feed_field(d, check, e->content.items[i].name, strlen(e->content.items[i].name), e->content.items[i].value, strlen(e->content.items[i].value), &wire);
	for (size_t i = 0; i < m->headers.len; i++) {
		const struct header *h = &m->headers.items[i];

		if (!e->content.len || !is_content_field(h))
			feed_field(d, check, h->name, h->name_len, h->value, h->value_len, &wire);
	}
	host_feed_one(d, check, &(struct sluice_part){ .type = SLUICE_PART_HEADER_END });
	feed_body(d, check);
	return !wire.failed;
}
