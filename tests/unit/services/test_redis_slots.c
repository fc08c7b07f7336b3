/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/services/redis_slots.h"

static void a_key_has_the_slot_that_redis_gives_it(void **state)
{
	/* of redis-cli CLUSTER KEYSLOT */
	static const struct { const char *key; unsigned slot; } rows[] = {
		{ "123456789", 12739 }, { "foo", 12182 }, { "{foo}bar", 12182 }, { "x{foo}{bar}", 12182 }, { "foo{}", 5542 }, { "{", 4092 }, { "", 0 },
		{ "foo{bar", 15278 }, { "sluice:{tally:a}12345678", 2888 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (redis_slot(rows[i].key, strlen(rows[i].key)) != rows[i].slot)
			fail_msg("'%s': got %u, want %u", rows[i].key, redis_slot(rows[i].key, strlen(rows[i].key)), rows[i].slot);
	assert_int_equal(redis_slot("a}b{foo}", 8), 12182);
}

static void errors_are_told_apart(void **state)
{
	static const struct { const char *error; enum redis_error want; } rows[] = {
		{ "NOSCRIPT No matching script.", REDIS_ERROR_NOSCRIPT },
		{ "MOVED 3999 127.0.0.1:6381", REDIS_ERROR_MOVED },
		{ "ASK 3999 127.0.0.1:6381", REDIS_ERROR_ASK },
		{ "TRYAGAIN Multiple keys request during rehashing of slot", REDIS_ERROR_LATER },
		{ "CLUSTERDOWN Hash slot not served", REDIS_ERROR_LATER },
		{ "ERR Script attempted to access a non local key in a cluster node script: 12, on @user_script:1.", REDIS_ERROR_LATER },
		{ "READONLY You can't write against a read only replica.", REDIS_ERROR_DEMOTED },
		{ "ERR Error running script: @user_script: 1: -READONLY You can't write", REDIS_ERROR_DEMOTED },
		{ "LOADING Redis is loading the dataset in memory", REDIS_ERROR_LOADING },
		{ "OOM command not allowed when used memory > 'maxmemory'.", REDIS_ERROR_SERVER },
		{ "NOREPLICAS Not enough good replicas to write.", REDIS_ERROR_LATER },
		{ "WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_ERROR_OTHER },
		{ "MOVEDX", REDIS_ERROR_OTHER },
		{ "", REDIS_ERROR_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (redis_error_read(rows[i].error) != rows[i].want)
			fail_msg("'%s': got %d, want %d", rows[i].error, (int)redis_error_read(rows[i].error), (int)rows[i].want);
}

static void redirects_say_where_to(void **state)
{
	static const struct { const char *error, *server; unsigned slot; } rows[] = { /* server NULL: it says nothing */
		{ "MOVED 3999 192.0.2.7:6381", "192.0.2.7:6381", 3999 },
		{ "ASK 0 2001:db8::7:6381", "2001:db8::7:6381", 0 },
		{ "MOVED 16383 redis.example.org:1", "redis.example.org:1", 16383 },
		{ "MOVED 1 :6381", "192.0.2.1:6381", 1 }, /* the host that was asked */
		{ "MOVED 1 ?:6381", "192.0.2.1:6381", 1 },
		{ "MOVED 16384 192.0.2.7:6381", NULL, 0 },
		{ "MOVED -1 192.0.2.7:6381", NULL, 0 },
		{ "MOVED 1 192.0.2.7:0", NULL, 0 },
		{ "MOVED 1 192.0.2.7:65536", NULL, 0 },
		{ "MOVED 1 192.0.2.7", NULL, 0 },
		{ "MOVED 1", NULL, 0 },
		{ "MOVED ", NULL, 0 },
		{ "MOVED", NULL, 0 },
		{ "MOVED  :", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char server[REDIS_SERVER_MAX] = "";
		unsigned slot = 0;
		bool good = redis_redirect_read(rows[i].error, "192.0.2.1:6379", &slot, server);

		if (good != (rows[i].server != NULL) || (good && (strcmp(server, rows[i].server) != 0 || slot != rows[i].slot)))
			fail_msg("'%s': got %d, %s, %u", rows[i].error, good, server, slot);
	}
}

static void a_name_that_is_too_long_is_no_server(void **state)
{
	char error[REDIS_SERVER_MAX + 40] = "MOVED 1 ", server[REDIS_SERVER_MAX];
	unsigned slot;
	int port;

	(void)state;
	memset(error + 8, 'x', REDIS_SERVER_MAX);
	(void)snprintf(error + 8 + REDIS_SERVER_MAX, 10, ":6379");
	assert_false(redis_redirect_read(error, "192.0.2.1:6379", &slot, server));
	assert_false(redis_server_read(error + 8, server, &port));
}

static void servers_are_read_as_people_and_redis_write_them(void **state)
{
	static const struct { const char *server, *host; int port; } rows[] = { /* host NULL: it is none */
		{ "192.0.2.1:6379", "192.0.2.1", 6379 }, { "[2001:db8::1]:1", "2001:db8::1", 1 }, { "2001:db8::1:65535", "2001:db8::1", 65535 },
		{ "redis:6379", "redis", 6379 }, { "/run/redis.sock", "/run/redis.sock", 0 }, { "redis", NULL, 0 }, { ":6379", NULL, 0 }, { "", NULL, 0 },
		{ "redis:", NULL, 0 }, { "redis:0", NULL, 0 }, { "redis:65536", NULL, 0 }, { "redis:1x", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char host[REDIS_SERVER_MAX] = "";
		int port = -1;
		bool good = redis_server_read(rows[i].server, host, &port);

		if (good != (rows[i].host != NULL) || (good && (strcmp(host, rows[i].host) != 0 || port != rows[i].port)))
			fail_msg("'%s': got %d, %s, %d", rows[i].server, good, host, port);
	}
}

/* ---- CLUSTER SLOTS ---- */

#define WORD(s)   { .type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)(s), .len = sizeof(s) - 1 }
#define NUMBER(n) { .type = REDIS_REPLY_INTEGER, .integer = (n) }
#define LIST(...) { .type = REDIS_REPLY_ARRAY, .elements = sizeof((redisReply *[]){ __VA_ARGS__ }) / sizeof(redisReply *), .element = (redisReply *[]){ __VA_ARGS__ } }

struct ranges {
	size_t count;
	unsigned first, last;
	char server[REDIS_SERVER_MAX];
};

static void on_range(void *arg, unsigned first, unsigned last, const char *server)
{
	struct ranges *r = arg;

	r->count++;
	r->first = first;
	r->last = last;
	(void)snprintf(r->server, sizeof r->server, "%s", server);
}

static void the_map_is_read(void **state)
{
	redisReply zero = NUMBER(0), last = NUMBER(5460), port = NUMBER(7000), host = WORD("192.0.2.1"), id = WORD("09dbe9720cda62f7865eabc5fd8857c5d2678366");
	redisReply primary = LIST(&host, &port, &id), other_host = WORD("192.0.2.9"), replica = LIST(&other_host, &port, &id);
	redisReply row = LIST(&zero, &last, &primary, &replica), all = LIST(&row), none = { .type = REDIS_REPLY_ARRAY };
	struct ranges r = { 0 };

	(void)state;
	assert_true(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	assert_int_equal(r.count, 1);
	assert_int_equal(r.last, 5460);
	assert_string_equal(r.server, "192.0.2.1:7000");
	assert_true(redis_slots_read(&none, "192.0.2.2:6379", on_range, &r));
	host = (redisReply){ .type = REDIS_REPLY_NIL };
	assert_true(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	assert_string_equal(r.server, "192.0.2.2:7000");
}

static void what_is_no_map_is_refused(void **state)
{
	redisReply zero = NUMBER(0), last = NUMBER(REDIS_SLOTS), port = NUMBER(7000), host = WORD("192.0.2.1");
	redisReply primary = LIST(&host, &port), row = LIST(&zero, &last, &primary), all = LIST(&row), error = WORD("x");
	struct ranges r = { 0 };

	(void)state;
	assert_false(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	last = (redisReply)NUMBER(1);
	assert_true(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	port = (redisReply)NUMBER(65536);
	assert_false(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	port = (redisReply)WORD("7000");
	assert_false(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	port = (redisReply)NUMBER(7000);
	primary.elements = 1;
	assert_false(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	row.elements = 2;
	assert_false(redis_slots_read(&all, "192.0.2.2:6379", on_range, &r));
	assert_false(redis_slots_read(&error, "192.0.2.2:6379", on_range, &r));
	assert_int_equal(r.count, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_slot_that_redis_gives_it),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(redirects_say_where_to),
		cmocka_unit_test(a_name_that_is_too_long_is_no_server),
		cmocka_unit_test(servers_are_read_as_people_and_redis_write_them),
		cmocka_unit_test(the_map_is_read),
		cmocka_unit_test(what_is_no_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
