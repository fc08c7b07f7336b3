/* SPDX-License-Identifier: BSD-2-Clause */
/* lua_script.h - a script as it was loaded, and one run of it. */
#ifndef LUA_SCRIPT_H
#define LUA_SCRIPT_H

#include "filter/base/text.h"
#include "filter/base/vec.h"
#include "plugins/lua/lua_sandbox.h"
#include "plugins/plugin.h"

#define LUA_SCRIPT_MAX_BYTES (1u << 20)
#define LUA_SCRIPT_MAX_FACTS 64
#define LUA_SCRIPT_MAX_WORDS 64
#define LUA_SCRIPT_MAX_READS 64

/* Immutable once loaded. */
struct lua_script {
	struct sluice_plugin plugin;
	struct sluice_check checks[2];
	struct sluice_fact facts[LUA_SCRIPT_MAX_FACTS + 2]; /* those of the script, and NAME.why */
	unsigned fact_count;                                /* of the script */
	const char *reads[LUA_SCRIPT_MAX_READS + 1];
	VEC(char *) texts; /* all names, words and helps */
	struct text code;
	struct lua_limits limits;
	char *name, *subject; /* of the block; of its health */
	bool headers;         /* the script wants to see them */
	size_t body_bytes;    /* and so much of the body */
	bool *settled;        /* its health has been told since it was loaded; shared by all sessions, so atomic */
};

struct lua_run {
	struct lua_sandbox box; /* first: lua_run_of() */
	const struct lua_script *script;
	struct sluice_check_ctx *c; /* of the present turn; NULL while the script is loaded */
	struct sluice_result *res;
	lua_State *thread; /* NULL: it has not begun */
};

struct lua_run *lua_run_of(lua_State *L);

/* The descriptor's functions are the caller's. 0, -EINVAL with *reterr, -ENOMEM; *ret is set only on success. */
int lua_script_load(const char *name, const char *path, const struct lua_limits *limits, struct lua_script **ret,
	struct sluice_config_error *reterr);
void lua_script_free(struct lua_script *s); /* takes NULL */
/* Push the script's table, made anew. Raises errors of Lua. */
void lua_script_execute(lua_State *L);

/* lua_ask.c: push the table `sluice`; and what run() gets. */
void lua_ask_functions(lua_State *L);
void lua_ask_transaction(lua_State *L);

#endif
