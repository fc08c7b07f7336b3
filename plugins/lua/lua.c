/* SPDX-License-Identifier: BSD-2-Clause */
/* lua - checks written in Lua: each block makes one, whose facts the script declares. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"

#include "filter/base/shortage.h"
#include "filter/base/value.h"
#include "plugins/lua/lua_script.h"

enum { SCRIPT, MEMORY, INSTRUCTIONS, TIME };
static const struct sluice_option options[] = {
	[SCRIPT] = { "script", SLUICE_OPT_PATH, .help = "the script's file" },
	[MEMORY] = { "memory", SLUICE_OPT_SIZE, .min = 64 << 10, .max = 256 << 20, .deflt = "1M", .help = "the most that a run may hold" },
	[INSTRUCTIONS] = { "instructions", SLUICE_OPT_COUNT, .min = 1000, .max = 1000000000, .deflt = "1000000",
		.help = "the most instructions of the Lua machine that a run may take; a step of a pattern counts as one" },
	[TIME] = { "time", SLUICE_OPT_DURATION, .min = 10, .max = 10000, .deflt = "500ms", .help = "the most time of the processor that a run may take" },
	{ .key = NULL },
};

/* ---- a run ---- */

static struct lua_run *run_new(const struct lua_script *s)
{
	struct lua_run *run = shortage_zalloc(sizeof *run);

	if (!run)
		return NULL;
	run->script = s;
	return run;
}

static void run_free(void *memory)
{
	struct lua_run *run = memory;

	if (!run)
		return;
	lua_sandbox_done(&run->box);
	free(run);
}

/* Protected: leaves run() and what it gets on the stack of a new coroutine. */
static int begin(lua_State *L)
{
	struct lua_run *run = lua_run_of(L);

	run->thread = lua_newthread(L);
	lua_setfield(L, LUA_REGISTRYINDEX, "thread"); /* else it would be collected */
	lua_script_execute(L);
	lua_getfield(L, -1, "run");
	lua_ask_transaction(L);
	lua_xmove(L, run->thread, 2);
	return 0;
}

static void wrong_type(lua_State *L, const char *name, enum sluice_type type)
{
	(void)luaL_error(L, "fact '%s' is of type %s, and the script gives a %s", name, value_type_name(type), luaL_typename(L, -1));
}

static void set_word(lua_State *L, struct sluice_result *res, unsigned i, const struct sluice_fact *fact)
{
	const char *word = lua_tostring(L, -1);
	unsigned k = 0;

	while (fact->words[k] && strcmp(fact->words[k], word) != 0)
		k++;
	if (!fact->words[k])
		(void)luaL_error(L, "fact '%s' is never '%s'", fact->name, word);
	sluice_set_enum(res, i, k);
}

static void set_texts(lua_State *L, struct sluice_result *res, unsigned i, const struct sluice_fact *fact)
{
	for (lua_Integer k = 1; k <= (lua_Integer)lua_rawlen(L, -1); k++) {
		const char *item;
		size_t len;

		if (lua_rawgeti(L, -1, k) != LUA_TSTRING)
			wrong_type(L, fact->name, fact->type);
		item = lua_tolstring(L, -1, &len);
		sluice_add_text(res, i, item, len);
		lua_pop(L, 1);
	}
}

