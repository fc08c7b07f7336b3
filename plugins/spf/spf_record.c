/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/spf/spf_record.h"

#include <arpa/inet.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"

#define VERSION     "v=spf1"
#define VERSION_LEN (sizeof VERSION - 1)
#define PREFIX4_MAX 32
#define PREFIX6_MAX 128

/* What may follow the name of a mechanism. */
enum argument {
	ARGUMENT_NONE,
	ARGUMENT_SPEC,
	ARGUMENT_OPTIONAL_SPEC,
	ARGUMENT_OPTIONAL_SPEC_AND_PREFIX,
	ARGUMENT_NETWORK,
};

static const struct mechanism {
	const char *name;
	enum spf_kind kind;
	enum argument argument;
} mechanisms[] = {
	{ "all", SPF_ALL, ARGUMENT_NONE },
	{ "include", SPF_INCLUDE, ARGUMENT_SPEC },
	{ "a", SPF_A, ARGUMENT_OPTIONAL_SPEC_AND_PREFIX },
	{ "mx", SPF_MX, ARGUMENT_OPTIONAL_SPEC_AND_PREFIX },
	{ "ptr", SPF_PTR, ARGUMENT_OPTIONAL_SPEC },
	{ "ip4", SPF_IP4, ARGUMENT_NETWORK },
	{ "ip6", SPF_IP6, ARGUMENT_NETWORK },
	{ "exists", SPF_EXISTS, ARGUMENT_SPEC },
};

static struct spf_span without_first(struct spf_span s, size_t octets)
{
	return (struct spf_span){ s.at + octets, s.len - octets };
}

static bool has_version(struct spf_span s)
{
	return s.len >= VERSION_LEN && ascii_equals(s.at, VERSION_LEN, VERSION) &&
	       (s.len == VERSION_LEN || s.at[VERSION_LEN] == ' ');
}

enum spf_choice spf_record_choose(const struct sluice_dns_answer *txt, struct spf_span *ret)
{
	const struct sluice_dns_record *found = NULL;

	for (size_t i = 0; i < txt->count; i++) {
		if (!has_version((struct spf_span){ txt->records[i].data, txt->records[i].len }))
			continue;
		if (found)
			return SPF_SEVERAL_RECORDS;
		found = &txt->records[i];
	}
	if (!found)
		return SPF_NO_RECORD;
	*ret = (struct spf_span){ found->data, found->len };
	return SPF_ONE_RECORD;
}

/*
 * Take a prefix length off the end, if there is one: slashes, then digits. False: it is over max, or has a leading zero.
 * "a/24" has none with two slashes, and a slash that is left over fails as part of a domain-spec.
 */
static bool take_prefix(struct spf_span *s, const char *slashes, uint8_t max, uint8_t *ret)
{
	size_t digits = 0, slash_len = strlen(slashes);
	const char *number;
	uint64_t value;

	while (digits < s->len && ascii_is_digit(s->at[s->len - 1 - digits]))
		digits++;
	if (digits == 0 || s->len - digits < slash_len)
		return true;
	number = s->at + s->len - digits;
	if (memcmp(number - slash_len, slashes, slash_len) != 0)
		return true;
	if ((digits > 1 && number[0] == '0') || !ascii_to_u64(number, digits, max, &value))
		return false;
	*ret = (uint8_t)value;
	s->len -= digits + slash_len;
	return true;
}

static bool read_network(struct spf_term *t, struct spf_span argument)
{
	bool v4 = t->kind == SPF_IP4;
	char text[IP_TEXT_MAX] = "";

	if (!take_prefix(&argument, "/", v4 ? PREFIX4_MAX : PREFIX6_MAX, v4 ? &t->prefix4 : &t->prefix6))
		return false;
	if (argument.len >= sizeof text || memchr(argument.at, '\0', argument.len))
		return false;
	memcpy(text, argument.at, argument.len);
	t->ip.family = v4 ? 4 : 6; /* not by ip_parse(), which makes IPv4 of what is mapped */
	return inet_pton(v4 ? AF_INET : AF_INET6, text, t->ip.bytes) == 1;
}

