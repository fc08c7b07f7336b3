/* SPDX-License-Identifier: BSD-2-Clause */
/* lua_string.c - find, match, gmatch, gsub and rep as Lua's manual has them (6.4), within the limits of the sandbox. */
#include <string.h>

#include "plugins/lua/lua_pattern.h"
#include "plugins/lua/lua_sandbox.h"

/* Argument 2 as a pattern, which is left on the stack; *ret_anchored: it begins with '^', if that is special here. */
static struct lua_pattern *push_pattern(lua_State *L, bool *ret_anchored)
{
	size_t len;
	const char *p = luaL_checklstring(L, 2, &len);
	bool anchored = ret_anchored && len && *p == '^';
	struct lua_pattern *m = lua_newuserdatauv(L, lua_pattern_size(len), 0);

	lua_sandbox_charge(L, (int64_t)len);
	lua_pattern_read(m, p + anchored, len - anchored);
	if (ret_anchored)
		*ret_anchored = anchored;
	return m;
}

static void set_subject(lua_State *L, struct lua_pattern *m, int index)
{
	size_t len;

	m->subject = luaL_checklstring(L, index, &len);
	m->subject_end = m->subject + len;
}

static const char *try_at(lua_State *L, struct lua_pattern *m, const char *at)
{
	const char *end;
	int64_t left = lua_sandbox_left(L);

	m->steps = left;
	end = lua_pattern_match(m, at);
	lua_sandbox_charge(L, left - m->steps + 1);
	if (m->error)
		(void)luaL_error(L, "%s", m->error);
	return end;
}

static void push_capture(lua_State *L, const struct lua_pattern *m, unsigned i, const char *from, const char *to)
{
	const struct lua_pattern_capture *c = &m->capture[i];

	if (i >= m->captures) {
		if (i)
			(void)luaL_error(L, "invalid capture index %%%d", (int)i + 1);
		lua_pushlstring(L, from, (size_t)(to - from));
	} else if (c->len == LUA_PATTERN_POSITION) {
		lua_pushinteger(L, c->start - m->subject + 1);
	} else if (c->len == LUA_PATTERN_OPEN) {
		(void)luaL_error(L, "unfinished capture");
	} else {
		lua_pushlstring(L, c->start, (size_t)c->len);
	}
}

/* All captures; whole: the match itself when there are none. */
static int push_captures(lua_State *L, const struct lua_pattern *m, const char *from, const char *to, bool whole)
{
	unsigned count = m->captures || !whole ? m->captures : 1;

	luaL_checkstack(L, (int)count, "too many captures");
	for (unsigned i = 0; i < count; i++)
		push_capture(L, m, i, from, to);
	return (int)count;
}

/* Where to begin: argument 3, from the end when it is negative. NULL: behind the end. */
static const char *begin_at(lua_State *L, const struct lua_pattern *m)
{
	lua_Integer len = m->subject_end - m->subject, init = luaL_optinteger(L, 3, 1);

	if (init < 0)
		init = init < -len ? 1 : len + init + 1;
	if (init < 1)
		init = 1;
	return init > len + 1 ? NULL : m->subject + init - 1;
}

static int find_plain(lua_State *L, const struct lua_pattern *m, const char *at, const char *plain, size_t len)
{
	const char *found = memmem(at, (size_t)(m->subject_end - at), plain, len);

	lua_sandbox_charge(L, (m->subject_end - at) / 16);
	if (!found) {
		luaL_pushfail(L);
		return 1;
	}
	lua_pushinteger(L, found - m->subject + 1);
	lua_pushinteger(L, found - m->subject + (lua_Integer)len);
	return 2;
}

static int find_or_match(lua_State *L, bool find)
{
	struct lua_pattern *m;
	const char *at, *p;
	bool anchored;
	size_t len;

	p = luaL_checklstring(L, 2, &len);
	lua_settop(L, 4);
	m = push_pattern(L, &anchored);
	set_subject(L, m, 1);
	at = begin_at(L, m);
	if (at && find && (lua_toboolean(L, 4) || lua_pattern_is_plain(p, len)))
		return find_plain(L, m, at, p, len);
	for (; at && at <= m->subject_end; at++) {
		const char *end = try_at(L, m, at);

		if (end && find) {
			lua_pushinteger(L, at - m->subject + 1);
			lua_pushinteger(L, end - m->subject);
			return 2 + push_captures(L, m, at, end, false);
		}
		if (end)
			return push_captures(L, m, at, end, true);
		if (anchored)
			break;
	}
	luaL_pushfail(L);
	return 1;
}

static int string_find(lua_State *L)
{
	return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
	return find_or_match(L, false);
}

