/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua_sandbox.h - one Lua state for one run of one script: what a script may use, and how much of it. Nothing of a run is seen by
 * another, as each has a state of its own. A sandbox belongs to one thread at a time.
 */
#ifndef LUA_SANDBOX_H
#define LUA_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_limits {
	size_t memory_bytes;
	int64_t instructions; /* of the Lua machine; a step of a pattern counts as one */
	int64_t time_ms;      /* of the processor */
};

struct lua_sandbox {
	struct lua_limits limits;
	lua_State *L;
	size_t memory;
	int64_t instructions; /* used up */
	int64_t ns, since_ns; /* used up; when the present turn began */
	const char *over;     /* the limit that was passed: from then on nothing runs any more, whatever the script catches */
};

/* False: no memory. */
bool lua_sandbox_init(struct lua_sandbox *s, const struct lua_limits *limits);
void lua_sandbox_done(struct lua_sandbox *s);
/* A turn begins: time is counted from now on. */
void lua_sandbox_begin(struct lua_sandbox *s);
void lua_sandbox_end(struct lua_sandbox *s);
/* The sandbox of a state, or of a coroutine of it. */
struct lua_sandbox *lua_sandbox_of(lua_State *L);
/* Push the table of what a script sees as its globals. Raises errors of Lua. */
void lua_sandbox_globals(lua_State *L);
/* For C functions that may run long: what they used. Raises an error when a limit is passed. */
void lua_sandbox_charge(lua_State *L, int64_t instructions);
int64_t lua_sandbox_left(lua_State *L);
/* What the error at the top of the stack says. Of a script that passed a limit: that. Never NULL. */
const char *lua_sandbox_reason(const struct lua_sandbox *s, lua_State *L);

/* lua_string.c: replace the functions of the table at the top that Lua's library would run without end. */
void lua_string_replace(lua_State *L);

#endif
