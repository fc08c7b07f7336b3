/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua_pattern.h - Lua's patterns (Lua 5.4 manual, 6.4.1), matched within a budget: the matcher of Lua's own library tries on for as long as
 * it likes, and nothing can stop it.
 */
#ifndef LUA_PATTERN_H
#define LUA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LUA_PATTERN_MAX_CAPTURES 32
#define LUA_PATTERN_MAX_DEPTH    200

struct lua_pattern_capture {
	const char *start;
	ptrdiff_t len; /* or one of: */
};
#define LUA_PATTERN_OPEN     (-1)
#define LUA_PATTERN_POSITION (-2)

struct lua_pattern {
	const char *subject, *subject_end, *pattern_end;
	unsigned captures;
	struct lua_pattern_capture capture[LUA_PATTERN_MAX_CAPTURES];
	unsigned depth;
	int64_t steps;     /* left of the budget */
	const char *error; /* NULL: none; static */
};

/* Nothing has matched; the budget is what is left in m->steps. */
void lua_pattern_reset(struct lua_pattern *m);
/* Match p, without its '^', at s and nowhere else. The end of the match; NULL: none, or m->error. */
const char *lua_pattern_match(struct lua_pattern *m, const char *s, const char *p);
/* Are there no special characters in it? */
bool lua_pattern_is_plain(const char *p, size_t len);

#endif
