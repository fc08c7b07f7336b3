/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/mime_param.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/charset.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/header_field.h"

#define VALUE_MAX    1000 /* octets */
#define RAW_MAX      4096 /* of it as it is encoded */
#define SEGMENTS_MAX 64   /* NAME*0 to NAME*63 */

struct param {
	const char *name, *value;
	size_t name_len, value_len;
	bool quoted, open;
};

struct cursor {
	const char *at, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && ascii_is_space(*c->at))
		c->at++;
}

/* The octet behind the quoted string that begins here, or the end. */
static const char *quoted_end(const struct cursor *c, bool *ret_open)
{
	const char *p = c->at + 1;

	while (p < c->end && *p != '"')
		p += *p == '\\' && c->end - p > 1 ? 2 : 1;
	*ret_open = p >= c->end;
	return p < c->end ? p + 1 : c->end;
}

/* Go behind the next semicolon that is in no quoted string. */
static bool next_semicolon(struct cursor *c)
{
	bool open;

	while (c->at < c->end && *c->at != ';')
		c->at = *c->at == '"' ? quoted_end(c, &open) : c->at + 1;
	if (c->at >= c->end)
		return false;
	c->at++;
	return true;
}

/* NAME = VALUE; the value is in quotes, or all before the next semicolon, with the blanks that many leave in. */
static bool next_param(struct cursor *c, struct param *ret)
{
	while (next_semicolon(c)) {
		*ret = (struct param){ 0 };
		skip_space(c);
		ret->name = c->at;
		while (c->at < c->end && !ascii_is_space(*c->at) && !strchr("=;\"", *c->at))
			c->at++;
		ret->name_len = (size_t)(c->at - ret->name);
		skip_space(c);
		if (c->at == c->end || *c->at != '=' || !ret->name_len)
			continue;
		c->at++;
		skip_space(c);
		ret->value = c->at;
		ret->quoted = c->at < c->end && *c->at == '"';
		if (ret->quoted) {
			c->at = quoted_end(c, &ret->open);
			ret->value++;
			ret->value_len = (size_t)(c->at - ret->value) - (ret->open ? 0 : 1);
		} else {
			while (c->at < c->end && *c->at != ';')
				c->at++;
			ret->value_len = (size_t)(c->at - ret->value);
			while (ret->value_len && ascii_is_space(ret->value[ret->value_len - 1]))
				ret->value_len--;
		}
		return true;
	}
	return false;
}

/* Which form of `want` a parameter is: 0 none, '=' NAME, '*' NAME*, 'n' NAME*N or NAME*N* with its number. */
static char form_of(const struct param *p, const char *want, unsigned *ret_number, bool *ret_extended)
{
	size_t len = strlen(want);
	const char *rest = p->name + len, *end = p->name + p->name_len;
	uint64_t number;

	if (p->name_len < len || !ascii_equal(p->name, len, want, len))
		return '\0';
	*ret_extended = p->name_len > len && end[-1] == '*';
	if (rest == end)
		return '=';
	if (*rest++ != '*')
		return '\0';
	if (rest == end)
		return '*';
	if (*ret_extended)
		end--;
	if (!ascii_to_u64(rest, (size_t)(end - rest), SEGMENTS_MAX - 1, &number))
		return '\0';
	*ret_number = (unsigned)number;
	return 'n';
}

static void add_quoted(struct text *out, const struct param *p)
{
	for (size_t i = 0; i < p->value_len; i++) {
		if (p->quoted && p->value[i] == '\\' && i + 1 < p->value_len)
			i++;
		text_addc(out, p->value[i]);
	}
}

static void add_percent(struct text *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int octet = s[i] == '%' && len - i > 2 ? ascii_hex_octet(s + i + 1) : -1;

		text_addc(out, octet >= 0 ? (char)octet : s[i]);
		i += octet >= 0 ? 2 : 0;
	}
}

/* CHARSET'LANGUAGE'TEXT: take off the first two. */
static void take_charset(const char **text, size_t *len, const char **ret_charset, size_t *ret_charset_len)
{
	const char *first = memchr(*text, '\'', *len), *end = *text + *len;
	const char *second = first ? memchr(first + 1, '\'', (size_t)(end - first) - 1) : NULL;

	*ret_charset = *text;
	*ret_charset_len = second ? (size_t)(first - *text) : 0;
	if (second) {
		*text = second + 1;
		*len = (size_t)(end - *text);
	}
}

struct search {
	const char *value, *want;
	size_t len;
	bool decode;
	void (*found)(void *arg, const char *text, size_t len);
	void *arg;
	unsigned odd;
};

