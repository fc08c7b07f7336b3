/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dmarc_redact.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/domain.h"
#include "filter/mail/mailbox.h"
#include "filter/mail/taglist.h"

#define FIELD_MAX 4096 /* octets of a field as it is shown */
#define DATE_MAX  64
#define ID_MAX    250
#define TAG_MAX   900 /* octets: each has a line of its own, which has 998 at most (RFC 5322 2.1.1) */

static bool is_one_of(char c, const char *others)
{
	return ascii_is_alnum(c) || (c && strchr(others, c));
}

/* ---- fields ---- */

static void add_from(struct text *out, const char *value, size_t len)
{
	struct header_lexer l = { value, value + len };
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	char domain[DOMAIN_ASCII_SIZE];
	const char *at;

	if (mailbox_next(&l, &address) != MAILBOX_ADDRESS || !address.len)
		return;
	at = memrchr(address.bytes, '@', address.len);
	if (at && domain_to_ascii(at + 1, address.len - (size_t)(at + 1 - address.bytes), domain) &&
		domain_valid(domain, strlen(domain), 1))
		text_addf(out, "From: " DMARC_REDACTED "@%s\r\n", domain);
}

/* Without its comment, in which there may be anything. */
static void add_date(struct text *out, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text date = TEXT_INIT(FIELD_MAX);
	const char *comment;
	size_t n;

	header_field_unfold(&date, value, len);
	comment = date.len ? memchr(date.bytes, '(', date.len) : NULL;
	n = comment ? (size_t)(comment - date.bytes) : date.len;
	while (n && date.bytes[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!is_one_of(date.bytes[i], " ,:+-"))
			return;
	if (n && n <= DATE_MAX)
		text_addf(out, "Date: %.*s\r\n", (int)n, date.bytes);
}

static void add_id(struct text *out, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text id = TEXT_INIT(FIELD_MAX);

	header_field_unfold(&id, value, len);
	if (id.len < 3 || id.len > ID_MAX || id.bytes[0] != '<' || id.bytes[id.len - 1] != '>')
		return;
	for (size_t i = 1; i < id.len - 1; i++)
		if (!is_one_of(id.bytes[i], "!#$%&'*+-/=?^_`{|}~.@[]:"))
			return;
	text_addf(out, "Message-ID: %s\r\n", text_str(&id));
}

/* i=: a domain may be in other letters than ASCII; it is left out then, as every value is that is no printable ASCII. */
static void add_tag(struct text *out, const struct tag *t)
{
	char value[TAG_MAX + 1];
	const char *shown = value;

	if (!tag_squeeze(t, value, sizeof value))
		return;
	if (t->name_len == 1 && t->name[0] == 'i') {
		shown = strrchr(value, '@');
		if (!shown)
			return;
	}
	for (const char *p = shown; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return;
	text_addf(out, "%s\r\n %.*s=%s", out->len ? ";" : "", (int)t->name_len, t->name, shown);
}

/* z= has the header as it was signed, and is not among them. */
static void add_signature(struct text *out, const char *value, size_t len)
{
	static const char *const names[] = { "v", "a", "c", "d", "s", "i", "q", "t", "x", "l", "h", "bh", "b" };
	SLUICE_CLEANUP(text_done) struct text all = TEXT_INIT(FIELD_MAX);
	struct taglist tags;

	if (!taglist_parse(value, len, &tags))
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct tag *t = taglist_find(&tags, names[i]);

		if (t)
			add_tag(&all, t);
	}
	if (all.len && !all.failed)
		text_addf(out, "DKIM-Signature:%s\r\n", text_str(&all));
}

static const struct {
	const char *name;
	void (*add)(struct text *out, const char *value, size_t len);
} fields[] = {
	{ "From", add_from },
	{ "Date", add_date },
	{ "Message-ID", add_id },
	{ "DKIM-Signature", add_signature },
};

void dmarc_redact(struct text *out, const char *name, size_t name_len, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text field = TEXT_INIT(FIELD_MAX);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (header_field_is(name, name_len, fields[i].name))
			fields[i].add(&field, value, len);
	if (field.len && !field.failed && out->max - out->len >= field.len)
		text_add(out, field.bytes, field.len);
}

/* ---- no report about a report ---- */

static bool token_is(const struct header_token *t, const char *want)
{
	return t->type == HEADER_TOKEN_ATOM && ascii_equals(t->bytes, t->len, want);
}

bool dmarc_is_automatic(const char *name, size_t name_len, const char *value, size_t len)
{
	struct header_lexer l = { value, value + len };
	struct header_token first, slash, second;

	if (header_field_is(name, name_len, "Auto-Submitted")) {
		first = header_lexer_next(&l, ";");
		return !token_is(&first, "no");
	}
	if (!header_field_is(name, name_len, "Content-Type"))
		return false;
	first = header_lexer_next(&l, ";/");
	slash = header_lexer_next(&l, ";/");
	second = header_lexer_next(&l, ";/");
	return (token_is(&first, "multipart") && slash.type == HEADER_TOKEN_SPECIAL && token_is(&second, "report")) ||
	       (token_is(&first, "message") && token_is(&second, "feedback-report"));
}