/* Upvalues: subject, pattern as read, where to go on, the end of the last match. */
static int gmatch_next(lua_State *L)
{
	struct lua_pattern *m = lua_touserdata(L, lua_upvalueindex(2));
	const char *last;

	set_subject(L, m, lua_upvalueindex(1));
	last = m->subject + lua_tointeger(L, lua_upvalueindex(4));
	for (const char *at = m->subject + lua_tointeger(L, lua_upvalueindex(3)); at <= m->subject_end; at++) {
		const char *end = try_at(L, m, at);

		if (!end || end == last)
			continue;
		lua_pushinteger(L, end - m->subject);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(L, m, at, end, true);
	}
	return 0;
}

static int string_gmatch(lua_State *L)
{
	(void)luaL_checkstring(L, 1);
	lua_settop(L, 2);
	(void)push_pattern(L, NULL); /* here '^' is a character as others */
	lua_remove(L, 2);
	lua_pushinteger(L, 0);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, gmatch_next, 4);
	return 1;
}

static void add_template(lua_State *L, luaL_Buffer *out, const struct lua_pattern *m, const char *from, const char *to)
{
	size_t len;
	const char *t = lua_tolstring(L, 3, &len);

	lua_sandbox_charge(L, (int64_t)len / 16);
	for (size_t i = 0; i < len; i++) {
		if (t[i] != '%') {
			luaL_addchar(out, t[i]);
			continue;
		}
		i++;
		if (i < len && t[i] == '%') {
			luaL_addchar(out, '%');
		} else if (i < len && t[i] == '0') {
			luaL_addlstring(out, from, (size_t)(to - from));
		} else if (i < len && t[i] >= '1' && t[i] <= '9') {
			push_capture(L, m, (unsigned)(t[i] - '1'), from, to);
			(void)luaL_tolstring(L, -1, NULL);
			lua_remove(L, -2);
			luaL_addvalue(out);
		} else {
			(void)luaL_error(L, "invalid use of '%%' in the replacement");
		}
	}
}

static void add_replacement(lua_State *L, luaL_Buffer *out, const struct lua_pattern *m, const char *from, const char *to)
{
	int type = lua_type(L, 3);

	if (type == LUA_TSTRING || type == LUA_TNUMBER) {
		add_template(L, out, m, from, to);
		return;
	}
	if (type == LUA_TTABLE) {
		push_capture(L, m, 0, from, to);
		lua_gettable(L, 3);
	} else {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(L, m, from, to, true), 1);
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(out, from, (size_t)(to - from));
	} else if (lua_isstring(L, -1)) {
		luaL_addvalue(out);
	} else {
		(void)luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	}
}

static int string_gsub(lua_State *L)
{
	struct lua_pattern *m;
	luaL_Buffer out;
	const char *at, *last = NULL;
	lua_Integer most, count = 0;
	int type = lua_type(L, 3);
	bool anchored;

	lua_settop(L, 4);
	m = push_pattern(L, &anchored);
	set_subject(L, m, 1);
	luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3, "string/function/table");
	most = luaL_optinteger(L, 4, m->subject_end - m->subject + 1);
	luaL_buffinit(L, &out);
	at = m->subject;
	while (count < most) {
		const char *end = try_at(L, m, at);

		if (end && end != last) {
			count++;
			add_replacement(L, &out, m, at, end);
			at = last = end;
		} else if (at < m->subject_end) {
			luaL_addchar(&out, *at);
			at++;
		} else {
			break;
		}
		if (anchored)
			break;
	}
	luaL_addlstring(&out, at, (size_t)(m->subject_end - at));
	luaL_pushresult(&out);
	lua_pushinteger(L, count);
	return 2;
}

static int string_rep(lua_State *L)
{
	size_t len, gap_len;
	const char *text = luaL_checklstring(L, 1, &len);
	lua_Integer n = luaL_checkinteger(L, 2);
	const char *gap = luaL_optlstring(L, 3, "", &gap_len);
	luaL_Buffer out;

	if (n <= 0 || len + gap_len == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if ((size_t)n > lua_sandbox_of(L)->limits.memory_bytes / (len + gap_len) + 1)
		return luaL_error(L, "not enough memory");
	(void)luaL_buffinitsize(L, &out, (size_t)n * (len + gap_len));
	for (lua_Integer i = 0; i < n; i++) {
		luaL_addlstring(&out, text, len);
		if (i + 1 < n)
			luaL_addlstring(&out, gap, gap_len);
	}
	luaL_pushresult(&out);
	lua_sandbox_charge(L, n);
	return 1;
}

void lua_string_replace(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "find", string_find }, { "gmatch", string_gmatch }, { "gsub", string_gsub }, { "match", string_match }, { "rep", string_rep }, { NULL, NULL },
	};

	luaL_setfuncs(L, functions, 0);
}
