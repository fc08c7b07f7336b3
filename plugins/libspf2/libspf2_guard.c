/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/libspf2/libspf2_guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"

#define VERSION "v=spf1"

/* ---- macro-string, domain-spec (RFC 7208 7.1) ---- */

enum letters { LETTERS_OF_DOMAIN, LETTERS_OF_EXPLANATION };

static const char *const letters[] = {
	[LETTERS_OF_DOMAIN] = "slodiphv",
	[LETTERS_OF_EXPLANATION] = "slodiphvcrt",
};

static const char delimiters[] = ".-+,/_=";

/* One macro-expand. */
struct macro {
	char letter; /* as written; %, _ or - for %% %_ %- */
	bool url;    /* upper case: to be URL-escaped */
	bool reverse;
	size_t keep; /* parts at the right; 0: all */
	struct guard_span delims;
};

/* Read what stands behind the % at *pos, and move *pos behind it. */
static bool read_macro(struct guard_span s, size_t *pos, const char *allowed, struct macro *ret)
{
	struct macro m = { 0 };
	size_t at = *pos + 1;

	if (at < s.len && (s.at[at] == '%' || s.at[at] == '_' || s.at[at] == '-')) {
		m.letter = s.at[at];
		*pos = at + 1;
		*ret = m;
		return true;
	}
	if (s.len - *pos < 4 || s.at[at++] != '{')
		return false;
	m.letter = ascii_lower(s.at[at]);
	m.url = m.letter != s.at[at];
	if (!ascii_is_alpha(m.letter) || !strchr(allowed, m.letter))
		return false;
	at++;
	if (at < s.len && ascii_is_digit(s.at[at])) {
		for (; at < s.len && ascii_is_digit(s.at[at]); at++)
			m.keep = m.keep < GUARD_MAX_PARTS ? m.keep * 10 + (size_t)(s.at[at] - '0') : m.keep;
		if (m.keep == 0)
			return false;
	}
	if (at < s.len && ascii_lower(s.at[at]) == 'r') {
		m.reverse = true;
		at++;
	}
	m.delims.at = s.at + at;
	while (at < s.len && s.at[at] && strchr(delimiters, s.at[at])) {
		m.delims.len++;
		at++;
	}
	if (at == s.len || s.at[at] != '}')
		return false;
	*pos = at + 1;
	*ret = m;
	return true;
}

/* *ret_tail is where the literal text at its end begins. */
static bool is_macro_string(struct guard_span s, const char *allowed, bool spaces, size_t *ret_tail)
{
	size_t pos = 0;

	*ret_tail = 0;
	while (pos < s.len) {
		struct macro m;

		if (s.at[pos] == '%') {
			if (!read_macro(s, &pos, allowed, &m))
				return false;
			*ret_tail = pos;
			continue;
		}
		if (s.at[pos] < (spaces ? 0x20 : 0x21) || s.at[pos] > 0x7e)
			return false;
		pos++;
	}
	return true;
}

static bool is_toplabel(const char *s, size_t len)
{
	bool letter_or_hyphen = false;

	if (len == 0 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!ascii_is_alnum(s[i]) && s[i] != '-')
			return false;
		if (!ascii_is_digit(s[i]))
			letter_or_hyphen = true;
	}
	return letter_or_hyphen;
}

static bool is_domain_spec(struct guard_span s)
{
	const char *dot;
	size_t tail, end = s.len;

	if (s.len == 0 || !is_macro_string(s, letters[LETTERS_OF_DOMAIN], false, &tail))
		return false;
	if (tail == s.len)
		return true;
	if (s.at[end - 1] == '.')
		end--;
	dot = memrchr(s.at + tail, '.', end - tail);
	return dot && is_toplabel(dot + 1, (size_t)(s.at + end - dot) - 1);
}

bool guard_is_explanation(struct guard_span text)
{
	size_t tail;

	return is_macro_string(text, letters[LETTERS_OF_EXPLANATION], true, &tail);
}

bool guard_uses_validated(struct guard_span spec)
{
	struct macro m;

	for (size_t pos = 0; pos < spec.len;) {
		if (spec.at[pos] != '%') {
			pos++;
			continue;
		}
		if (!read_macro(spec, &pos, letters[LETTERS_OF_EXPLANATION], &m))
			return false;
		if (m.letter == 'p')
			return true;
	}
	return false;
}

/* ---- records and terms ---- */

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_OPTIONAL, ARGUMENT_OPTIONAL_PREFIX, ARGUMENT_NETWORK };