/* The value at the top, which is not nil. */
static void set_fact(lua_State *L, struct sluice_result *res, unsigned i, const struct sluice_fact *fact)
{
	static const int wanted[] = { /* by enum sluice_type */
		LUA_TBOOLEAN, LUA_TNUMBER, LUA_TNUMBER, LUA_TSTRING, LUA_TSTRING, LUA_TSTRING, LUA_TSTRING, LUA_TSTRING, LUA_TTABLE,
	};
	struct sluice_ip ip;
	lua_Number n;
	const char *text;
	size_t len;
	int whole;

	if (lua_type(L, -1) != wanted[fact->type])
		wrong_type(L, fact->name, fact->type);
	switch (fact->type) {
	case SLUICE_BOOL:
		sluice_set_bool(res, i, lua_toboolean(L, -1));
		break;
	case SLUICE_INT:
		sluice_set_int(res, i, lua_tointegerx(L, -1, &whole));
		if (!whole)
			(void)luaL_error(L, "fact '%s' is a whole number", fact->name);
		break;
	case SLUICE_MILLI:
		n = lua_tonumber(L, -1) * 1000;
		if (!(n > -1e15 && n < 1e15))
			(void)luaL_error(L, "fact '%s' is out of range", fact->name);
		sluice_set_milli(res, i, (int64_t)(n < 0 ? n - 0.5 : n + 0.5));
		break;
	case SLUICE_ENUM:
		set_word(L, res, i, fact);
		break;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		text = lua_tolstring(L, -1, &len);
		sluice_set_text(res, i, text, len);
		break;
	case SLUICE_IP:
		text = lua_tolstring(L, -1, &len);
		if (!ip_parse(text, len, &ip))
			(void)luaL_error(L, "fact '%s' is no address: '%s'", fact->name, text);
		sluice_set_ip(res, i, &ip);
		break;
	case SLUICE_TEXTS:
		set_texts(L, res, i, fact);
		break;
	}
}

/* Facts that the script gives and has not declared are a slip of the pen. */
static void refuse_undeclared(lua_State *L, const struct lua_script *s)
{
	size_t prefix = strlen(s->name) + 1;

	lua_pushnil(L);
	while (lua_next(L, 1)) {
		bool known = false;

		for (unsigned i = 0; i < s->fact_count; i++)
			known |= lua_type(L, -2) == LUA_TSTRING && !strcmp(s->facts[i].name + prefix, lua_tostring(L, -2));
		if (!known)
			(void)luaL_error(L, "run() gives a fact '%s' that is not in 'facts'", luaL_tolstring(L, -2, NULL));
		lua_pop(L, 1);
	}
}

/* Protected. 1: what run() gave, a table of facts or nil; 2: the outcome, or nil. Returns the outcome. */
static int finish(lua_State *L)
{
	static const char *const words[] = { "done", "skipped", "temperror", NULL };
	static const enum sluice_outcome outcomes[] = { SLUICE_DONE, SLUICE_SKIPPED, SLUICE_TEMPERROR };
	const struct lua_run *run = lua_run_of(L);
	const struct lua_script *s = run->script;
	size_t prefix = strlen(s->name) + 1;

	if (lua_isnil(L, 1)) {
		lua_newtable(L);
		lua_replace(L, 1);
		if (lua_isnil(L, 2)) {
			lua_pushliteral(L, "skipped");
			lua_replace(L, 2);
		}
	}
	if (!lua_istable(L, 1))
		return luaL_error(L, "run() gives a %s, and not a table of facts", luaL_typename(L, 1));
	refuse_undeclared(L, s);
	for (unsigned i = 0; i < s->fact_count; i++) {
		lua_pushstring(L, s->facts[i].name + prefix);
		if (lua_rawget(L, 1) != LUA_TNIL)
			set_fact(L, run->res, i, &s->facts[i]);
		lua_pop(L, 1);
	}
	lua_pushinteger(L, outcomes[luaL_checkoption(L, 2, "done", words)]);
	return 1;
}

/* The script came to no end: told once, and as a fact. */
static enum sluice_outcome broken(struct lua_run *run, lua_State *L)
{
	const char *why = L ? lua_sandbox_reason(&run->box, L) : "out of memory";

	__atomic_store_n(run->script->settled, true, __ATOMIC_RELAXED);
	sluice_report_health(run->c, run->script->subject, false, why);
	sluice_set_text(run->res, run->script->fact_count, why, strlen(why));
	return SLUICE_TEMPERROR;
}

