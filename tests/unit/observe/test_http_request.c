/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "filter/base/cleanup.h"
#include "filter/observe/http_request.h"

static int read_all(const char *head, struct http_request *ret)
{
	size_t len;

	return http_request_read(head, strlen(head), ret, &len);
}

static void reads_what_is_asked(void **state)
{
	static const char head[] = "POST /a%20b/c?x=1&y=%C3%A4 HTTP/1.1\r\nHost: [::1]:80\r\nauthorization:  Bearer x \r\nContent-Length: 7\r\n\r\nrest";
	struct http_request q;
	size_t len;

	(void)state;
	assert_int_equal(http_request_read(head, sizeof head - 1, &q, &len), 0);
	assert_int_equal(len, sizeof head - 1 - 4);
	assert_int_equal(q.method, HTTP_POST);
	assert_string_equal(q.path, "/a b/c");
	assert_string_equal(q.query, "x=1&y=%C3%A4");
	assert_string_equal(q.host, "::1");
	assert_string_equal(q.authorization, "Bearer x");
	assert_true(q.has_length && q.length == 7);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(http_request_read(head, i, &q, &(size_t){ 0 }), -EAGAIN);
}

static const struct { const char *target; int want; const char *path; } targets[] = {
	{ "/", 0, "/" }, { "/a/", 0, "/a/" }, { "/a.b", 0, "/a.b" }, { "/...", 0, "/..." }, { "/%41", 0, "/A" }, { "/a%2Fb", 0, "/a/b" },
	{ "//", 400, "" }, { "/a//b", 400, "" }, { "/.", 400, "" }, { "/..", 400, "" }, { "/../a", 400, "" }, { "/a/%2e%2E/b", 400, "" }, { "/%2e", 400, "" },
	{ "/a%2f..%2fb", 400, "" }, { "/%", 400, "" }, { "/%4", 400, "" }, { "/%4g", 400, "" }, { "/%00", 400, "" }, { "/%0a", 400, "" }, { "/%7f", 400, "" },
	{ "/%c3", 400, "" }, { "/\\", 400, "" }, { "/#", 400, "" }, { "a", 400, "" }, { "*", 400, "" }, { "http://a/", 400, "" }, { "/?a\x80", 400, "" },
};

static void paths_have_one_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct http_request q = { .path = "" };
		char head[128];
		int got;

		(void)snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n\r\n", targets[i].target);
		got = read_all(head, &q);
		if (got != targets[i].want || strcmp(q.path, targets[i].path) != 0)
			fail_msg("'%s': got %d, '%s'", targets[i].target, got, q.path);
	}
}

static const struct { const char *query; int results[4]; const char *last; } queries[] = {
	{ "", { 0 }, "" }, { "a=b", { 1, 0 }, "b" }, { "a=b&c=%64+e", { 1, 1, 0 }, "d e" }, { "a=", { 1, 0 }, "" }, { "a=b&", { 1, 0 }, "b" }, { "a==", { 1, 0 }, "=" },
	{ "a", { -EINVAL }, "" }, { "&a=b", { -EINVAL }, "" }, { "a=b&&c=d", { 1, -EINVAL }, "b" }, { "a=%0a", { -EINVAL }, "" }, { "a=%zz", { -EINVAL }, "" },
	{ "a=%ff", { -EINVAL }, "" }, { "%00=b", { -EINVAL }, "" },
};

static void queries_are_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		const char *p = queries[i].query;
		struct http_pair pair = { .value = "" };
		size_t n = 0;
		int got;

		do {
			got = http_query_next(&p, &pair);
			if (got != queries[i].results[n])
				fail_msg("'%s': %zu is %d", queries[i].query, n, got);
			n++;
		} while (got == 1);
		if (!strncmp(queries[i].query, "a=", 2) && got == 0)
			assert_string_equal(pair.value, queries[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_what_is_asked), cmocka_unit_test(paths_have_one_meaning), cmocka_unit_test(queries_are_pairs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
