/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/lua/lua_sandbox.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN 200 /* instructions between two looks at the limits */

/* ---- limits ---- */

static void *allocate(void *arg, void *old, size_t old_size, size_t size)
{
	struct lua_sandbox *s = arg;
	void *p;

	if (!old)
		old_size = 0; /* then it is a kind of object */
	if (!size) {
		free(old);
		s->memory -= old_size;
		return NULL;
	}
	if (size > old_size && size - old_size > s->limits.memory_bytes - s->memory)
		return NULL;
	p = realloc(old, size);
	if (p)
		s->memory = s->memory - old_size + size;
	return p;
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_turn(lua_State *L, lua_Debug *unused);

/* An error can be caught, and the script go on: then the next instruction raises it again, until nobody is left to catch it. */
static void pass_limit(lua_State *L, struct lua_sandbox *s, const char *which)
{
	s->over = which;
	lua_sethook(L, on_turn, LUA_MASKCOUNT, 1);
	(void)luaL_error(L, "%s", which);
}

static void look(lua_State *L, struct lua_sandbox *s)
{
	if (s->over)
		pass_limit(L, s, s->over);
	if (s->instructions > s->limits.instructions)
		pass_limit(L, s, "the script takes more instructions than its limit 'instructions'");
	if (s->ns + cpu_ns() - s->since_ns > s->limits.time_ms * 1000000)
		pass_limit(L, s, "the script takes more time than its limit 'time'");
}

static void on_turn(lua_State *L, lua_Debug *unused)
{
	struct lua_sandbox *s = lua_sandbox_of(L);

	(void)unused;
	s->instructions += s->over ? 1 : TURN;
	look(L, s);
}

void lua_sandbox_charge(lua_State *L, int64_t instructions)
{
	struct lua_sandbox *s = lua_sandbox_of(L);

	s->instructions += instructions;
	look(L, s);
}

int64_t lua_sandbox_left(lua_State *L)
{
	const struct lua_sandbox *s = lua_sandbox_of(L);

	return s->limits.instructions - s->instructions + 1;
}

struct lua_sandbox *lua_sandbox_of(lua_State *L)
{
	return *(struct lua_sandbox **)lua_getextraspace(L);
}

bool lua_sandbox_init(struct lua_sandbox *s, const struct lua_limits *limits)
{
	*s = (struct lua_sandbox){ .limits = *limits };
	s->L = lua_newstate(allocate, s);
	if (!s->L)
		return false;
	*(struct lua_sandbox **)lua_getextraspace(s->L) = s; /* coroutines get a copy, and the hook with it */
	lua_sethook(s->L, on_turn, LUA_MASKCOUNT, TURN);
	return true;
}

void lua_sandbox_done(struct lua_sandbox *s)
{
	if (s->L)
		lua_close(s->L);
	s->L = NULL;
}

void lua_sandbox_begin(struct lua_sandbox *s)
{
	s->since_ns = cpu_ns();
}

void lua_sandbox_end(struct lua_sandbox *s)
{
	s->ns += cpu_ns() - s->since_ns; /* the next turn may be on another thread */
}

const char *lua_sandbox_reason(const struct lua_sandbox *s, lua_State *L)
{
	if (s->over)
		return s->over;
	if (lua_type(L, -1) == LUA_TSTRING)
		return lua_tostring(L, -1);
	return "the script raised an error that is no text";
}

/* ---- what a script may use ---- */

/* A finalizer runs where no limit holds. */
static int set_metatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "scripts have no finalizers (__gc)");
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

/* The functions of `table` believe what a metatable says of a length, and then count to it where no limit holds. */
static int of_plain_table(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_getmetatable(L, 1))
		return luaL_error(L, "a table with a metatable cannot be given to a function of 'table'");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* Not xpcall: a limit is found by a hook, in which no other hook is called, and a handler runs where the error is: it could go on for ever. */
static const char *const base_names[] = { "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen",
	"rawset", "select", "tonumber", "tostring", "type", NULL };
static const char *const table_names[] = { "concat", "insert", "remove", "sort", "unpack", NULL };
static const char *const string_names[] = { "byte", "char", "format", "len", "lower", "reverse", "sub", "upper", NULL };

/* From the table at the top, its fields of these names into a new table in its place. */
static void pick(lua_State *L, const char *const *names, bool plain_tables)
{
	lua_newtable(L);
	for (; *names; names++) {
		lua_getfield(L, -2, *names);
		if (plain_tables)
			lua_pushcclosure(L, of_plain_table, 1);
		lua_setfield(L, -2, *names);
	}
	lua_remove(L, -2);
}

void lua_sandbox_globals(lua_State *L)
{
	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
	pick(L, base_names, false);
	lua_pushcfunction(L, set_metatable);
	lua_setfield(L, -2, "setmetatable");

	luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
	pick(L, table_names, true);
	lua_setfield(L, -2, "table");

	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
	lua_setfield(L, -2, "math");

	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
	pick(L, string_names, false);
	lua_string_replace(L);
	lua_pushliteral(L, ""); /* s:upper() looks into the same table */
	if (lua_getmetatable(L, -1)) {
		lua_pushvalue(L, -3);
		lua_setfield(L, -2, "__index");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	lua_setfield(L, -2, "string");
}
