/* SPDX-License-Identifier: BSD-2-Clause */
/* edit.c - what is to be done to a message that goes on, from the rules that matched. */
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/engine/change.h"
#include "filter/mail/header_field.h"

#define LINE_MAX_OCTETS 900 /* of a Subject with its tag, before the rest goes on a line of its own (RFC 5322 2.1.1 allows 998) */

void edit_reset(struct dialogue *d)
{
	struct edits *e = &d->edits;

	e->remove.len = e->tags.len = e->insert.len = e->add_recipients.len = e->remove_recipients.len = 0;
	e->authres = e->hold = e->subject = NULL;
	mime_rewrite_done(&e->body);
	e->body = (struct mime_rewrite){ .type = NULL };
	e->content.len = e->changed.len = 0;
	e->unchanged = NULL;
	e->has_subject = false;
}

void edit_done(struct dialogue *d)
{
	mime_rewrite_done(&d->edits.body);
	vec_done(&d->edits.content);
	vec_done(&d->edits.changed);
	vec_done(&d->edits.remove);
	vec_done(&d->edits.tags);
	vec_done(&d->edits.insert);
	vec_done(&d->edits.add_recipients);
	vec_done(&d->edits.remove_recipients);
}

/* ---- header fields ---- */

/* Fields of this name go, those that claim to be ours or all of them: from the last to the first, so that numbers stay true. */
static bool remove_fields(struct dialogue *d, const char *name, const char *claiming)
{
	const struct message *m = &d->session->message;
	unsigned number = 0;

	for (size_t i = 0; i < m->headers.len; i++)
		number += header_field_is(m->headers.items[i].name, m->headers.items[i].name_len, name);
	for (size_t i = m->headers.len; i-- > 0 && number;) {
		const struct header *h = &m->headers.items[i];

		if (!header_field_is(h->name, h->name_len, name))
			continue;
		if ((!claiming || authres_claims(h->value, h->value_len, claiming)) &&
			!vec_push(&d->edits.remove, ((struct edit_removal){ name, number })))
			return false;
		number--;
	}
	return true;
}

/* What rules of ours add must not come from elsewhere: whoever reads it takes it for ours. */
static bool remove_forged_tags(struct dialogue *d)
{
	const struct policy *p = d->snapshot->policy;

	for (size_t i = 0; i < p->tag_fields.len; i++)
		if (!remove_fields(d, p->tag_fields.items[i], NULL))
			return false;
	return true;
}

/* The Subject with a text before it, unless it begins with that already. False: no memory. */
static bool tag_subject(struct dialogue *d, const char *tag)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SESSION_MESSAGE_BYTES);
	const struct message *m = &d->session->message;
	const char *old = d->edits.subject, *eol;
	size_t len = old ? strlen(old) : 0, tag_len = strlen(tag);

	for (size_t i = 0; i < m->headers.len && !old; i++) {
		if (!header_field_is(m->headers.items[i].name, m->headers.items[i].name_len, "Subject"))
			continue;
		d->edits.has_subject = true;
		old = m->headers.items[i].value;
		len = m->headers.items[i].value_len;
	}
	for (; len && ascii_is_space(*old); len--)
		old++;
	if (!tag_len || (len >= tag_len && !memcmp(old, tag, tag_len)))
		return true;
	text_adds(&out, tag);
	eol = len ? memchr(old, '\n', len) : NULL;
	if (tag_len + (eol ? (size_t)(eol - old) : len) > LINE_MAX_OCTETS)
		text_adds(&out, "\n ");
	for (size_t i = 0; i < len; i++)
		if (old[i] != '\r')
			text_addc(&out, old[i]);
	d->edits.subject = arena_copy(session_arena(d->session, SCOPE_MESSAGE), text_str(&out), out.len);
	return d->edits.subject != NULL;
}

static bool collect_tags(struct dialogue *d)
{
	for (size_t i = 0; i < d->matches.len; i++) {
		const struct match *match = &d->matches.items[i];

		if (match->rule->action != RULE_TAG || match->rule->shadow)
			continue;
		if (match->rule->field ? !vec_push(&d->edits.tags, ((struct edit_header){ match->rule->field, match->text }))
				       : !tag_subject(d, match->text))
			return false;
	}
	return true;
}

/* ---- recipients, quarantine ---- */

/* What was said of a recipient who was refused is not about those who get the message. */
static bool is_refused(const struct message *m, const char *recipient)
{
	for (size_t i = 0; recipient && i < m->recipients.len; i++)
		if (m->recipients.items[i].address.text == recipient)
			return m->recipients.items[i].refused;
	return false;
}

