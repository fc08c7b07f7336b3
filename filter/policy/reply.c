/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"

/* "5.7.1 ": class, subject and detail of RFC 3463. Octets, or 0. */
static size_t dsn_len(const char *s)
{
	size_t digits[3] = { 0 }, i = 0;

	for (int part = 0; part < 3; part++) {
		for (; ascii_is_digit(s[i]); i++)
			digits[part]++;
		if (digits[part] < 1 || digits[part] > 3 || (part < 2 && s[i++] != '.'))
			return 0;
	}
	return digits[0] == 1 && (s[i] == ' ' || s[i] == '\0') ? i : 0;
}

/* Codes at the start, or the usual ones. *text moves to what follows them. */
static int read_codes(struct reply *r, unsigned severity, const char **text, struct arena *arena, struct err *reterr)
{
	const char *s = *text;
	size_t len;

	r->code = severity == 4 ? 451 : 550;
	r->dsn = severity == 4 ? "4.7.1" : "5.7.1";
	if (ascii_is_digit(s[0]) && ascii_is_digit(s[1]) && ascii_is_digit(s[2]) && (s[3] == ' ' || s[3] == '\0')) {
		r->code = (unsigned)strtoul(s, NULL, 10);
		if (r->code / 100 != severity)
			return place_error(r->place, reterr, "a reply of this action begins with %u, not with %.3s", severity, s);
		s += s[3] ? 4 : 3;
	}
	len = dsn_len(s);
	if (len) {
		if ((unsigned)(s[0] - '0') != severity)
			return place_error(r->place, reterr, "the enhanced status code begins with %u, as the code does, not with %.*s", severity,
				(int)len, s);
		r->dsn = arena_copy(arena, s, len);
		if (!r->dsn)
			return err_set(reterr, -ENOMEM, "out of memory");
		s += len + (s[len] == ' ');
	}
	if (!*s)
		return place_error(r->place, reterr, "a reply needs a text after its codes");
	*text = s;
	return 0;
}

static int add_fact(struct reply *r, const char *name, size_t len, const struct catalog *catalog, struct reply_part *part, struct err *reterr)
{
	char text[128];
	const char *near;
	int found;

	if (len >= sizeof text)
		return place_error(r->place, reterr, "{%.*s...} names no fact", 60, name);
	memcpy(text, name, len);
	text[len] = '\0';
	found = catalog_find(catalog, text);
	if (found < 0) {
		near = catalog_suggest(catalog, text);
		return place_error(r->place, reterr, "{%s}: there is no such fact%s%s%s", text, near ? ": did you mean '" : "",
			near ? near : ": sluice-rules(5) lists them", near ? "'?" : "");
	}
	*part = (struct reply_part){ .fact = (unsigned)found };
	return 0;
}

static int read_parts(struct reply *r, const char *s, const struct catalog *catalog, struct arena *arena, struct err *reterr)
{
	VEC(struct reply_part) parts = { 0 };
	SLUICE_CLEANUP(text_done) struct text literal = TEXT_INIT(REPLY_TEXT_MAX);
	int result = 0;

	while (result == 0) {
		struct reply_part part = { 0 };
		bool end = *s == '\0';
		bool fact = *s == '{';

		if (!end && !fact) {
			if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
				result = place_error(r->place, reterr, "a text in SMTP is printable ASCII");
			if (*s == '\\' && (s[1] == '{' || s[1] == '}'))
				s++;
			else if (*s == '}')
				result = place_error(r->place, reterr, "a '}' without its '{': write \\} for the character itself");
			text_addc(&literal, *s++);
			if (literal.failed)
				result = place_error(r->place, reterr, "longer than %d octets", REPLY_TEXT_MAX);
			continue;
		}
		if (literal.len) {
			part.literal = arena_copy(arena, text_str(&literal), literal.len);
			if (!part.literal || !vec_push(&parts, part))
				result = err_set(reterr, -ENOMEM, "out of memory");
			text_clear(&literal);
		}
		if (end)
			break;
		if (result == 0) {
			const char *close = strchr(s, '}');

			if (!close)
				result = place_error(r->place, reterr, "a '{' without its '}': write \\{ for the character itself");
			else
				result = add_fact(r, s + 1, (size_t)(close - s) - 1, catalog, &part, reterr);
			if (result == 0 && !vec_push(&parts, part))
				result = err_set(reterr, -ENOMEM, "out of memory");
			if (result == 0)
				s = close + 1;
		}
	}
	if (result == 0) {
		r->parts = (const struct reply_part *)(void *)arena_copy(arena, parts.items, parts.len * sizeof *parts.items);
		r->count = parts.len;
		if (!r->parts)
			result = err_set(reterr, -ENOMEM, "out of memory");
	}
	vec_done(&parts);
	return result;
}

int reply_parse(const struct token *token, unsigned severity, const struct catalog *catalog, struct arena *arena,
	const struct reply **ret, struct err *reterr)
{
	struct reply *r = arena_alloc(arena, sizeof *r);
	const char *text = token->text;
	int result = 0;

	if (!r)
		return err_set(reterr, -ENOMEM, "out of memory");
	r->place = token->place;
	if (severity)
		result = read_codes(r, severity, &text, arena, reterr);
	if (result == 0)
		result = read_parts(r, text, catalog, arena, reterr);
	if (result == 0)
		*ret = r;
	return result;
}

void reply_expand(struct text *out, const struct reply *r, const struct value *facts, const struct catalog *catalog)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct reply_part *part = &r->parts[i];
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(64u << 10);
		const char *bytes;
		size_t len;

		if (part->literal) {
			text_adds(out, part->literal);
			continue;
		}
		if (facts[part->fact].known)
			value_print(&value, &facts[part->fact], catalog->facts.items[part->fact].words);
		else
			text_addc(&value, '?');
		out->starved |= value.starved;
		bytes = text_str(&value);
		len = value.len > REPLY_FACT_MAX ? REPLY_FACT_MAX - 3 : value.len;
		for (size_t j = 0; j < len; j++)
			text_addc(out, (unsigned char)bytes[j] < 0x20 || (unsigned char)bytes[j] >= 0x7f ? '?' : bytes[j]);
		if (len < value.len)
			text_adds(out, "...");
	}
}
