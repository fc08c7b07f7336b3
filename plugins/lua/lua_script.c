/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/lua/lua_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/value.h"

struct lua_run *lua_run_of(lua_State *L)
{
	return (struct lua_run *)(void *)lua_sandbox_of(L); /* its first member */
}

void lua_script_free(struct lua_script *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->texts.len; i++)
		free(s->texts.items[i]);
	for (unsigned i = 0; i < s->fact_count; i++)
		free((void *)(uintptr_t)s->facts[i].words);
	vec_done(&s->texts);
	text_done(&s->code);
	free(s->settled);
	free(s);
}

void lua_script_execute(lua_State *L)
{
	const struct lua_script *s = lua_run_of(L)->script;

	lua_sandbox_globals(L);
	lua_ask_functions(L);
	lua_setfield(L, -2, "sluice");
	if (luaL_loadbufferx(L, s->code.bytes, s->code.len, s->name, "b") != LUA_OK)
		(void)lua_error(L);
	lua_insert(L, -2);
	(void)lua_setupvalue(L, -2, 1); /* _ENV */
	lua_call(L, 0, 1);
}

/* ---- what the script's table says: each raises an error of Lua that says what is wrong ---- */

/* A copy that lives as long as the script. */
static const char *keep(lua_State *L, struct lua_script *s, const char *format, ...) SLUICE_PRINTF(3, 4);
static const char *keep(lua_State *L, struct lua_script *s, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0 || !vec_push(&s->texts, text)) {
		if (len >= 0)
			free(text);
		(void)luaL_error(L, "out of memory");
	}
	return text;
}

static bool is_word(const char *s)
{
	return s && *s >= 'a' && *s <= 'z' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s) && strlen(s) <= 64;
}

static enum sluice_stage read_stage(lua_State *L, int table)
{
	static const char *const stages[] = { "connect", "helo", "mail", "rcpt", "data", "message" }; /* in the order of enum sluice_stage */
	const char *word;

	if (lua_getfield(L, table, "stage") != LUA_TSTRING)
		(void)luaL_error(L, "the table has no 'stage': connect, helo, mail, rcpt, data or message");
	word = lua_tostring(L, -1);
	lua_pop(L, 1);
	for (unsigned i = 0; i < ARRAY_LEN(stages); i++)
		if (!strcmp(stages[i], word))
			return (enum sluice_stage)i;
	(void)luaL_error(L, "there is no stage '%s': connect, helo, mail, rcpt, data or message", word);
	return SLUICE_STAGE_MESSAGE;
}

