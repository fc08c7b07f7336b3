/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/lua/lua_pattern.h"

#include <string.h>

#include "filter/base/ascii.h"

#define ESCAPE '%'

/* ---- sets ---- */

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

static void set_add(struct lua_pattern_item *item, unsigned char c)
{
	item->set[c >> 6] |= UINT64_C(1) << (c & 63);
}

static bool set_has(const struct lua_pattern_item *item, unsigned char c)
{
	return item->set[c >> 6] >> (c & 63) & 1;
}

static void set_add_class(struct lua_pattern_item *item, char class)
{
	for (unsigned c = 0; c < 256; c++)
		if (in_class((unsigned char)c, class))
			set_add(item, (unsigned char)c);
}

/* ---- reading ---- */

struct reader {
	struct lua_pattern *m;
	const char *p;
	size_t len, at;
	uint32_t closed; /* a bit for each capture that has ended */
};

static void broken(struct reader *r, struct lua_pattern_item *item, const char *why)
{
	item->kind = LUA_PATTERN_BROKEN;
	item->why = why;
	r->at = r->len;
}

/* The ']' of a set that begins at `from`, behind its '[' and '^': one that comes first stands for itself. Or the end of the pattern. */
static size_t find_set_end(const struct reader *r, size_t from)
{
	for (size_t i = from; i < r->len; i += r->p[i] == ESCAPE ? 2 : 1)
		if (r->p[i] == ']' && i > from)
			return i;
	return r->len;
}

static void read_set(struct reader *r, struct lua_pattern_item *item)
{
	bool all_but = r->at + 1 < r->len && r->p[r->at + 1] == '^';
	size_t i = r->at + 1 + all_but, end = find_set_end(r, i);

	if (end >= r->len) {
		broken(r, item, "malformed pattern (missing ']')");
		return;
	}
	while (i < end) {
		if (r->p[i] == ESCAPE) {
			set_add_class(item, r->p[i + 1]);
			i += 2;
		} else if (i + 2 < end && r->p[i + 1] == '-') {
			for (unsigned c = (unsigned char)r->p[i]; c <= (unsigned char)r->p[i + 2]; c++)
				set_add(item, (unsigned char)c);
			i += 3;
		} else {
			set_add(item, (unsigned char)r->p[i++]);
		}
	}
	for (size_t k = 0; all_but && k < 4; k++)
		item->set[k] = ~item->set[k];
	r->at = end + 1;
}

static void read_number(struct reader *r, struct lua_pattern_item *item)
{
	char c = r->at < r->len ? r->p[r->at] : '\0';

	if (item->kind != LUA_PATTERN_SET || !c || !strchr("*+-?", c))
		return;
	r->at++;
	item->none = c != '+';
	item->many = c != '?';
	item->few = c == '-';
}

static void read_capture_begin(struct reader *r, struct lua_pattern_item *item)
{
	bool place = r->at + 1 < r->len && r->p[r->at + 1] == ')';

	if (r->m->captures == LUA_PATTERN_MAX_CAPTURES) {
		broken(r, item, "too many captures");
		return;
	}
	item->kind = place ? LUA_PATTERN_PLACE : LUA_PATTERN_BEGIN;
	item->capture = r->m->captures++;
	r->closed |= (uint32_t)place << item->capture;
	r->at += place ? 2 : 1;
}

/* Of those that are open the last that was begun. */
static void read_capture_end(struct reader *r, struct lua_pattern_item *item)
{
	unsigned i = r->m->captures;

	while (i && r->closed >> (i - 1) & 1)
		i--;
	if (!i) {
		broken(r, item, "invalid pattern capture");
		return;
	}
	item->kind = LUA_PATTERN_END;
	item->capture = i - 1;
	r->closed |= UINT32_C(1) << item->capture;
	r->at++;
}

static void read_escape(struct reader *r, struct lua_pattern_item *item)
{
	char c = r->at + 1 < r->len ? r->p[r->at + 1] : '\0';

	r->at += 2;
	if (r->at > r->len) {
		broken(r, item, "malformed pattern (ends with '%')");
	} else if (c == 'b' && r->len - r->at < 2) {
		broken(r, item, "malformed pattern (missing arguments to '%b')");
	} else if (c == 'b') {
		item->kind = LUA_PATTERN_BALANCED;
		item->open = r->p[r->at];
		item->close = r->p[r->at + 1];
		r->at += 2;
	} else if (c == 'f' && (r->at == r->len || r->p[r->at] != '[')) {
		broken(r, item, "missing '[' after '%f' in the pattern");
	} else if (c == 'f') {
		item->kind = LUA_PATTERN_FRONTIER;
		read_set(r, item);
	} else if (ascii_is_digit(c)) {
		item->kind = LUA_PATTERN_AGAIN;
		item->capture = (unsigned)(c - '1');
		if (c == '0' || !(r->closed >> item->capture & 1))
			broken(r, item, "invalid capture index in the pattern");
	} else {
		set_add_class(item, c);
	}
}

