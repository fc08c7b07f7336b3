/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lua_ask.c - what a script sees of its transaction, and the functions it asks with. One that has no answer yet yields, out of run(), and
 * is asked again, with its arguments where they were, when the check is run again.
 */
#include <stdio.h>
#include <string.h>

#include "filter/base/ip.h"
#include "plugins/lua/lua_script.h"

static struct sluice_check_ctx *context(lua_State *L)
{
	struct sluice_check_ctx *c = lua_run_of(L)->c;

	if (!c)
		(void)luaL_error(L, "the functions of 'sluice' are for run(): there is no transaction yet");
	return c;
}

/* No answer yet: come back to `again` when there is one. */
static int wait_for_it(lua_State *L, lua_KFunction again)
{
	if (!lua_isyieldable(L))
		return luaL_error(L, "nothing can be asked from within a callback of string.gsub, table.sort or a metamethod");
	return lua_yieldk(L, 0, 0, again);
}

/* ---- DNS ---- */

static const struct { const char *name; enum sluice_dns_type type; } dns_types[] = {
	{ "A", SLUICE_DNS_A }, { "AAAA", SLUICE_DNS_AAAA }, { "CNAME", SLUICE_DNS_CNAME }, { "MX", SLUICE_DNS_MX }, { "PTR", SLUICE_DNS_PTR },
	{ "TXT", SLUICE_DNS_TXT },
};

static enum sluice_dns_type check_type(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);

	for (size_t i = 0; i < ARRAY_LEN(dns_types); i++)
		if (!strcmp(dns_types[i].name, name))
			return dns_types[i].type;
	return (enum sluice_dns_type)luaL_argerror(L, 2, "A, AAAA, CNAME, MX, PTR or TXT");
}

static void push_record(lua_State *L, const struct sluice_dns_record *r, enum sluice_dns_type type)
{
	struct sluice_ip ip = { .family = type == SLUICE_DNS_A ? 4 : 6 };
	char buf[IP_TEXT_MAX];

	if ((type == SLUICE_DNS_A && r->len == 4) || (type == SLUICE_DNS_AAAA && r->len == 16)) {
		memcpy(ip.bytes, r->data, r->len);
		lua_pushstring(L, ip_format(&ip, buf));
	} else {
		lua_pushlstring(L, r->data, r->len);
	}
}

