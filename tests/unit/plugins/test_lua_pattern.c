/* SPDX-License-Identifier: BSD-2-Clause */
/* Our patterns against those of Lua's own library: the same answers, and an end where it has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <lualib.h>

#include "filter/base/cleanup.h"
#include "plugins/lua/lua_pattern.h"
#include "plugins/lua/lua_sandbox.h"

static const struct lua_limits limits = { 8 << 20, 100000000, 60000 };

/* Both libraries see the same expressions: `theirs` is the table string as Lua has it. */
static lua_State *begin(struct lua_sandbox *s)
{
	assert_true(lua_sandbox_init(s, &limits));
	lua_sandbox_begin(s);
	luaL_openlibs(s->L);
	lua_getglobal(s->L, "string");
	lua_setglobal(s->L, "theirs");
	lua_newtable(s->L);
	lua_string_replace(s->L);
	lua_setglobal(s->L, "ours");
	return s->L;
}

static const char compare[] =
	"local function all(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end return table.concat(t, '|') end\n"
	"local function run(lib, f, ...)\n"
	"  if f == 'gmatch' then local t = {} for a, b in lib.gmatch(...) do t[#t + 1] = all(a, b) end return table.concat(t, ';') end\n"
	"  return all(lib[f](...))\n"
	"end\n"
	"local subjects = { '', 'a', 'abc', 'aaa', 'hello world', 'key = value', '  x  ', 'a.b.c', 'THE (quick) fox', '((a)(b))', 'x-y_z', '[]]', '%d', 'a\\0b\\0c',\n"
	"  '192.0.2.1', 'boss@example.org', '\"boss@example.org\" <x@example.com>', 'aXbXc', '\\255\\1\\127', 'abab', 'a]b', '^a$', '2026-11-25', 'foo123bar' }\n"
	"local patterns = { '', 'a', '.', 'a*', 'a+', 'a-', 'a?', 'a-b', '.-b', '^a', 'a$', '^$', '^%s*(.-)%s*$', '(%a+)', '(%d+)%.(%d+)', '%b()', '%f[%a]%a+', '%f[%z]', '(a)(b)(c)',\n"
	"  '()', '()a()', '[a-c]+', '[^a-c]+', '[]]', '[^]]', '[%a_][%w_]*', '[%-]', '[a-]', '[-a]', '%%', '%d', '%D+', '%S+', '%u', '%U+', '%l+', '%p', '%P+', '%x+', '%X', '%c', '%g+', '%w+@%w+',\n"
	"  '[%w%._%+%-]+@[%w%.%-]+%.%a%a+', '^%s*(.-)%s*<([^<>]*)>%s*$', '^\"(.*)\"$', '(.)%1', '(ab)%1', '%z', 'a\\0b', '((.)(.))', '(.-)(X)', '.*', '(.*)(.)$', '[%]]', 'a**', '$', '^^a', 'a$b', '%',\n"
	"  '[a', '[', '(', ')', '%b', '%bx', '%f', '%f(', '(()', '%1', '(%1)', '%0', '[%', '[^', '[a-%z]', '[%a-z]', '[z-a]', '(a*(.)%w(%s*))', '[\\1-\\127]', '%w%w%w$', '[+-]?%d+' }\n"
	"math.randomseed(1)\n"
	"local parts = { 'a', 'b', 'X', '.', '%a', '%d', '[ab]', '[^a]', '[a-c%d]', '(', ')', '()', '%1', '%2', '%f[a]', '%bab', '*', '+', '-', '?', '$', '^', '%', '[' }\n"
	"for _ = 1, 300 do\n"
	"  local t = {}\n"
	"  for i = 1, math.random(1, 7) do t[i] = parts[math.random(#parts)] end\n"
	"  patterns[#patterns + 1] = table.concat(t)\n"
	"end\n"
	"local n = 0\n"
	"for _, s in ipairs(subjects) do for _, p in ipairs(patterns) do\n"
	"  for _, case in ipairs { { 'find', s, p }, { 'find', s, p, -2 }, { 'find', s, p, 3 }, { 'find', s, p, 1, true }, { 'match', s, p }, { 'match', s, p, 2 }, { 'gmatch', s, p },\n"
	"    { 'gsub', s, p, '<%0>' }, { 'gsub', s, p, '%1%%', 2 }, { 'gsub', s, p, { a = 'A', b = false } }, { 'gsub', s, p, function(x) return x == 'a' and 'Q' or nil end } } do\n"
	"    local f = case[1]\n"
	"    local a, ra = pcall(run, theirs, f, table.unpack(case, 2))\n"
	"    local b, rb = pcall(run, ours, f, table.unpack(case, 2))\n"
	"    n = n + 1\n"
	"    if a ~= b or a and ra ~= rb then error(('%s(%q, %q): theirs %s %s, ours %s %s'):format(f, s, p, a, ra, b, rb)) end\n"
	"  end\n"
	"end end\n"
	"for _, r in ipairs { { 'ab', 3 }, { 'ab', 0 }, { 'ab', -1 }, { '', 5 }, { 'x', 3, ', ' }, { '', 3, '-' }, { 'x', 1, '-' } } do\n"
	"  assert(theirs.rep(table.unpack(r)) == ours.rep(table.unpack(r)))\n"
	"end\n"
	"return n\n";

static void the_answers_are_those_of_lua(void **state)
{
	struct lua_sandbox s;
	lua_State *L = begin(&s);

	(void)state;
	if (luaL_dostring(L, compare) != LUA_OK)
		fail_msg("%s", lua_tostring(L, -1));
	assert_true(lua_tointeger(L, -1) > 10000);
	lua_sandbox_done(&s);
}

static struct lua_pattern *read_pattern(const char *p, size_t len)
{
	struct lua_pattern *m = malloc(lua_pattern_size(len));

	assert_non_null(m);
	lua_pattern_read(m, p, len);
	return m;
}

static void the_budget_ends_what_would_go_on(void **state)
{
	static const char *const patterns[] = { ".-.-.-.-.-.-b", ".*.*.*.*.*b", "a?a?a?a?a?a?a?a?a?a?.*.*.*b", "(.-)(.-)(.-)(.-)%4b", "%bab%bab.-.-.-b", "[^b]-[^b]-[^b]-[^b]-b" };
	char subject[2000];

	(void)state;
	memset(subject, 'a', sizeof subject);
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct lua_pattern *m = read_pattern(patterns[i], strlen(patterns[i]));

		m->subject = subject;
		m->subject_end = subject + sizeof subject;
		m->steps = 100000;
		assert_null(lua_pattern_match(m, subject));
		if (patterns[i][1] != 'b')
			assert_string_equal(m->error, "the pattern takes too long");
		free(m);
	}
}

static void a_long_pattern_needs_no_stack(void **state)
{
	static const char *const parts[] = { "a?", "a*", "a-" };
	char pattern[200000];

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
		struct lua_pattern *m;

		for (size_t i = 0; i + 1 < sizeof pattern; i += 2)
			memcpy(pattern + i, parts[k], 2);
		m = read_pattern(pattern, sizeof pattern);
		m->subject = m->subject_end = "";
		m->steps = 1000000;
		assert_ptr_equal(lua_pattern_match(m, m->subject), m->subject_end);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answers_are_those_of_lua),
		cmocka_unit_test(the_budget_ends_what_would_go_on),
		cmocka_unit_test(a_long_pattern_needs_no_stack),
	};

	return cmocka_run_group_tests_name("lua_pattern", tests, NULL, NULL);
}