/* What was told of the script before it was loaded anew holds no longer. */
static void settle(const struct lua_run *run)
{
	if (__atomic_exchange_n(run->script->settled, true, __ATOMIC_RELAXED))
		return;
	if (!sluice_healthy(run->c, run->script->subject))
		sluice_report_health(run->c, run->script->subject, true, "the script runs");
}

/* One turn, up to an ask that has no answer yet, or to the end. */
static enum sluice_outcome turn(struct lua_run *run)
{
	lua_State *L = run->box.L;
	enum sluice_outcome outcome;
	int args = 0, results, status;

	if (!run->thread) {
		lua_pushcfunction(L, begin);
		if (lua_pcall(L, 0, 0, 0) != LUA_OK)
			return broken(run, L);
		args = 1;
	}
	status = lua_resume(run->thread, NULL, args, &results);
	if (status == LUA_YIELD)
		return SLUICE_PENDING;
	if (status != LUA_OK)
		return broken(run, run->thread);
	lua_settop(run->thread, lua_gettop(run->thread) - results + 2); /* two, whatever there are */
	lua_pushcfunction(L, finish);
	lua_xmove(run->thread, L, 2);
	if (lua_pcall(L, 2, 1, 0) != LUA_OK)
		return broken(run, L);
	outcome = (enum sluice_outcome)lua_tointeger(L, -1);
	settle(run);
	return outcome;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct lua_script *s = sluice_state(c);
	void **memory = sluice_memory(c);
	struct lua_run *r = *memory ? *memory : run_new(s);
	enum sluice_outcome outcome;

	if (!r)
		return SLUICE_TEMPERROR;
	*memory = r;
	r->c = c;
	r->res = res;
	if (r->box.L || lua_sandbox_init(&r->box, &s->limits)) {
		lua_sandbox_begin(&r->box);
		outcome = turn(r);
		lua_sandbox_end(&r->box);
	} else {
		outcome = broken(r, NULL);
	}
	if (outcome != SLUICE_PENDING) {
		run_free(r);
		*memory = NULL;
	}
	return outcome;
}

/* ---- the plugin ---- */

static void release(void *state)
{
	lua_script_free(state);
}

static int make(const struct sluice_block *block, const struct sluice_plugin **ret, void **ret_state, struct sluice_config_error *reterr)
{
	struct lua_limits limits = { 0 };
	struct lua_script *s = NULL;
	const char *path = NULL;
	int r;

	for (size_t i = 0; i < block->count; i++) {
		const struct sluice_setting *setting = &block->settings[i];

		switch (setting->option) {
		case SCRIPT:
			path = setting->text;
			reterr->line = setting->line;
			break;
		case MEMORY:
			limits.memory_bytes = (size_t)setting->number;
			break;
		case INSTRUCTIONS:
			limits.instructions = setting->number;
			break;
		case TIME:
			limits.time_ms = setting->number;
			break;
		}
	}
	if (!path) {
		(void)snprintf(reterr->text, sizeof reterr->text, "it names no script: add 'script PATH'");
		return -EINVAL;
	}
	r = lua_script_load(block->label, path, &limits, &s, reterr);
	if (r < 0)
		return r;
	s->plugin = (struct sluice_plugin){ .abi = SLUICE_PLUGIN_ABI, .name = s->name, .help = "a script", .facts = s->facts, .checks = s->checks,
		.release = release };
	s->checks[0] = (struct sluice_check){ .name = s->name, .stage = s->checks[0].stage, .run = run, .last_fact = s->fact_count, .reads = s->reads,
		.drop = run_free, .body = s->body_bytes > 0 };
	*ret = &s->plugin;
	*ret_state = s;
	return 0;
}

static const struct sluice_fact facts[] = { { .name = NULL } };
static const struct sluice_check checks[] = { { .name = NULL } };

SLUICE_PLUGIN(lua) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "lua",
	.help = "checks written in Lua; the facts are those that the script declares",
	.facts = facts,
	.checks = checks,
	.options = options,
	.label = "NAME",
	.make = make,
};