static bool read_argument(struct spf_term *t, enum argument kind, struct spf_span rest)
{
	bool colon = rest.len > 0 && rest.at[0] == ':';

	if (colon)
		rest = without_first(rest, 1);
	switch (kind) {
	case ARGUMENT_NONE:
		return !colon && rest.len == 0;
	case ARGUMENT_NETWORK:
		return colon && read_network(t, rest);
	case ARGUMENT_OPTIONAL_SPEC_AND_PREFIX:
		if (!take_prefix(&rest, "//", PREFIX6_MAX, &t->prefix6) ||
			!take_prefix(&rest, "/", PREFIX4_MAX, &t->prefix4))
			return false;
		break;
	case ARGUMENT_SPEC:
	case ARGUMENT_OPTIONAL_SPEC:
		break;
	}
	t->spec = rest;
	if (colon)
		return spf_is_domain_spec(rest);
	return rest.len == 0 && kind != ARGUMENT_SPEC;
}

static bool read_directive(struct spf_span s, struct spf_term *t)
{
	size_t name_len = 0;

	t->qualifier = '+';
	t->prefix4 = PREFIX4_MAX;
	t->prefix6 = PREFIX6_MAX;
	if (memchr("+-~?", s.at[0], 4)) {
		t->qualifier = s.at[0];
		s = without_first(s, 1);
	}
	while (name_len < s.len && ascii_is_alnum(s.at[name_len]))
		name_len++;
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		if (!ascii_equals(s.at, name_len, mechanisms[i].name))
			continue;
		t->kind = mechanisms[i].kind;
		return read_argument(t, mechanisms[i].argument, without_first(s, name_len));
	}
	return false;
}

/* The length of a modifier's name with its =; 0: the term is no modifier. */
static size_t modifier_name(struct spf_span s)
{
	size_t len = 0;

	if (!ascii_is_alpha(s.at[0]))
		return 0;
	while (len < s.len && (ascii_is_alnum(s.at[len]) || memchr("-_.", s.at[len], 3)))
		len++;
	return len < s.len && s.at[len] == '=' ? len + 1 : 0;
}

static bool read_modifier(struct spf_span s, size_t name_len, struct spf_term *t)
{
	t->spec = without_first(s, name_len);
	if (ascii_equals(s.at, name_len, "redirect="))
		t->kind = SPF_REDIRECT;
	else if (ascii_equals(s.at, name_len, "exp="))
		t->kind = SPF_EXP;
	else
		t->kind = SPF_UNKNOWN_MODIFIER;
	if (t->kind == SPF_UNKNOWN_MODIFIER)
		return spf_is_macro_string(t->spec, SPF_LETTERS_OF_EXP);
	return spf_is_domain_spec(t->spec);
}

static bool read_term(struct spf_span s, struct spf_term *ret)
{
	size_t name_len = modifier_name(s);

	*ret = (struct spf_term){ .text = s };
	return name_len ? read_modifier(s, name_len, ret) : read_directive(s, ret);
}

/* The octets of the next term; *pos moves behind them. Terms are apart by blanks, and only by those. */
static bool next_span(struct spf_span record, size_t *pos, struct spf_span *ret)
{
	size_t start = *pos ? *pos : VERSION_LEN, end;

	while (start < record.len && record.at[start] == ' ')
		start++;
	for (end = start; end < record.len && record.at[end] != ' ';)
		end++;
	*pos = end;
	*ret = (struct spf_span){ record.at + start, end - start };
	return end > start;
}

bool spf_record_next(const struct spf_record *r, size_t *pos, struct spf_term *ret)
{
	struct spf_span s;

	return next_span(r->text, pos, &s) && read_term(s, ret);
}

/* redirect and exp may stand once (RFC 7208 6). */
static bool note_modifier(struct spf_record *r, const struct spf_term *t)
{
	struct spf_span *place;

	if (t->kind != SPF_REDIRECT && t->kind != SPF_EXP)
		return true;
	place = t->kind == SPF_REDIRECT ? &r->redirect : &r->exp;
	if (place->len)
		return false;
	*place = t->spec;
	return true;
}

bool spf_record_parse(struct spf_span text, struct spf_record *ret)
{
	struct spf_record r = { .text = text };
	struct spf_span s;
	struct spf_term t;

	if (text.len > SPF_RECORD_MAX_BYTES || !has_version(text))
		return false;
	for (size_t pos = 0; next_span(text, &pos, &s);) {
		if (!read_term(s, &t) || !note_modifier(&r, &t))
			return false;
	}
	*ret = r;
	return true;
}
