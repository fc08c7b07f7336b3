/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua_pattern.h - Lua's patterns (Lua 5.4 manual, 6.4.1), matched within a budget: the matcher of Lua's own library tries on for as long as
 * it likes, and nothing can stop it. A pattern is read once into a row of items. There are no alternatives in it, so a match goes along
 * the row, and back to the last item that can take another number of characters: it needs no stack, however long the pattern is.
 */
#ifndef LUA_PATTERN_H
#define LUA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LUA_PATTERN_MAX_CAPTURES 32

struct lua_pattern_capture {
	const char *start;
	ptrdiff_t len; /* or one of: */
};
#define LUA_PATTERN_OPEN     (-1)
#define LUA_PATTERN_POSITION (-2)

enum lua_pattern_kind {
	LUA_PATTERN_SET,      /* one character of a set, so many times */
	LUA_PATTERN_BEGIN,    /* of a capture */
	LUA_PATTERN_END,      /* of a capture */
	LUA_PATTERN_PLACE,    /* a capture of a position */
	LUA_PATTERN_AGAIN,    /* what a capture has */
	LUA_PATTERN_BALANCED, /* %bxy */
	LUA_PATTERN_FRONTIER, /* %f[set] */
	LUA_PATTERN_LAST,     /* $ */
	LUA_PATTERN_BROKEN,   /* a mistake in the pattern, which counts when it is come to */
};

struct lua_pattern_item {
	enum lua_pattern_kind kind;
	uint64_t set[4];      /* SET, FRONTIER: a bit for each octet */
	bool none, many, few; /* SET: it may be no character, more than one; and rather few */
	char open, close;     /* BALANCED */
	unsigned capture;     /* BEGIN, END, PLACE, AGAIN: its index */
	const char *why;      /* BROKEN; static */
	/* of the match under way, of a SET that can take another number: */
	const char *least, *now; /* where it ends with the fewest, and where as tried last */
	size_t before;           /* the item to go back to when this one has no more */
};

struct lua_pattern {
	const char *subject, *subject_end; /* set by the caller, as is: */
	int64_t steps;                     /* what is left of the budget */
	const char *error;                 /* of the last match; NULL: none; static */
	unsigned captures;
	struct lua_pattern_capture capture[LUA_PATTERN_MAX_CAPTURES];
	size_t count;
	struct lua_pattern_item items[];
};

/* Octets of a struct lua_pattern for a pattern of this length. */
size_t lua_pattern_size(size_t len);
/* Read a pattern, without its '^', which is not used afterwards. */
void lua_pattern_read(struct lua_pattern *m, const char *p, size_t len);
/* Match at s and nowhere else. The end of the match; NULL: none, or m->error. */
const char *lua_pattern_match(struct lua_pattern *m, const char *s);
/* Are there no special characters in it? */
bool lua_pattern_is_plain(const char *p, size_t len);

#endif