static void read_item(struct reader *r, struct lua_pattern_item *item)
{
	char c = r->p[r->at];

	if (c == '(') {
		read_capture_begin(r, item);
	} else if (c == ')') {
		read_capture_end(r, item);
	} else if (c == '$' && r->at + 1 == r->len) {
		item->kind = LUA_PATTERN_LAST;
		r->at++;
	} else if (c == ESCAPE) {
		read_escape(r, item);
	} else if (c == '[') {
		read_set(r, item);
	} else {
		if (c == '.')
			memset(item->set, 0xff, sizeof item->set);
		else
			set_add(item, (unsigned char)c);
		r->at++;
	}
	read_number(r, item);
}

size_t lua_pattern_size(size_t len)
{
	return sizeof(struct lua_pattern) + len * sizeof(struct lua_pattern_item);
}

void lua_pattern_read(struct lua_pattern *m, const char *p, size_t len)
{
	struct reader r = { .m = m, .p = p, .len = len };

	*m = (struct lua_pattern){ .subject = "" };
	while (r.at < r.len) {
		m->items[m->count] = (struct lua_pattern_item){ .kind = LUA_PATTERN_SET };
		read_item(&r, &m->items[m->count]);
		m->count++;
	}
}

/* ---- matching ---- */

static bool pay(struct lua_pattern *m, int64_t steps)
{
	m->steps -= steps;
	if (m->steps <= 0)
		m->error = "the pattern takes too long";
	return !m->error;
}

static bool fits(struct lua_pattern *m, const struct lua_pattern_item *item, const char *s)
{
	return pay(m, 1) && s < m->subject_end && set_has(item, (unsigned char)*s);
}

/* From an x to its y. */
static const char *balanced(struct lua_pattern *m, const struct lua_pattern_item *item, const char *s)
{
	unsigned level = 1;

	if (s == m->subject_end || *s != item->open)
		return NULL;
	while (++s < m->subject_end && pay(m, 1)) {
		if (*s == item->close && --level == 0)
			return s + 1;
		if (*s == item->open && item->open != item->close)
			level++;
	}
	return NULL;
}

static const char *again(struct lua_pattern *m, const struct lua_pattern_item *item, const char *s)
{
	const struct lua_pattern_capture *c = &m->capture[item->capture];

	if (c->len < 0) /* a position is no text that could come again */
		return NULL;
	if (!pay(m, 1 + c->len / 16) || m->subject_end - s < c->len || memcmp(c->start, s, (size_t)c->len) != 0)
		return NULL;
	return s + c->len;
}

/* Where the set begins to match. Before the subject and behind it is a NUL. */
static const char *frontier(struct lua_pattern *m, const struct lua_pattern_item *item, const char *s)
{
	unsigned char before = s == m->subject ? 0 : (unsigned char)s[-1], here = s == m->subject_end ? 0 : (unsigned char)*s;

	return pay(m, 1) && !set_has(item, before) && set_has(item, here) ? s : NULL;
}

/* Where the first that is tried of a SET ends. NULL: it does not match. */
static const char *first_try(struct lua_pattern *m, struct lua_pattern_item *item, const char *s)
{
	if (!item->none) {
		if (!fits(m, item, s))
			return NULL;
		s++;
	}
	item->least = item->now = s;
	while (!item->few && (item->many || (item->none && item->now == s)) && fits(m, item, item->now))
		item->now++;
	return m->error ? NULL : item->now;
}

/* The next that is tried; NULL: there is none. */
static const char *next_try(struct lua_pattern *m, struct lua_pattern_item *item)
{
	if (!pay(m, 1))
		return NULL;
	if (!item->few)
		return item->now > item->least ? --item->now : NULL;
	return fits(m, item, item->now) ? ++item->now : NULL;
}

static bool has_choice(const struct lua_pattern_item *item)
{
	return item->few || item->now > item->least;
}

static const char *step(struct lua_pattern *m, struct lua_pattern_item *item, const char *s)
{
	struct lua_pattern_capture *c = &m->capture[item->capture];

	switch (item->kind) {
	case LUA_PATTERN_SET:
		return first_try(m, item, s);
	case LUA_PATTERN_BEGIN:
	case LUA_PATTERN_PLACE:
		*c = (struct lua_pattern_capture){ s, item->kind == LUA_PATTERN_PLACE ? LUA_PATTERN_POSITION : LUA_PATTERN_OPEN };
		return s;
	case LUA_PATTERN_END:
		c->len = s - c->start;
		return s;
	case LUA_PATTERN_AGAIN:
		return again(m, item, s);
	case LUA_PATTERN_BALANCED:
		return balanced(m, item, s);
	case LUA_PATTERN_FRONTIER:
		return frontier(m, item, s);
	case LUA_PATTERN_LAST:
		return s == m->subject_end ? s : NULL;
	case LUA_PATTERN_BROKEN:
		m->error = item->why;
		break;
	}
	return NULL;
}

const char *lua_pattern_match(struct lua_pattern *m, const char *s)
{
	size_t choice = SIZE_MAX; /* the last item that can take another number */

	m->error = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct lua_pattern_item *item = &m->items[i];

		s = step(m, item, s);
		if (s && item->kind == LUA_PATTERN_SET && has_choice(item)) {
			item->before = choice;
			choice = i;
		}
		while (!s && choice != SIZE_MAX && !m->error) {
			i = choice;
			s = next_try(m, &m->items[i]);
			if (!s)
				choice = m->items[i].before;
		}
		if (!s)
			return NULL;
	}
	return s;
}

bool lua_pattern_is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] && strchr("^$*+?.([%-", p[i]))
			return false;
	return true;
}
