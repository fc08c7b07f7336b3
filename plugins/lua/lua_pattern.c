/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/lua/lua_pattern.h"

#include <string.h>

#include "filter/base/ascii.h"

#define ESCAPE '%'

static const char *fail(struct lua_pattern *m, const char *why)
{
	m->error = why;
	return NULL;
}

/* The locale is "C", and these are its classes. */
static bool in_class(unsigned char c, char class)
{
	char small = (char)(class | 0x20);
	bool printing = c > 0x20 && c < 0x7F, letter = ascii_is_alpha((char)c), digit = ascii_is_digit((char)c), is;

	switch (small) {
	case 'a':
		is = letter;
		break;
	case 'c':
		is = c < 0x20 || c == 0x7F;
		break;
	case 'd':
		is = digit;
		break;
	case 'g':
		is = printing;
		break;
	case 'l':
		is = c >= 'a' && c <= 'z';
		break;
	case 'p':
		is = printing && !letter && !digit;
		break;
	case 's':
		is = c == ' ' || (c >= '\t' && c <= '\r');
		break;
	case 'u':
		is = c >= 'A' && c <= 'Z';
		break;
	case 'w':
		is = letter || digit;
		break;
	case 'x':
		is = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		break;
	case 'z':
		is = c == 0;
		break;
	default:
		return (unsigned char)class == c;
	}
	return ascii_is_alpha(class) && class != small ? !is : is;
}

/* What follows the one-character item at p; NULL with m->error. */
static const char *item_end(struct lua_pattern *m, const char *p)
{
	char first = *p++;

	if (first == ESCAPE)
		return p < m->pattern_end ? p + 1 : fail(m, "malformed pattern (ends with '%')");
	if (first != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* a ']' that comes first stands for itself */
		if (p >= m->pattern_end)
			return fail(m, "malformed pattern (missing ']')");
		if (*p++ == ESCAPE)
			p++;
	} while (p >= m->pattern_end || *p != ']');
	return p + 1;
}

/* set: its '['; end: its ']'. */
static bool in_set(unsigned char c, const char *set, const char *end)
{
	bool yes = true;

	if (set[1] == '^') {
		yes = false;
		set++;
	}
	while (++set < end) {
		if (*set == ESCAPE) {
			if (in_class(c, *++set))
				return yes;
		} else if (set + 2 < end && set[1] == '-') {
			if ((unsigned char)set[0] <= c && c <= (unsigned char)set[2])
				return yes;
			set += 2;
		} else if ((unsigned char)*set == c) {
			return yes;
		}
	}
	return !yes;
}

static bool single(struct lua_pattern *m, const char *s, const char *p, const char *end)
{
	if (m->steps <= 0) {
		m->error = "the pattern takes too long";
		return false;
	}
	m->steps--;
	if (s >= m->subject_end)
		return false;
	switch (*p) {
	case '.':
		return true;
	case ESCAPE:
		return in_class((unsigned char)*s, p[1]);
	case '[':
		m->steps -= (end - p) / 8;
		return in_set((unsigned char)*s, p, end - 1);
	default:
		return *p == *s;
	}
}

static const char *as_many(struct lua_pattern *m, const char *s, const char *p, const char *end)
{
	ptrdiff_t n = 0;

	while (single(m, s + n, p, end))
		n++;
	for (; n >= 0 && !m->error; n--) {
		const char *got = lua_pattern_match(m, s + n, end + 1);

		if (got)
			return got;
		m->steps--;
	}
	return NULL;
}

static const char *as_few(struct lua_pattern *m, const char *s, const char *p, const char *end)
{
	for (; !m->error; s++) {
		const char *got = lua_pattern_match(m, s, end + 1);

		if (got || !single(m, s, p, end))
			return got;
	}
	return NULL;
}

static const char *open_capture(struct lua_pattern *m, const char *s, const char *p, ptrdiff_t kind)
{
	const char *got;

	if (m->captures >= LUA_PATTERN_MAX_CAPTURES)
		return fail(m, "too many captures");
	m->capture[m->captures++] = (struct lua_pattern_capture){ s, kind };
	got = lua_pattern_match(m, s, p);
	if (!got)
		m->captures--;
	return got;
}

static const char *close_capture(struct lua_pattern *m, const char *s, const char *p)
{
	unsigned i = m->captures;
	const char *got;

	while (i && m->capture[i - 1].len != LUA_PATTERN_OPEN)
		i--;
	if (!i)
		return fail(m, "invalid pattern capture");
	m->capture[i - 1].len = s - m->capture[i - 1].start;
	got = lua_pattern_match(m, s, p);
	if (!got)
		m->capture[i - 1].len = LUA_PATTERN_OPEN;
	return got;
}

