/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/mailbox.h"

#include <string.h>

#include "filter/mail/address.h"

/* One entry as far as it was read. */
struct entry {
	struct text *address; /* the words in a row: the addr-spec, or a display name that a '<' takes back */
	bool in_angle, had_angle;
	bool in_literal; /* between [ and ] of a domain */
	bool apart;      /* two words that nothing joins: a display name, and no address */
	bool word_before, bad, empty;
};

static bool is(const struct header_token *t, char special)
{
	return t->type == HEADER_TOKEN_SPECIAL && *t->bytes == special;
}

static void begin_address(struct entry *e)
{
	text_clear(e->address);
	e->apart = e->word_before = e->in_literal = false;
}

static void add_word(struct entry *e, const struct header_token *t)
{
	bool joined = e->in_literal || (e->address->len && e->address->bytes[e->address->len - 1] == '.') || (t->len && *t->bytes == '.');

	e->apart |= e->word_before && !joined;
	e->word_before = true;
	if (e->had_angle && !e->in_angle)
		e->bad = true; /* words behind the address */
	if (t->type == HEADER_TOKEN_QUOTED)
		text_addc(e->address, '"');
	text_add(e->address, t->bytes, t->len);
	if (t->type == HEADER_TOKEN_QUOTED)
		text_addc(e->address, '"');
	if (t->type == HEADER_TOKEN_ATOM && *t->bytes == '[')
		e->in_literal = true;
	if (t->type == HEADER_TOKEN_ATOM && t->bytes[t->len - 1] == ']')
		e->in_literal = false;
}

static void add_special(struct entry *e, char c)
{
	switch (c) {
	case '<':
		e->bad |= e->in_angle || e->had_angle;
		e->in_angle = e->had_angle = true;
		begin_address(e);
		break;
	case '>':
		e->bad |= !e->in_angle;
		e->in_angle = e->word_before = false;
		break;
	case ':': /* behind a source route in < >; else behind the name of a group, or within a domain literal */
		if (e->in_literal)
			text_addc(e->address, c);
		else if (e->in_angle && e->address->len && *e->address->bytes != '@')
			e->bad = true;
		else
			begin_address(e);
		break;
	default: /* '@', or a comma within a source route */
		text_addc(e->address, c);
		e->word_before = false;
		break;
	}
}

static enum mailbox_step end(struct entry *e)
{
	struct sluice_address a = address_split(text_str(e->address), e->address->len);

	if (e->bad || e->apart || e->in_angle || e->in_literal || e->address->failed || !a.local_len || !a.domain_len)
		return MAILBOX_BAD;
	for (size_t i = 0; i < a.local_len; i++) /* a second @ outside quotes */
		if (a.local[i] == '@' && a.local[0] != '"')
			return MAILBOX_BAD;
	return MAILBOX_ADDRESS;
}

enum mailbox_step mailbox_next(struct header_lexer *l, struct text *ret)
{
	struct entry e = { .address = ret, .empty = true };

	begin_address(&e);
	for (;;) {
		struct header_token t = header_lexer_next(l, ",;:<>@");
		bool route = e.in_angle && ret->len && *ret->bytes == '@';

		if (t.type == HEADER_TOKEN_END)
			return e.empty ? MAILBOX_END : end(&e);
		if ((is(&t, ',') && !route) || is(&t, ';')) {
			if (!e.empty)
				return end(&e);
			continue;
		}
		e.empty = is(&t, ':') && !e.in_angle && !e.in_literal; /* the name of a group is no entry */
		if (t.type == HEADER_TOKEN_BAD)
			e.bad = true;
		else if (t.type == HEADER_TOKEN_SPECIAL)
			add_special(&e, *t.bytes);
		else
			add_word(&e, &t);
	}
}