static bool add_recipient(struct dialogue *d, const char *address)
{
	struct message *m = &d->session->message;

	for (size_t i = 0; i < d->edits.add_recipients.len; i++)
		if (ascii_equal(d->edits.add_recipients.items[i], strlen(d->edits.add_recipients.items[i]), address, strlen(address)))
			return true;
	for (size_t i = 0; i < m->recipients.len; i++) {
		struct recipient *r = &m->recipients.items[i];

		if (r->refused || !ascii_equal(r->address.text, r->address.len, address, strlen(address)))
			continue;
		r->removed = false; /* it gets the message anyway */
		return true;
	}
	return vec_push(&d->edits.add_recipients, address);
}

/* Whoever the rule is about, and has not been taken off the message, does not get it. */
static void take_off(struct message *m, const struct match *match)
{
	for (size_t i = 0; i < m->recipients.len; i++)
		if (!match->recipient || m->recipients.items[i].address.text == match->recipient)
			m->recipients.items[i].removed |= !m->recipients.items[i].refused;
}

/*
 * The first rule that redirects says where to: of those about the message, or, without one, of those about each recipient, which stand
 * together.
 */
static void find_redirects(struct dialogue *d)
{
	struct match *whole = NULL, *last = NULL;

	for (size_t i = 0; i < d->matches.len; i++) {
		struct match *match = &d->matches.items[i];

		match->redirects = match->rule->action == RULE_REDIRECT && !match->rule->shadow && !whole && (!last || last->recipient != match->recipient);
		if (match->redirects && !match->recipient)
			whole = match;
		else if (match->redirects)
			last = match;
	}
}

static bool collect_recipients(struct dialogue *d)
{
	struct message *m = &d->session->message;

	find_redirects(d);
	for (size_t i = 0; i < d->matches.len; i++)
		if (d->matches.items[i].redirects)
			take_off(m, &d->matches.items[i]);
	for (size_t i = 0; i < d->matches.len; i++) {
		const struct match *match = &d->matches.items[i];
		bool adds = match->redirects || (match->rule->action == RULE_ADD && !match->rule->shadow);

		if (adds && !add_recipient(d, match->rule->target))
			return false;
	}
	for (size_t i = 0; i < m->recipients.len; i++)
		if (m->recipients.items[i].removed && !vec_push(&d->edits.remove_recipients, m->recipients.items[i].address.text))
			return false;
	return true;
}

static const struct rule *first_replacing(const struct dialogue *d)
{
	for (size_t i = 0; i < d->matches.len; i++)
		if (d->matches.items[i].rule->action == RULE_REPLACE && !d->matches.items[i].rule->shadow)
			return d->matches.items[i].rule;
	return NULL;
}

/* What was to be taken out does not go on: somebody has to look at the message. */
static bool hold_unchanged(struct dialogue *d, struct verdict *v)
{
	if (!d->edits.unchanged || d->edits.hold)
		return true;
	d->edits.hold = v->text = arena_printf(session_arena(d->session, SCOPE_MESSAGE), "its parts could not be replaced: %s", d->edits.unchanged);
	v->action = VERDICT_HOLD;
	v->rule = first_replacing(d);
	return d->edits.hold != NULL;
}

/* All fields Content-... give way to those of the changed body. */
static bool remove_content_fields(struct dialogue *d)
{
	const struct message *m = &d->session->message;

	for (size_t i = 0; i < m->headers.len; i++) {
		const char *name = m->headers.items[i].name;
		bool known = strlen(name) <= 8 || !ascii_equal(name, 8, "Content-", 8);

		for (size_t k = 0; !known && k < d->edits.remove.len; k++)
			known = ascii_equals(name, strlen(name), d->edits.remove.items[k].name);
		if (!known && !remove_fields(d, name, NULL))
			return false;
	}
	return true;
}

/* The first rule that holds the message says why. False: no memory. */
static bool collect_hold(struct dialogue *d, struct verdict *v)
{
	if (d->tracer) {
		d->edits.hold = v->text = tracer_reason(d);
		v->action = VERDICT_HOLD;
		return d->edits.hold != NULL;
	}
	for (size_t i = 0; i < d->matches.len && !d->edits.hold; i++) {
		const struct match *match = &d->matches.items[i];

		if (match->rule->action != RULE_HOLD || match->rule->shadow || is_refused(&d->session->message, match->recipient))
			continue;
		d->edits.hold = v->text = match->text;
		v->action = VERDICT_HOLD;
		v->rule = match->rule;
	}
	return true;
}

bool edit_message(struct dialogue *d, struct verdict *v)
{
	bool authres = d->plan->authres;

	d->edits.authres = authres ? host_authres(d) : NULL;
	if (authres && (!d->edits.authres || !remove_fields(d, "Authentication-Results", d->snapshot->authserv_id)))
		return false;
	if (!remove_forged_tags(d) || !collect_tags(d) || !collect_recipients(d))
		return false;
	if (!change_make(d) || (d->edits.content.len && !remove_content_fields(d)))
		return false;
	return collect_hold(d, v) && hold_unchanged(d, v);
}