/* ISO 2022: ESC begins another set of characters, of two octets or of one. */
static bool changes_charset(const char *s, size_t len)
{
	return len > 2 && s[0] == '\x1b' && (s[1] == '$' || s[1] == '(');
}

static bool has_control(const char *s, size_t len, const char *except)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' && (!s[i] || !strchr(except, s[i])) && !changes_charset(s + i, len - i))
			return true;
	return false;
}

/* Give what was found: octets in a charset, which may be "". */
static void give(struct search *s, const char *charset, size_t charset_len, const struct text *octets, bool extended)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(VALUE_MAX), first = TEXT_INIT(VALUE_MAX);
	const char *bytes = text_str(octets);

	if (extended) {
		charset_to_utf8(&first, charset, charset_len, bytes, octets->len);
	} else {
		s->odd |= ascii_only(bytes, octets->len) ? 0 : MIME_PARAM_EIGHT_BIT;
		header_field_unfold(&first, bytes, octets->len);
	}
	if (s->decode && (!extended || encoded_word_is_in(text_str(&first), first.len))) {
		s->odd |= extended ? MIME_PARAM_BOTH : 0;
		encoded_word_decode(&text, bytes, octets->len);
	} else {
		text_add(&text, text_str(&first), first.len);
	}
	s->odd |= has_control(bytes, octets->len, "\t\r\n") || has_control(text_str(&text), text.len, "") ? MIME_PARAM_CONTROL : 0;
	s->odd |= octets->failed || first.failed || text.failed ? MIME_PARAM_LONG : 0;
	s->found(s->arg, text_str(&text), text.len);
}

static void find_whole(struct search *s, char wanted)
{
	struct cursor c = { s->value, s->value + s->len };
	struct param p;
	unsigned number, count = 0;
	bool extended;

	while (next_param(&c, &p)) {
		SLUICE_CLEANUP(text_done) struct text quoted = TEXT_INIT(RAW_MAX), octets = TEXT_INIT(RAW_MAX);
		const char *charset = "", *text;
		size_t charset_len = 0, len;

		if (form_of(&p, s->want, &number, &extended) != wanted)
			continue;
		if (++count > 1)
			s->odd |= MIME_PARAM_REPEATED;
		s->odd |= p.open ? MIME_PARAM_OPEN : 0;
		add_quoted(&quoted, &p);
		text = text_str(&quoted);
		len = quoted.len;
		if (extended) {
			take_charset(&text, &len, &charset, &charset_len);
			add_percent(&octets, text, len);
		} else {
			text_add(&octets, text, len);
		}
		give(s, charset, charset_len, &octets, extended);
	}
}

/* NAME*0, NAME*1 and so on, those with a * behind with percents, the first of them with the charset (RFC 2231 4.1). */
static void find_segments(struct search *s)
{
	struct cursor c = { s->value, s->value + s->len };
	struct param p, segments[SEGMENTS_MAX] = { 0 };
	SLUICE_CLEANUP(text_done) struct text octets = TEXT_INIT(RAW_MAX), quoted = TEXT_INIT(RAW_MAX), charset_of = TEXT_INIT(RAW_MAX);
	const char *charset = "";
	size_t charset_len = 0;
	bool extended, any = false;
	unsigned number;

	while (next_param(&c, &p)) {
		if (form_of(&p, s->want, &number, &extended) != 'n')
			continue;
		if (segments[number].name)
			s->odd |= MIME_PARAM_REPEATED;
		else
			segments[number] = p;
	}
	for (unsigned i = 0; i < SEGMENTS_MAX && segments[i].name; i++) {
		const char *text;
		size_t len;

		(void)form_of(&segments[i], s->want, &number, &extended);
		s->odd |= segments[i].open ? MIME_PARAM_OPEN : 0;
		text_clear(&quoted);
		add_quoted(&quoted, &segments[i]);
		text = text_str(&quoted);
		len = quoted.len;
		if (extended && i == 0) {
			take_charset(&text, &len, &charset, &charset_len);
			text_add(&charset_of, charset, charset_len);
			charset = text_str(&charset_of);
		}
		if (extended)
			add_percent(&octets, text, len);
		else
			text_add(&octets, text, len);
		any |= extended;
	}
	if (segments[0].name)
		give(s, charset, charset_len, &octets, any);
}

unsigned mime_param_find(const char *value, size_t len, const char *want, bool decode, void (*found)(void *arg, const char *text, size_t len), void *arg)
{
	struct search s = { value, want, len, decode, found, arg, 0 };

	find_whole(&s, '*');
	find_segments(&s);
	find_whole(&s, '=');
	return s.odd;
}