static void push_answer(lua_State *L, const struct sluice_dns_answer *a, enum sluice_dns_type type)
{
	static const char *const status[] = { "ok", "nodata", "nxdomain", "failed", "timeout" }; /* in the order of enum sluice_dns_status */

	lua_newtable(L);
	lua_pushstring(L, status[a->status]);
	lua_setfield(L, -2, "status");
	lua_pushboolean(L, a->secure);
	lua_setfield(L, -2, "secure");
	for (size_t i = 0; i < a->count; i++) {
		push_record(L, &a->records[i], type);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (type != SLUICE_DNS_MX)
		return;
	lua_newtable(L);
	for (size_t i = 0; i < a->count; i++) {
		lua_pushinteger(L, a->records[i].preference);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "preferences");
}

static int dns_again(lua_State *L, int status, lua_KContext unused)
{
	const char *name = luaL_checkstring(L, 1);
	enum sluice_dns_type type = check_type(L);
	const struct sluice_dns_answer *a = sluice_ask_dns(context(L), name, type);

	(void)status;
	(void)unused;
	if (!a)
		return wait_for_it(L, dns_again);
	push_answer(L, a, type);
	return 1;
}

static int ask_dns(lua_State *L)
{
	return dns_again(L, LUA_OK, 0);
}

static int ask_ahead(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	(void)sluice_ask_dns(context(L), name, check_type(L));
	return 0;
}

/* ---- the store ---- */

/* Keys of one script are not those of another. Leaves the whole key on the stack. */
static void begin_op(lua_State *L, struct sluice_store_op *op, enum sluice_store_verb verb)
{
	(void)luaL_checkstring(L, 1);
	lua_pushfstring(L, "lua:%s:", lua_run_of(L)->script->name);
	lua_pushvalue(L, 1);
	lua_concat(L, 2);
	*op = (struct sluice_store_op){ .verb = verb };
	op->key = lua_tolstring(L, -1, &op->key_len);
	luaL_argcheck(L, op->key_len <= SLUICE_STORE_KEY_MAX, 1, "the key is too long");
}

static int64_t check_seconds(lua_State *L, int arg)
{
	lua_Number s = luaL_checknumber(L, arg);

	luaL_argcheck(L, s >= 0.001 && s <= 1e9, arg, "seconds, more than none");
	return (int64_t)(s * 1000);
}

/* The answer, or a yield; a store that does not work is nil and why. */
static const struct sluice_store_answer *ask_store(lua_State *L, const struct sluice_store_op *op, int args, lua_KFunction again)
{
	const struct sluice_store_answer *a = sluice_ask_store(context(L), op);

	lua_settop(L, args);
	if (!a)
		(void)wait_for_it(L, again);
	return a;
}

static int failed(lua_State *L, const struct sluice_store_answer *a)
{
	luaL_pushfail(L);
	lua_pushstring(L, a->why);
	return 2;
}

static int count_again(lua_State *L, int status, lua_KContext unused)
{
	const struct sluice_store_answer *a;
	struct sluice_store_op op;

	(void)status;
	(void)unused;
	lua_settop(L, 3);
	begin_op(L, &op, SLUICE_STORE_COUNT);
	op.count.window_ms = check_seconds(L, 2);
	op.count.add = luaL_optinteger(L, 3, 1);
	a = ask_store(L, &op, 3, count_again);
	if (a->status != SLUICE_STORE_OK)
		return failed(L, a);
	lua_pushinteger(L, a->number);
	lua_pushinteger(L, a->before);
	return 2;
}

static int rate_again(lua_State *L, int status, lua_KContext unused)
{
	const struct sluice_store_answer *a;
	struct sluice_store_op op;
	lua_Integer units;

	(void)status;
	(void)unused;
	lua_settop(L, 4);
	begin_op(L, &op, SLUICE_STORE_RATE);
	units = luaL_checkinteger(L, 2);
	luaL_argcheck(L, units >= 1 && units <= 1000000, 2, "1 to 1000000");
	op.rate.interval_us = check_seconds(L, 3) * 1000 / units;
	op.rate.burst = luaL_optinteger(L, 4, units);
	luaL_argcheck(L, op.rate.burst >= 1 && op.rate.interval_us >= 1, 4, "at least 1, of a rate of at most one in a microsecond");
	op.rate.cost = 1;
	a = ask_store(L, &op, 4, rate_again);
	if (a->status != SLUICE_STORE_OK)
		return failed(L, a);
	lua_pushboolean(L, a->allowed);
	lua_pushnumber(L, (lua_Number)a->wait_ms / 1000);
	return 2;
}

static int get_again(lua_State *L, int status, lua_KContext unused)
{
	const struct sluice_store_answer *a;
	struct sluice_store_op op;

	(void)status;
	(void)unused;
	lua_settop(L, 1);
	begin_op(L, &op, SLUICE_STORE_GET);
	a = ask_store(L, &op, 1, get_again);
	if (a->status == SLUICE_STORE_FAILED)
		return failed(L, a);
	if (a->status == SLUICE_STORE_ABSENT)
		luaL_pushfail(L);
	else
		lua_pushlstring(L, a->value, a->value_len);
	return 1;
}

static int put_again(lua_State *L, int status, lua_KContext unused)
{
	const struct sluice_store_answer *a;
	struct sluice_store_op op;

	(void)status;
	(void)unused;
	lua_settop(L, 3);
	begin_op(L, &op, SLUICE_STORE_PUT);
	op.put.value = luaL_checklstring(L, 2, &op.put.value_len);
	luaL_argcheck(L, op.put.value_len <= SLUICE_STORE_VALUE_MAX, 2, "the value is too long");
	op.put.lifetime_ms = check_seconds(L, 3);
	a = ask_store(L, &op, 3, put_again);
	if (a->status != SLUICE_STORE_OK)
		return failed(L, a);
	lua_pushboolean(L, true);
	return 1;
}

static int ask_count(lua_State *L)
{
	return count_again(L, LUA_OK, 0);
}

static int ask_rate(lua_State *L)
{
	return rate_again(L, LUA_OK, 0);
}

static int ask_get(lua_State *L)
{
	return get_again(L, LUA_OK, 0);
}

static int ask_put(lua_State *L)
{
	return put_again(L, LUA_OK, 0);
}

/* ---- looking ---- */

static int look_fact(lua_State *L)
{
	size_t len;
	const char *value = sluice_fact(context(L), luaL_checkstring(L, 1), &len);

	if (value)
		lua_pushlstring(L, value, len);
	else
		luaL_pushfail(L);
	return 1;
}

static int look_items(lua_State *L)
{
	struct sluice_check_ctx *c = context(L);
	const char *name = luaL_checkstring(L, 1), *item;
	size_t len, i = 0;

	lua_newtable(L);
	while ((item = sluice_fact_item(c, name, i, &len))) {
		lua_pushlstring(L, item, len);
		lua_rawseti(L, -2, (lua_Integer)++i);
	}
	return 1;
}

/* Whatever the type of the list is: the value is looked for as what it can be. */
static int look_in_list(lua_State *L)
{
	struct sluice_check_ctx *c = context(L);
	const char *list = luaL_checkstring(L, 1);
	size_t len;
	const char *value = luaL_checklstring(L, 2, &len), *at = memrchr(value, '@', len);
	struct sluice_ip ip;
	bool found;

	if (ip_parse(value, len, &ip)) {
		found = sluice_list_has_ip(c, list, &ip);
	} else if (at) {
		struct sluice_address a = { .text = value, .len = len, .local = value, .local_len = (size_t)(at - value), .domain = at + 1,
			.domain_len = len - (size_t)(at - value) - 1 };

		found = sluice_list_has_address(c, list, &a);
	} else {
		found = sluice_list_has_domain(c, list, value, len);
	}
	lua_pushboolean(L, found);
	return 1;
}

void lua_ask_functions(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "ahead", ask_ahead }, { "count", ask_count }, { "dns", ask_dns }, { "fact", look_fact }, { "get", ask_get }, { "in_list", look_in_list },
		{ "items", look_items }, { "put", ask_put }, { "rate", ask_rate }, { NULL, NULL },
	};

	luaL_newlib(L, functions);
}