/* The words at the top, of an ENUM. */
static void read_words(lua_State *L, struct lua_script *s, struct sluice_fact *fact, const char *name)
{
	lua_Unsigned count = lua_rawlen(L, -1);
	const char **words;

	if (!count || count > LUA_SCRIPT_MAX_WORDS)
		(void)luaL_error(L, "fact '%s' has 1 to %d words", name, LUA_SCRIPT_MAX_WORDS);
	words = calloc(count + 1, sizeof *words);
	if (!words)
		(void)luaL_error(L, "out of memory");
	fact->words = words;
	for (lua_Unsigned i = 0; i < count; i++) {
		const char *word = lua_rawgeti(L, -1, (lua_Integer)i + 1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

		if (!*word || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(word))
			(void)luaL_error(L, "word %d of fact '%s' is no word of small letters, digits, - and _", (int)i + 1, name);
		words[i] = keep(L, s, "%s", word);
		lua_pop(L, 1);
	}
}

static enum sluice_type read_type(lua_State *L, const char *fact)
{
	const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

	for (enum sluice_type type = SLUICE_BOOL; type <= SLUICE_TEXTS; type++)
		if (type != SLUICE_ENUM && !strcmp(value_type_name(type), name))
			return type;
	(void)luaL_error(L, "fact '%s' has no type: bool, number, decimal, text, domain, address, ip, list, or a table of words", fact);
	return SLUICE_BOOL;
}

/* { "name", "type" or { "word", ... }, "help" } at the top. */
static void read_fact(lua_State *L, struct lua_script *s, int number)
{
	struct sluice_fact *fact = &s->facts[s->fact_count];
	const char *name = "";

	if (lua_istable(L, -1) && lua_rawgeti(L, -1, 1) == LUA_TSTRING)
		name = lua_tostring(L, -1);
	if (!is_word(name) || !strcmp(name, "why") || !strcmp(name, "error") || !strcmp(name, "outcome"))
		(void)luaL_error(L, "fact %d is not { \"name\", \"type\", \"help\" }: a name is a word of small letters, and not why, error or outcome", number);
	*fact = (struct sluice_fact){ .name = keep(L, s, "%s.%s", s->name, name) };
	s->fact_count++;
	if (lua_rawgeti(L, -2, 2) == LUA_TTABLE) {
		fact->type = SLUICE_ENUM;
		read_words(L, s, fact, name);
	} else {
		fact->type = read_type(L, name);
	}
	if (lua_rawgeti(L, -3, 3) != LUA_TSTRING)
		(void)luaL_error(L, "fact '%s' has no help: a line that says what it means", name);
	fact->help = keep(L, s, "%s", lua_tostring(L, -1));
	lua_pop(L, 3);
}

static void read_facts(lua_State *L, struct lua_script *s, int table)
{
	lua_Unsigned count;

	if (lua_getfield(L, table, "facts") != LUA_TTABLE)
		(void)luaL_error(L, "the table has no 'facts': { { \"name\", \"type\", \"help\" }, ... }");
	count = lua_rawlen(L, -1);
	if (!count || count > LUA_SCRIPT_MAX_FACTS)
		(void)luaL_error(L, "a script has 1 to %d facts", LUA_SCRIPT_MAX_FACTS);
	for (lua_Unsigned i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i);
		read_fact(L, s, (int)i);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	s->facts[s->fact_count] = (struct sluice_fact){ keep(L, s, "%s.why", s->name), SLUICE_TEXT, NULL, "why the script came to no end" };
}

static void read_reads(lua_State *L, struct lua_script *s, int table)
{
	int type = lua_getfield(L, table, "reads");
	lua_Unsigned count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;

	if ((type != LUA_TTABLE && type != LUA_TNIL) || count > LUA_SCRIPT_MAX_READS)
		(void)luaL_error(L, "'reads' is a table of at most %d names of facts", LUA_SCRIPT_MAX_READS);
	for (lua_Unsigned i = 0; i < count; i++) {
		if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
			(void)luaL_error(L, "'reads' is a table of names of facts");
		s->reads[i] = keep(L, s, "%s", lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void refuse_unknown_keys(lua_State *L, int table)
{
	static const char *const keys[] = { "body", "facts", "headers", "reads", "run", "stage" };

	lua_pushnil(L);
	while (lua_next(L, table)) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			known |= lua_type(L, -2) == LUA_TSTRING && !strcmp(lua_tostring(L, -2), keys[i]);
		if (!known)
			(void)luaL_error(L, "the table has a key '%s': there are stage, facts, run, reads, headers and body", luaL_tolstring(L, -2, NULL));
		lua_pop(L, 1);
	}
}

static int add_code(lua_State *L, const void *bytes, size_t len, void *arg)
{
	struct text *code = arg;

	(void)L;
	text_add(code, bytes, len);
	return code->failed;
}

/* How much of the body the script wants to see. */
static size_t read_body(lua_State *L, const struct lua_script *s, int table)
{
	lua_Integer wanted = 0;
	int type = lua_getfield(L, table, "body"), whole = 1;

	if (type != LUA_TNIL)
		wanted = lua_tointegerx(L, -1, &whole);
	lua_pop(L, 1);
	if ((type != LUA_TNIL && type != LUA_TNUMBER) || !whole || wanted < 0 || (size_t)wanted > s->limits.memory_bytes)
		return (size_t)luaL_error(L, "'body' is how many octets of it are wanted, no more than the script's memory");
	if (wanted && s->checks[0].stage != SLUICE_STAGE_MESSAGE)
		return (size_t)luaL_error(L, "there is a body only at stage message");
	return (size_t)wanted;
}

/* Protected. 1: its source; 2: the name that errors call it by. */
static int read_script(lua_State *L)
{
	struct lua_script *s = (struct lua_script *)(uintptr_t)lua_run_of(L)->script;
	const struct text *source = lua_touserdata(L, 1);

	if (luaL_loadbufferx(L, text_str(source), source->len, lua_touserdata(L, 2), "t") != LUA_OK)
		return lua_error(L);
	if (lua_dump(L, add_code, &s->code, 0))
		return luaL_error(L, "the script is too large");
	lua_script_execute(L);
	if (!lua_istable(L, -1))
		return luaL_error(L, "the script returns no table: return { stage = ..., facts = ..., run = ... }");
	refuse_unknown_keys(L, lua_gettop(L));
	s->checks[0].stage = read_stage(L, lua_gettop(L));
	if (lua_getfield(L, -1, "run") != LUA_TFUNCTION)
		return luaL_error(L, "the table has no function 'run'");
	lua_pop(L, 1);
	s->headers = lua_getfield(L, -1, "headers") != LUA_TNIL && lua_toboolean(L, -1);
	lua_pop(L, 1);
	if (s->headers && s->checks[0].stage != SLUICE_STAGE_MESSAGE)
		return luaL_error(L, "there are headers only at stage message");
	s->body_bytes = read_body(L, s, lua_gettop(L));
	read_facts(L, s, lua_gettop(L));
	read_reads(L, s, lua_gettop(L));
	return 0;
}

static int protected_read(struct lua_script *s, const struct text *source, const char *path, struct sluice_config_error *reterr)
{
	struct lua_run run = { .script = s };
	char chunk[LUA_IDSIZE];
	size_t len = strlen(path);
	const char *why;
	int r = 0;

	/* Lua cuts what is longer, and does not say so */
	(void)snprintf(chunk, sizeof chunk, "@%s%s", len > sizeof chunk - 6 ? "..." : "", len > sizeof chunk - 6 ? path + len - (sizeof chunk - 6) : path);
	if (!lua_sandbox_init(&run.box, &s->limits))
		return -ENOMEM;
	lua_sandbox_begin(&run.box);
	lua_pushcfunction(run.box.L, read_script);
	lua_pushlightuserdata(run.box.L, (void *)(uintptr_t)source);
	lua_pushlightuserdata(run.box.L, chunk);
	if (lua_pcall(run.box.L, 2, 0, 0) != LUA_OK) {
		why = lua_sandbox_reason(&run.box, run.box.L);
		(void)snprintf(reterr->text, sizeof reterr->text, "%s%s%s", strstr(why, chunk + 1) ? "" : path, strstr(why, chunk + 1) ? "" : ": ", why);
		r = -EINVAL;
	}
	lua_sandbox_done(&run.box);
	return r;
}

int lua_script_load(const char *name, const char *path, const struct lua_limits *limits, struct lua_script **ret,
	struct sluice_config_error *reterr)
{
	SLUICE_CLEANUP(text_done) struct text source = TEXT_INIT(LUA_SCRIPT_MAX_BYTES);
	struct lua_script *s;
	int r;

	if (!is_word(name)) {
		(void)snprintf(reterr->text, sizeof reterr->text, "the name of a script is a word of small letters, digits and _: its facts begin with it");
		return -EINVAL;
	}
	r = text_read_file(&source, path);
	if (r < 0) {
		(void)snprintf(reterr->text, sizeof reterr->text, "%s: cannot be read: %s", path, text_file_error(r));
		return r == -ENOMEM ? r : -EINVAL;
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->code = (struct text)TEXT_INIT(4 * LUA_SCRIPT_MAX_BYTES);
	s->limits = *limits;
	s->settled = calloc(1, sizeof *s->settled);
	s->name = strdup(name);
	if (s->name && !vec_push(&s->texts, s->name)) {
		free(s->name);
		s->name = NULL;
	}
	if (s->name && asprintf(&s->subject, "lua %s", name) >= 0 && !vec_push(&s->texts, s->subject)) {
		free(s->subject);
		s->subject = NULL;
	}
	r = s->settled && s->name && s->subject ? protected_read(s, &source, path, reterr) : -ENOMEM;
	if (r < 0) {
		lua_script_free(s);
		return r;
	}
	*ret = s;
	return 0;
}