static const struct mechanism {
	const char *name;
	enum guard_kind kind;
	enum argument argument;
} mechanisms[] = {
	{ "all", GUARD_ALL, ARGUMENT_NONE },
	{ "include", GUARD_INCLUDE, ARGUMENT_NEEDED },
	{ "a", GUARD_A, ARGUMENT_OPTIONAL_PREFIX },
	{ "mx", GUARD_MX, ARGUMENT_OPTIONAL_PREFIX },
	{ "ptr", GUARD_PTR, ARGUMENT_OPTIONAL },
	{ "ip4", GUARD_IP4, ARGUMENT_NETWORK },
	{ "ip6", GUARD_IP6, ARGUMENT_NETWORK },
	{ "exists", GUARD_EXISTS, ARGUMENT_NEEDED },
};

static bool is_version(const char *s, size_t len)
{
	const size_t version_len = sizeof VERSION - 1;

	return len >= version_len && ascii_equals(s, version_len, VERSION) &&
	       (len == version_len || s[version_len] == ' ');
}

enum guard_choice guard_choose(const struct sluice_dns_answer *txt, struct guard_span *ret)
{
	enum guard_choice choice = GUARD_NO_RECORD;

	for (size_t i = 0; i < txt->count; i++) {
		if (!is_version(txt->records[i].data, txt->records[i].len))
			continue;
		if (choice == GUARD_ONE_RECORD)
			return GUARD_SEVERAL_RECORDS;
		choice = GUARD_ONE_RECORD;
		*ret = (struct guard_span){ txt->records[i].data, txt->records[i].len };
	}
	return choice;
}

/* Take "/N" off the end. False: N is no prefix length up to max; true too when there is no such end. */
static bool take_prefix(struct guard_span *s, const char *slashes, unsigned max, uint8_t *ret)
{
	size_t digits = 0, slash_len = strlen(slashes);
	uint64_t number;

	while (digits < s->len && ascii_is_digit(s->at[s->len - 1 - digits]))
		digits++;
	if (digits == 0 || s->len - digits < slash_len ||
		memcmp(s->at + s->len - digits - slash_len, slashes, slash_len) != 0)
		return true;
	if (!ascii_to_u64(s->at + s->len - digits, digits, max, &number) ||
		(digits > 1 && s->at[s->len - digits] == '0'))
		return false;
	*ret = (uint8_t)number;
	s->len -= digits + slash_len;
	return true;
}

static bool read_network(struct guard_term *t, struct guard_span argument)
{
	bool v4 = t->kind == GUARD_IP4;
	char text[IP_TEXT_MAX];

	if (!take_prefix(&argument, "/", v4 ? 32 : 128, v4 ? &t->prefix4 : &t->prefix6))
		return false;
	if (argument.len >= sizeof text)
		return false;
	memcpy(text, argument.at, argument.len);
	text[argument.len] = '\0';
	return strlen(text) == argument.len && inet_pton(v4 ? AF_INET : AF_INET6, text, t->network) == 1;
}

static bool read_argument(struct guard_term *t, enum argument kind, struct guard_span rest)
{
	bool colon = rest.len > 0 && rest.at[0] == ':';

	if (colon)
		rest = (struct guard_span){ rest.at + 1, rest.len - 1 };
	switch (kind) {
	case ARGUMENT_NONE:
		return !colon && rest.len == 0;
	case ARGUMENT_NETWORK:
		return colon && read_network(t, rest);
	case ARGUMENT_OPTIONAL_PREFIX:
		if (!take_prefix(&rest, "//", 128, &t->prefix6) || !take_prefix(&rest, "/", 32, &t->prefix4))
			return false;
		break;
	case ARGUMENT_NEEDED:
	case ARGUMENT_OPTIONAL:
		break;
	}
	t->spec = rest;
	return colon ? is_domain_spec(rest) : rest.len == 0 && kind != ARGUMENT_NEEDED;
}

static bool read_directive(struct guard_span s, struct guard_term *ret)
{
	size_t name_len = 0;

	ret->qualifier = '+';
	ret->prefix4 = 32;
	ret->prefix6 = 128;
	if (memchr("+-~?", s.at[0], 4)) {
		ret->qualifier = s.at[0];
		s = (struct guard_span){ s.at + 1, s.len - 1 };
	}
	while (name_len < s.len && ascii_is_alnum(s.at[name_len]))
		name_len++;
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (!ascii_equals(s.at, name_len, mechanisms[i].name))
			continue;
		ret->kind = mechanisms[i].kind;
		return read_argument(
			ret, mechanisms[i].argument, (struct guard_span){ s.at + name_len, s.len - name_len });
	}
	return false;
}

/* Length of the name of a modifier, with its =; 0: the term is none. */
static size_t modifier_name(struct guard_span s)
{
	size_t i = 0;

	if (!ascii_is_alpha(s.at[0]))
		return 0;
	while (i < s.len && (ascii_is_alnum(s.at[i]) || memchr("-_.", s.at[i], 3)))
		i++;
	return i < s.len && s.at[i] == '=' ? i + 1 : 0;
}

