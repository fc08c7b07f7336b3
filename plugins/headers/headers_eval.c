/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/headers/headers_eval.h"

#include <gmime/gmime.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/address.h"
#include "filter/mail/date.h"
#include "filter/mail/domain.h"
#include "filter/mail/header_field.h"
#include "filter/mail/mailbox.h"

#define LINE_MAX_OCTETS 998
#define SHOWN_MAX       4096 /* octets of a display name, as it came and decoded */

const char *const headers_names[HEADERS_FIELDS] = { "Date", "From", "To", "Message-ID", "Subject", "Sender", "Reply-To", "Cc", "Bcc", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding" };

void headers_init(struct headers *h, const char *our_name)
{
	*h = (struct headers){ .our_name = our_name, .from = TEXT_INIT(MAILBOX_MAX_BYTES), .shown = TEXT_INIT(SHOWN_MAX), .reply_to = TEXT_INIT(MAILBOX_MAX_BYTES) };
}

void headers_done(struct headers *h)
{
	text_done(&h->from);
	text_done(&h->shown);
	text_done(&h->reply_to);
}

/* ---- ends of lines ---- */

/* The line has ended, with CRLF or with something that only some take for its end. */
static void end_line(struct headers *h, bool bare)
{
	h->hidden_end |= h->only_dot && (bare || h->after_bare);
	h->after_bare = bare;
	h->line_len = 0;
	h->only_dot = false;
}

static void see_octet(struct headers *h, char c)
{
	if (c == '\n') {
		h->bare_lf |= !h->after_cr;
		end_line(h, !h->after_cr);
		h->after_cr = false;
		return;
	}
	if (h->after_cr) {
		h->bare_cr = true;
		end_line(h, true);
	}
	h->after_cr = c == '\r';
	if (h->after_cr)
		return;
	h->only_dot = h->line_len == 0 && c == '.';
	h->line_len++;
	h->long_line |= h->line_len > LINE_MAX_OCTETS;
	h->has_body |= !ascii_is_space(c);
}

/* What lies between two ends of lines goes by in one step: most of a body is that. */
void headers_see_body(struct headers *h, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t plain = 0;

		see_octet(h, bytes[i]);
		if (!h->line_len || h->after_cr || !h->has_body)
			continue;
		while (i + 1 + plain < len && bytes[i + 1 + plain] != '\r' && bytes[i + 1 + plain] != '\n')
			plain++;
		h->only_dot &= plain == 0;
		h->line_len += plain;
		h->long_line |= h->line_len > LINE_MAX_OCTETS;
		i += plain;
	}
}

static void see_lines(struct headers *h, size_t name_len, const char *value, size_t len)
{
	size_t line = name_len + 1;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		bool crlf = c == '\r' && i + 1 < len && value[i + 1] == '\n';

		h->eight_bit |= c >= 0x80;
		h->control |= (c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f;
		h->bare_cr |= c == '\r' && !crlf;
		h->bare_lf |= c == '\n' && (i == 0 || value[i - 1] != '\r');
		line = c == '\n' ? 0 : line + (c != '\r');
		h->long_line |= line > LINE_MAX_OCTETS;
	}
}

/* ---- addresses ---- */

/* What stands before the address, its encoded words (RFC 2047) decoded. */
static void decode_shown(struct headers *h, const char *value, size_t len)
{
	const char *angle = memrchr(value, '<', len);
	SLUICE_CLEANUP(text_done) struct text raw = TEXT_INIT(SHOWN_MAX);
	char *decoded;

	if (!angle)
		return;
	header_field_unfold(&raw, value, (size_t)(angle - value) < SHOWN_MAX ? (size_t)(angle - value) : SHOWN_MAX);
	decoded = g_mime_utils_header_decode_text(NULL, text_str(&raw));
	if (decoded)
		text_add(&h->shown, decoded, strnlen(decoded, SHOWN_MAX));
	g_free(decoded);
}

/* The addresses of a field; the first is added to first, where that is not NULL. *ret_bad: an entry is none. */
static unsigned count_addresses(const char *value, size_t len, struct text *first, bool *ret_bad)
{
	struct header_lexer l = { value, value + len };
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	enum mailbox_step step;
	unsigned count = 0;

	while ((step = mailbox_next(&l, &address)) != MAILBOX_END) {
		*ret_bad |= step == MAILBOX_BAD;
		if (step == MAILBOX_ADDRESS && count++ == 0 && first && !first->len)
			text_add(first, address.bytes, address.len);
	}
	return count;
}

