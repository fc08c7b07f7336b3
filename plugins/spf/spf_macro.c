/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/spf/spf_macro.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"

#define DELIMITERS ".-+,/_="
#define UNRESERVED "-._~" /* RFC 3986 2.3, with letters and digits: what URL escaping leaves as it is */

/* ---- grammar ---- */

static const char *const letters[] = {
	[SPF_LETTERS_OF_NAME] = "slodiphv",
	[SPF_LETTERS_OF_EXP] = "slodiphvcrt",
};

/* One macro-expand. */
struct macro {
	char letter; /* in lower case; % _ - for the three that are no letters */
	bool url;    /* written in upper case: the value is to be URL-escaped */
	bool reverse;
	size_t keep; /* parts at the right; 0: all */
	struct spf_span delimiters;
};

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* 1*DIGIT. False: it is zero. More parts than a value can have are all parts. */
static bool read_keep(struct spf_span s, size_t *at, size_t *ret)
{
	size_t start = *at, keep = 0;

	for (; *at < s.len && ascii_is_digit(s.at[*at]); (*at)++) {
		if (keep <= SPF_MACRO_VALUE_MAX_BYTES)
			keep = keep * 10 + (size_t)(s.at[*at] - '0');
	}
	*ret = keep;
	return *at == start || keep > 0;
}

/* Read the macro that begins with the % at *pos, and move *pos behind it. */
static bool read_macro(struct spf_span s, size_t *pos, enum spf_letters allowed, struct macro *ret)
{
	size_t at = *pos + 1, start;

	*ret = (struct macro){ 0 };
	if (at < s.len && is_one_of(s.at[at], "%_-")) {
		ret->letter = s.at[at];
		*pos = at + 1;
		return true;
	}
	if (at + 1 >= s.len || s.at[at] != '{')
		return false;
	at++;
	ret->letter = ascii_lower(s.at[at]);
	ret->url = ret->letter != s.at[at];
	if (!is_one_of(ret->letter, letters[allowed]))
		return false;
	at++;
	if (!read_keep(s, &at, &ret->keep))
		return false;
	if (at < s.len && ascii_lower(s.at[at]) == 'r') {
		ret->reverse = true;
		at++;
	}
	for (start = at; at < s.len && is_one_of(s.at[at], DELIMITERS);)
		at++;
	ret->delimiters = (struct spf_span){ s.at + start, at - start };
	if (at == s.len || s.at[at] != '}')
		return false;
	*pos = at + 1;
	return true;
}

/* *ret_tail is where the literal text behind the last macro begins. */
static bool is_macro_string(struct spf_span s, enum spf_letters allowed, char first, size_t *ret_tail)
{
	size_t pos = 0;

	*ret_tail = 0;
	while (pos < s.len) {
		struct macro m;

		if (s.at[pos] == '%') {
			if (!read_macro(s, &pos, allowed, &m))
				return false;
			*ret_tail = pos;
		} else if (s.at[pos] < first || s.at[pos] > '~') {
			return false;
		} else {
			pos++;
		}
	}
	return true;
}

bool spf_is_macro_string(struct spf_span s, enum spf_letters allowed)
{
	size_t tail;

	return is_macro_string(s, allowed, '!', &tail);
}

bool spf_is_explain_string(struct spf_span s)
{
	size_t tail;

	return is_macro_string(s, SPF_LETTERS_OF_EXP, ' ', &tail);
}

/* toplabel: letters, digits and inner hyphens, and not digits alone */
static bool is_top_label(const char *s, size_t len)
{
	size_t digits = 0;

	if (len == 0 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!ascii_is_alnum(s[i]) && s[i] != '-')
			return false;
		digits += ascii_is_digit(s[i]);
	}
	return digits < len;
}

bool spf_is_domain_spec(struct spf_span s)
{
	size_t tail, end = s.len;
	const char *dot;

	if (s.len == 0 || !is_macro_string(s, SPF_LETTERS_OF_NAME, '!', &tail))
		return false;
	if (tail == end)
		return true;
	if (s.at[end - 1] == '.')
		end--;
	dot = memrchr(s.at + tail, '.', end - tail);
	return dot && is_top_label(dot + 1, (size_t)(s.at + end - dot) - 1);
}

/* ---- expansion ---- */

bool spf_uses(struct spf_span s, char letter)
{
	struct macro m;

	for (size_t pos = 0; pos < s.len;) {
		if (s.at[pos] != '%')
			pos++;
		else if (!read_macro(s, &pos, SPF_LETTERS_OF_EXP, &m))
			return false;
		else if (m.letter == letter)
			return true;
	}
	return false;
}

static void add_octet(struct text *out, char c, bool url)
{
	if (url && !ascii_is_alnum(c) && !is_one_of(c, UNRESERVED))
		text_addf(out, "%%%02X", (unsigned)(unsigned char)c);
	else
		text_addc(out, c);
}

static void add_part(struct text *out, const char *part, size_t len, bool url)
{
	for (size_t i = 0; i < len; i++)
		add_octet(out, part[i], url);
}

static bool is_delimiter(struct spf_span delimiters, char c)
{
	return memchr(delimiters.at, c, delimiters.len) != NULL;
}

/* The first keep parts, the last of them first: those that stand at the right when all are turned round. */
static void add_reversed(struct text *out, const struct macro *m, struct spf_span delimiters, struct spf_span value)
{
	size_t parts = 1, end = 0;

	for (; end < value.len; end++) {
		if (is_delimiter(delimiters, value.at[end]) && parts++ == m->keep)
			break;
	}
	for (size_t i = end; i > 0; i--) {
		if (!is_delimiter(delimiters, value.at[i - 1]))
			continue;
		add_part(out, value.at + i, end - i, m->url);
		text_addc(out, '.');
		end = i - 1;
	}
	add_part(out, value.at, end, m->url);
}