static bool read_term(struct guard_span s, struct guard_term *ret)
{
	size_t name_len = modifier_name(s), tail;

	*ret = (struct guard_term){ .text = s };
	if (!name_len)
		return read_directive(s, ret);

	ret->spec = (struct guard_span){ s.at + name_len, s.len - name_len };
	if (ascii_equals(s.at, name_len, "redirect="))
		ret->kind = GUARD_REDIRECT;
	else if (ascii_equals(s.at, name_len, "exp="))
		ret->kind = GUARD_EXPLANATION;
	else
		ret->kind = GUARD_OTHER_MODIFIER;
	return ret->kind == GUARD_OTHER_MODIFIER
	               ? is_macro_string(ret->spec, letters[LETTERS_OF_EXPLANATION], false, &tail)
	               : is_domain_spec(ret->spec);
}

/* The octets of the next term behind *pos. */
static bool next_span(struct guard_span record, size_t *pos, struct guard_span *ret)
{
	size_t start = *pos ? *pos : sizeof VERSION - 1, end;

	while (start < record.len && record.at[start] == ' ')
		start++;
	for (end = start; end < record.len && record.at[end] != ' ';)
		end++;
	*pos = end;
	*ret = (struct guard_span){ record.at + start, end - start };
	return end > start;
}

bool guard_next(const struct guard_record *r, size_t *pos, struct guard_term *ret)
{
	struct guard_span s;

	return next_span(r->text, pos, &s) && read_term(s, ret);
}

bool guard_parse(struct guard_span text, struct guard_record *ret)
{
	struct guard_record r = { .text = text };
	struct guard_span s;

	if (text.len > GUARD_RECORD_MAX_BYTES || !is_version(text.at, text.len))
		return false;
	for (size_t pos = 0; next_span(text, &pos, &s);) {
		struct guard_span *once = NULL;
		struct guard_term t;

		if (!read_term(s, &t))
			return false;
		if (t.kind == GUARD_REDIRECT)
			once = &r.redirect;
		if (t.kind == GUARD_EXPLANATION)
			once = &r.explanation;
		if (once && once->len) /* RFC 7208 6 */
			return false;
		if (once)
			*once = t.spec;
	}
	*ret = r;
	return true;
}

/* ---- expansion ---- */

static bool add_part(struct text *out, struct guard_span part, bool url)
{
	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.at[i];

		if (url && !ascii_is_alnum((char)c) && !(c && strchr("-._~", c)))
			text_addf(out, "%%%02X", c);
		else
			text_addc(out, (char)c);
	}
	return !out->failed;
}

static bool add_parts(struct text *out, const struct macro *m, struct guard_span value)
{
	struct guard_span delims = m->delims.len ? m->delims : (struct guard_span){ ".", 1 };
	struct guard_span parts[GUARD_MAX_PARTS] = { { value.at, 0 } };
	size_t count = 1, keep;

	for (size_t i = 0; i < value.len; i++) {
		if (!memchr(delims.at, value.at[i], delims.len)) {
			parts[count - 1].len++;
			continue;
		}
		if (count == GUARD_MAX_PARTS)
			return false;
		parts[count++] = (struct guard_span){ value.at + i + 1, 0 };
	}
	keep = m->keep && m->keep < count ? m->keep : count;
	for (size_t i = 0; i < keep; i++) {
		if (i)
			text_addc(out, '.');
		if (!add_part(out, parts[m->reverse ? keep - 1 - i : count - keep + i], m->url))
			return false;
	}
	return !out->failed;
}

/* Labels for %{i}: IPv6 by nibbles. */
static void add_client_labels(struct text *out, const struct sluice_ip *ip)
{
	char buf[IP_TEXT_MAX];

	if (ip->family == 4) {
		text_adds(out, ip_format(ip, buf));
		return;
	}
	for (size_t i = 0; i < sizeof ip->bytes; i++)
		text_addf(out, "%s%X.%X", i ? "." : "", ip->bytes[i] >> 4, ip->bytes[i] & 15);
}

static void add_value(struct text *out, char letter, const struct guard_macros *m)
{
	const struct guard_span *span = NULL;
	char buf[IP_TEXT_MAX];

	switch (letter) {
	case 's':
		text_add(out, m->local.at, m->local.len);
		text_addc(out, '@');
		span = &m->sender_domain;
		break;
	case 'l':
		span = &m->local;
		break;
	case 'o':
		span = &m->sender_domain;
		break;
	case 'd':
		span = &m->domain;
		break;
	case 'p':
		span = &m->validated;
		break;
	case 'h':
		span = &m->helo;
		break;
	case 'r':
		span = &m->receiver;
		break;
	case 'i':
		add_client_labels(out, &m->client);
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
	if (span)
		text_add(out, span->at, span->len);
}

static bool add_macro(struct text *out, const struct macro *macro, const struct guard_macros *m)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(GUARD_EXPANSION_MAX_BYTES);

	add_value(&value, macro->letter, m);
	return !value.failed && add_parts(out, macro, (struct guard_span){ text_str(&value), value.len });
}