static void set_text(lua_State *L, const char *key, const char *text, size_t len)
{
	lua_pushlstring(L, text, len);
	lua_setfield(L, -2, key);
}

static void set_address(lua_State *L, const char *key, const struct sluice_address *a)
{
	if (!a)
		return;
	lua_newtable(L);
	set_text(L, "text", a->text, a->len);
	set_text(L, "localpart", a->local, a->local_len);
	set_text(L, "domain", a->domain, a->domain_len);
	lua_pushboolean(L, a->null);
	lua_setfield(L, -2, "null");
	lua_setfield(L, -2, key);
}

static void set_headers(lua_State *L, const struct lua_run *run)
{
	struct sluice_part field;

	lua_newtable(L);
	for (size_t i = 0; sluice_header_field(run->c, i, &field); i++) {
		lua_newtable(L);
		set_text(L, "name", field.name, field.name_len);
		set_text(L, "value", field.bytes, field.len);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "headers");
}

static void set_body(lua_State *L, const struct lua_run *run)
{
	size_t len, size;
	const char *why, *body = sluice_body(run->c, &len, &size, &why);

	if (!body)
		(void)luaL_error(L, "%s", why);
	set_text(L, "body", body, len < run->script->body_bytes ? len : run->script->body_bytes);
	lua_pushinteger(L, (lua_Integer)size);
	lua_setfield(L, -2, "body_size");
}

void lua_ask_transaction(lua_State *L)
{
	const struct lua_run *run = lua_run_of(L);
	const struct sluice_check_ctx *c = run->c;
	char ip[IP_TEXT_MAX];
	size_t len;
	const char *helo = sluice_helo(c, &len);

	lua_newtable(L);
	if (sluice_client_ip(c)->family) {
		lua_pushstring(L, ip_format(sluice_client_ip(c), ip));
		lua_setfield(L, -2, "client");
	}
	if (helo)
		set_text(L, "helo", helo, len);
	set_address(L, "from", sluice_mail_from(c));
	set_address(L, "rcpt", sluice_rcpt(c));
	lua_pushboolean(L, sluice_authenticated(c));
	lua_setfield(L, -2, "authenticated");
	lua_pushstring(L, sluice_our_name(c));
	lua_setfield(L, -2, "our_name");
	lua_pushinteger(L, sluice_now_s(c));
	lua_setfield(L, -2, "now");
	if (run->script->headers)
		set_headers(L, run);
	if (run->script->body_bytes)
		set_body(L, run);
}