/* The last keep parts as they stand. */
static void add_forward(struct text *out, const struct macro *m, struct spf_span delimiters, struct spf_span value)
{
	size_t parts = 1, start = value.len;

	for (; start > 0; start--) {
		if (is_delimiter(delimiters, value.at[start - 1]) && parts++ == m->keep)
			break;
	}
	for (size_t i = start; i < value.len; i++) {
		if (is_delimiter(delimiters, value.at[i]))
			text_addc(out, '.');
		else
			add_octet(out, value.at[i], m->url);
	}
}

/* The value, split at the delimiters, turned round, its last parts kept, and joined with dots (RFC 7208 7.3). */
static void add_transformed(struct text *out, const struct macro *m, struct spf_span value)
{
	struct spf_span delimiters = m->delimiters.len ? m->delimiters : SPF_SPAN(".");

	if (m->reverse)
		add_reversed(out, m, delimiters, value);
	else
		add_forward(out, m, delimiters, value);
}

/* %{i}: IPv6 by nibbles, in the upper case that the suite of RFC 7208 wants */
static void add_client(struct text *out, const struct sluice_ip *ip)
{
	char buf[IP_TEXT_MAX];

	if (ip->family == 4) {
		text_adds(out, ip_format(ip, buf));
		return;
	}
	for (size_t i = 0; i < sizeof ip->bytes; i++)
		text_addf(out, "%s%X.%X", i ? "." : "", ip->bytes[i] >> 4, ip->bytes[i] & 15);
}

static void add_span(struct text *out, struct spf_span s)
{
	text_add(out, s.at, s.len);
}

static void add_value(struct text *out, char letter, const struct spf_macros *m)
{
	char buf[IP_TEXT_MAX];

	switch (letter) {
	case 's':
		add_span(out, m->local);
		text_addc(out, '@');
		add_span(out, m->sender_domain);
		break;
	case 'l':
		add_span(out, m->local);
		break;
	case 'o':
		add_span(out, m->sender_domain);
		break;
	case 'd':
		add_span(out, m->domain);
		break;
	case 'p':
		add_span(out, m->validated);
		break;
	case 'h':
		add_span(out, m->helo);
		break;
	case 'r':
		add_span(out, m->receiver);
		break;
	case 'i':
		add_client(out, &m->client);
		break;
	case 'c':
		text_adds(out, ip_format(&m->client, buf));
		break;
	case 'v':
		text_adds(out, m->client.family == 4 ? "in-addr" : "ip6");
		break;
	case 't':
		text_addf(out, "%lld", (long long)m->now_s);
		break;
	}
}

/* The literal or macro at *pos. False: a value is too long. */
static bool add_next(struct text *out, struct spf_span s, size_t *pos, const struct spf_macros *m)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(SPF_MACRO_VALUE_MAX_BYTES);
	struct macro macro;

	if (s.at[*pos] != '%') {
		text_addc(out, s.at[(*pos)++]);
		return true;
	}
	if (!read_macro(s, pos, SPF_LETTERS_OF_EXP, &macro))
		return false;
	switch (macro.letter) {
	case '%':
		text_addc(out, '%');
		return true;
	case '_':
		text_addc(out, ' ');
		return true;
	case '-':
		text_adds(out, "%20");
		return true;
	}
	add_value(&value, macro.letter, m);
	add_transformed(out, &macro, (struct spf_span){ text_str(&value), value.len });
	return !value.failed;
}

bool spf_expand(struct spf_span s, const struct spf_macros *m, struct text *out)
{
	for (size_t pos = 0; pos < s.len && !out->failed;) {
		if (!add_next(out, s, &pos, m))
			return false;
	}
	return !out->failed;
}

/* ---- names ---- */

bool spf_name_set(struct spf_name *name, const char *bytes, size_t len)
{
	size_t label = 0;

	if (len && bytes[len - 1] == '.')
		len--;
	if (len == 0 || len > SPF_NAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && bytes[i] != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > SPF_LABEL_MAX)
			return false;
		label = 0;
	}
	memcpy(name->text, bytes, len);
	name->text[len] = '\0';
	name->len = len;
	return true;
}

bool spf_name_is_ascii(const struct spf_name *name)
{
	return ascii_only(name->text, name->len);
}

bool spf_target(struct spf_span spec, const struct spf_macros *m, struct spf_name *ret)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(SPF_EXPANSION_MAX_BYTES);
	struct spf_span s;

	if (spec.len == 0)
		return spf_name_set(ret, m->domain.at, m->domain.len);
	if (!ascii_only(m->local.at, m->local.len) && (spf_uses(spec, 'l') || spf_uses(spec, 's')))
		return false;
	if (!spf_expand(spec, m, &text))
		return false;
	s = (struct spf_span){ text_str(&text), text.len };
	if (s.len && s.at[s.len - 1] == '.')
		s.len--;
	while (s.len > SPF_NAME_MAX) {
		const char *dot = memchr(s.at, '.', s.len);

		if (!dot)
			return false;
		s.len -= (size_t)(dot + 1 - s.at);
		s.at = dot + 1;
	}
	return spf_name_set(ret, s.at, s.len);
}

const char *spf_name_for_dns(const struct spf_name *name, char buf[4 * SPF_NAME_MAX + 1])
{
	char *out = buf;

	for (size_t i = 0; i < name->len; i++) {
		unsigned char c = (unsigned char)name->text[i];

		if (c <= ' ' || c > '~' || c == '\\')
			out += snprintf(out, sizeof "\\000", "\\%03u", c);
		else
			*out++ = (char)c;
	}
	*out = '\0';
	return buf;
}