bool guard_expand(struct guard_span spec, const struct guard_macros *m, struct text *out)
{
	for (size_t pos = 0; pos < spec.len && !out->failed;) {
		struct macro macro;

		if (spec.at[pos] != '%') {
			text_addc(out, spec.at[pos++]);
			continue;
		}
		if (!read_macro(spec, &pos, letters[LETTERS_OF_EXPLANATION], &macro))
			return false;
		if (macro.letter == '%')
			text_addc(out, '%');
		else if (macro.letter == '_')
			text_addc(out, ' ');
		else if (macro.letter == '-')
			text_adds(out, "%20");
		else if (!add_macro(out, &macro, m))
			return false;
	}
	return !out->failed;
}

/* ---- names ---- */

bool guard_name_set(struct guard_name *name, const char *bytes, size_t len)
{
	size_t label = 0;

	if (len && bytes[len - 1] == '.')
		len--;
	if (len == 0 || len > GUARD_NAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && bytes[i] != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > 63)
			return false;
		label = 0;
	}
	memcpy(name->text, bytes, len);
	name->text[len] = '\0';
	name->len = len;
	return true;
}

bool guard_target(struct guard_span spec, const struct guard_macros *m, struct guard_name *ret)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(GUARD_EXPANSION_MAX_BYTES);
	struct guard_span s;

	if (spec.len == 0)
		return guard_name_set(ret, m->domain.at, m->domain.len);
	if (!guard_expand(spec, m, &text))
		return false;
	s = (struct guard_span){ text_str(&text), text.len };
	if (s.len && s.at[s.len - 1] == '.')
		s.len--;
	while (s.len > GUARD_NAME_MAX) {
		const char *dot = memchr(s.at, '.', s.len);

		if (!dot)
			return false;
		s.len -= (size_t)(dot + 1 - s.at);
		s.at = dot + 1;
	}
	return guard_name_set(ret, s.at, s.len);
}

bool guard_is_domain(const struct guard_name *name)
{
	return name->text[0] != '[' && memchr(name->text, '.', name->len);
}

const char *guard_dns_text(const struct guard_name *name, char buf[4 * GUARD_NAME_MAX + 1])
{
	char *out = buf;

	for (size_t i = 0; i < name->len; i++) {
		unsigned char c = (unsigned char)name->text[i];

		if (c <= ' ' || c > '~' || c == '\\')
			out += sprintf(out, "\\%03u", c);
		else
			*out++ = (char)c;
	}
	*out = '\0';
	return buf;
}

/* ---- limits, and what libspf2 gets ---- */

bool guard_count_term(struct guard_limits *l)
{
	return ++l->terms <= GUARD_MAX_TERMS;
}

bool guard_count_void(struct guard_limits *l)
{
	return ++l->voids <= GUARD_MAX_VOIDS;
}

const char *guard_clean_record(
	const struct guard_term *t, const struct sluice_ip *client, char buf[GUARD_CLEAN_MAX], bool *ret_any)
{
	static const char *const words[] = {
		[GUARD_A] = "a:" GUARD_CLEAN_TARGET,
		[GUARD_MX] = "mx:" GUARD_CLEAN_TARGET,
		[GUARD_PTR] = "ptr:" GUARD_CLEAN_TARGET,
		[GUARD_IP4] = "ip4:",
		[GUARD_IP6] = "ip6:",
		[GUARD_EXISTS] = "exists:" GUARD_CLEAN_TARGET,
	};
	bool is_network = t->kind == GUARD_IP4 || t->kind == GUARD_IP6;
	bool has_prefix = is_network || t->kind == GUARD_A || t->kind == GUARD_MX;
	bool v4 = is_network ? t->kind == GUARD_IP4 : client->family == 4;
	unsigned prefix = v4 ? t->prefix4 : t->prefix6;
	char network[IP_TEXT_MAX] = "";
	const uint8_t *address = t->network;

	*ret_any = has_prefix && prefix == 0;
	if (*ret_any && (client->family == 4) == v4)
		address = client->bytes;
	if (is_network && !inet_ntop(v4 ? AF_INET : AF_INET6, address, network, sizeof network))
		network[0] = '\0';
	if (!has_prefix || *ret_any)
		snprintf(buf, GUARD_CLEAN_MAX, VERSION " %s%s", words[t->kind], network);
	else
		snprintf(buf, GUARD_CLEAN_MAX, VERSION " %s%s%s%u", words[t->kind], network,
			v4 || is_network ? "/" : "//", prefix);
	return buf;
}