/* %bxy: from an x to its y. p: behind the b. */
static const char *balance(struct lua_pattern *m, const char *s, const char *p)
{
	unsigned level = 1;

	if (m->pattern_end - p < 2)
		return fail(m, "malformed pattern (missing arguments to '%b')");
	if (s >= m->subject_end || *s != p[0])
		return NULL;
	while (++s < m->subject_end) {
		if (--m->steps <= 0)
			return fail(m, "the pattern takes too long");
		if (*s == p[1]) {
			if (--level == 0)
				return s + 1;
		} else if (*s == p[0]) {
			level++;
		}
	}
	return NULL;
}

static const char *back_reference(struct lua_pattern *m, const char *s, char digit)
{
	unsigned i = (unsigned)(digit - '1');
	ptrdiff_t len;

	if (digit == '0' || i >= m->captures || m->capture[i].len < 0)
		return fail(m, "invalid capture index in the pattern");
	len = m->capture[i].len;
	m->steps -= 1 + len / 16;
	return m->subject_end - s >= len && !memcmp(m->capture[i].start, s, (size_t)len) ? s + len : NULL;
}

/* %f[set]: where the set begins to match. Before the subject and behind it is a NUL. */
static bool frontier(struct lua_pattern *m, const char *s, const char *set, const char *end)
{
	unsigned char before = s == m->subject ? 0 : (unsigned char)s[-1];
	unsigned char here = s == m->subject_end ? 0 : (unsigned char)*s;

	m->steps -= 1 + (end - set) / 8;
	return !in_set(before, set, end - 1) && in_set(here, set, end - 1);
}

/* One character, perhaps with * + - or ? behind it. True: go on at *s and *p; false: *ret is the answer. */
static bool character(struct lua_pattern *m, const char **s, const char **p, const char **ret)
{
	const char *end = item_end(m, *p);

	*ret = NULL;
	if (!end)
		return false;
	if (end < m->pattern_end && *end == '*')
		*ret = as_many(m, *s, *p, end);
	else if (end < m->pattern_end && *end == '+')
		*ret = single(m, *s, *p, end) ? as_many(m, *s + 1, *p, end) : NULL;
	else if (end < m->pattern_end && *end == '-')
		*ret = as_few(m, *s, *p, end);
	else if (end < m->pattern_end && *end == '?') {
		if (single(m, *s, *p, end))
			*ret = lua_pattern_match(m, *s + 1, end + 1);
		if (*ret || m->error)
			return false;
		*p = end + 1;
		return true;
	} else if (single(m, *s, *p, end)) {
		(*s)++;
		*p = end;
		return true;
	}
	return false;
}

static const char *match(struct lua_pattern *m, const char *s, const char *p)
{
	const char *end;

	while (s && p < m->pattern_end && !m->error) {
		if (*p == '(')
			return p + 1 < m->pattern_end && p[1] == ')' ? open_capture(m, s, p + 2, LUA_PATTERN_POSITION)
								     : open_capture(m, s, p + 1, LUA_PATTERN_OPEN);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->subject_end ? s : NULL;
		if (*p == ESCAPE && p + 1 < m->pattern_end && p[1] == 'b') {
			s = balance(m, s, p + 2);
			p += 4;
		} else if (*p == ESCAPE && p + 1 < m->pattern_end && p[1] == 'f') {
			p += 2;
			if (p >= m->pattern_end || *p != '[')
				return fail(m, "missing '[' after '%f' in the pattern");
			end = item_end(m, p);
			if (!end || !frontier(m, s, p, end))
				return NULL;
			p = end;
		} else if (*p == ESCAPE && p + 1 < m->pattern_end && ascii_is_digit(p[1])) {
			s = back_reference(m, s, p[1]);
			p += 2;
		} else if (!character(m, &s, &p, &end)) {
			return end;
		}
	}
	return m->error ? NULL : s;
}

const char *lua_pattern_match(struct lua_pattern *m, const char *s, const char *p)
{
	const char *got;

	if (m->depth >= LUA_PATTERN_MAX_DEPTH)
		return fail(m, "the pattern is too complex");
	m->depth++;
	got = match(m, s, p);
	m->depth--;
	return got;
}

void lua_pattern_reset(struct lua_pattern *m)
{
	m->captures = 0;
	m->depth = 0;
	m->error = NULL;
}

bool lua_pattern_is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] && strchr("^$*+?.([%-", p[i]))
			return false;
	return true;
}