static bool is_address(char c)
{
	return (unsigned char)c >= 0x80 || ascii_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

bool headers_shown_address(const struct headers *h, struct text *out)
{
	const char *shown = text_str(&h->shown), *end = shown + h->shown.len;

	for (const char *at = memchr(shown, '@', h->shown.len); at; at = memchr(at + 1, '@', (size_t)(end - at - 1))) {
		const char *from = at, *to = at + 1;

		while (from > shown && is_address(from[-1]))
			from--;
		while (to < end && (ascii_is_alnum(*to) || *to == '.' || *to == '-' || (unsigned char)*to >= 0x80))
			to++;
		while (to > at + 1 && !ascii_is_alnum(to[-1]) && (unsigned char)to[-1] < 0x80)
			to--;
		if (from == at || !domain_valid(at + 1, (size_t)(to - at - 1), 2) || ascii_equal(from, (size_t)(to - from), text_str(&h->from), h->from.len))
			continue;
		text_add(out, from, (size_t)(to - from));
		return true;
	}
	return false;
}

/* ---- fields ---- */

/* msg-id (RFC 5322 3.6.4): no blanks, one @, something on either side of it. */
static bool is_message_id(const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text id = TEXT_INIT(len + 1);
	struct sluice_address a;

	header_field_unfold(&id, value, len);
	if (id.len < 5 || id.bytes[0] != '<' || id.bytes[id.len - 1] != '>')
		return false;
	for (size_t i = 1; i + 1 < id.len; i++)
		if (strchr(" \t<>,", id.bytes[i]))
			return false;
	a = address_split(id.bytes, id.len);
	return a.local_len && a.domain_len && (*a.local == '"' || !memchr(a.local, '@', a.local_len));
}

/* Does the line say that it was received by us? The name behind "by". */
static bool is_by_us(const struct headers *h, const char *value, size_t len)
{
	struct header_lexer l = { value, value + len };
	struct header_token t = header_lexer_next(&l, ";");

	while (t.type != HEADER_TOKEN_END && !(t.type == HEADER_TOKEN_ATOM && ascii_equals(t.bytes, t.len, "by")))
		t = header_lexer_next(&l, ";");
	if (t.type == HEADER_TOKEN_END)
		return false;
	t = header_lexer_next(&l, ";");
	return t.type == HEADER_TOKEN_ATOM && domain_equal(t.bytes, t.len, h->our_name, strlen(h->our_name));
}

static bool is_malformed(struct headers *h, enum headers_field field, const char *value, size_t len)
{
	bool bad = false;
	unsigned count;

	switch (field) {
	case HEADERS_DATE:
		bad = !date_parse(value, len, &h->date_s);
		h->has_date = !bad;
		return bad;
	case HEADERS_FROM:
		if (h->count[field] == 1)
			decode_shown(h, value, len);
		return count_addresses(value, len, &h->from, &bad) == 0 || bad;
	case HEADERS_SENDER:
		return count_addresses(value, len, NULL, &bad) != 1 || bad;
	case HEADERS_REPLY_TO:
		return count_addresses(value, len, &h->reply_to, &bad) == 0 || bad;
	case HEADERS_TO:
	case HEADERS_CC:
	case HEADERS_BCC:
		count = count_addresses(value, len, NULL, &bad);
		h->addressees += field == HEADERS_BCC ? 0 : count;
		return bad;
	case HEADERS_MESSAGE_ID:
		return !is_message_id(value, len);
	case HEADERS_SUBJECT:
	case HEADERS_IN_REPLY_TO:
	case HEADERS_REFERENCES:
	case HEADERS_MIME_VERSION:
	case HEADERS_CONTENT_TYPE:
	case HEADERS_CONTENT_TRANSFER_ENCODING:
	case HEADERS_FIELDS:
		break;
	}
	return false;
}

void headers_see_field(struct headers *h, const char *name, size_t name_len, const char *value, size_t len)
{
	see_lines(h, name_len, value, len);
	if (header_field_is(name, name_len, "Received")) {
		h->received++;
		h->received_by_us += is_by_us(h, value, len);
		return;
	}
	for (unsigned i = 0; i < HEADERS_FIELDS; i++) {
		if (!header_field_is(name, name_len, headers_names[i]))
			continue;
		h->count[i]++;
		h->malformed[i] |= is_malformed(h, (enum headers_field)i, value, len);
		return;
	}
}
