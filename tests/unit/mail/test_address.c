/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdlib.h>

#include "filter/base/arena.h"
#include "filter/base/cleanup.h"
#include "filter/mail/address.h"

static bool is(const char *bytes, size_t len, const char *want)
{
	return len == strlen(want) && (len == 0 || memcmp(bytes, want, len) == 0);
}

static void splits_any_argument(void **state)
{
	static const struct {
		const char *arg, *local, *domain;
		bool null;
	} rows[] = {
		{ "<a@b.example>", "a", "b.example", false },
		{ "a@b.example", "a", "b.example", false },
		{ "  <a@b.example>\r\n", "a", "b.example", false },
		{ "< a@b.example >", "a", "b.example", false },
		{ "<>", "", "", true },
		{ "< >", "", "", true },
		{ "", "", "", true },
		{ " ", "", "", true },
		{ "<", "<", "", false },
		{ ">", ">", "", false },
		{ "<postmaster>", "postmaster", "", false },
		{ "<a@>", "a", "", false },
		{ "<@b>", "", "b", false },
		{ "<@>", "", "", false },
		{ "<a@b@c>", "a@b", "c", false },
		{ "<\"a@b\"@c>", "\"a@b\"", "c", false },
		{ "<\"a\\\"@b\"@c>", "\"a\\\"@b\"", "c", false },
		{ "<\"a\\\\\"@c>", "\"a\\\\\"", "c", false },
		{ "<\"a@b>", "\"a@b", "", false },
		{ "<\"a\\", "<\"a\\", "", false },
		{ "<a.\"b@c\".d@e>", "a.\"b@c\".d", "e", false },
		{ "<a\\@b>", "a\\", "b", false },
		{ "<@hop:a@b>", "@hop:a", "b", false },
		{ "<@one,@two:a@b>", "@one,@two:a", "b", false },
		{ "<50%off@ours>", "50%off", "ours", false },
		{ "<a@[192.0.2.1]>", "a", "[192.0.2.1]", false },
		{ "<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", false },
		{ "<gr\xc3\xbc\xc3\x9f"
		  "e@b\xc3\xbc"
		  "cher.example>",
			"gr\xc3\xbc\xc3\x9f"
			"e",
			"b\xc3\xbc"
			"cher.example",
			false },
		{ "<\xff\xfe@\x80>", "\xff\xfe", "\x80", false },
		{ "<<a@b>>", "<a", "b>", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].arg, strlen(rows[i].arg));

		if (!is(a.local, a.local_len, rows[i].local) || !is(a.domain, a.domain_len, rows[i].domain) ||
			a.null != rows[i].null)
			fail_msg("'%s': '%.*s' at '%.*s'", rows[i].arg, (int)a.local_len, a.local, (int)a.domain_len,
				a.domain);
	}
}

static void takes_nul_octets_and_any_length(void **state)
{
	struct sluice_address a = address_split("<a\0b@c\0d>", 9);
	char *big = malloc(5120);

	(void)state;
	assert_int_equal(a.local_len, 3);
	assert_memory_equal(a.local, "a\0b", 3);
	assert_int_equal(a.domain_len, 3);
	assert_memory_equal(a.domain, "c\0d", 3);

	a = address_split(NULL, 0);
	assert_true(a.null);
	assert_non_null(a.text);

	assert_non_null(big);
	memset(big, 'x', 5120);
	big[5000] = '@';
	a = address_split(big, 5120);
	assert_int_equal(a.local_len, 5000);
	assert_int_equal(a.domain_len, 119);
	memset(big, '@', 5120);
	a = address_split(big, 5120);
	assert_int_equal(a.local_len, 5119);
	assert_int_equal(a.domain_len, 0);
	free(big);
}

static void a_copy_ends_with_nul(void **state)
{
	struct arena *arena = arena_new(100);
	struct sluice_address a;
	char arg[] = " <a@b> ";

	(void)state;
	assert_true(address_copy(arena, arg, strlen(arg), &a));
	memset(arg, 'z', sizeof arg - 1);
	assert_string_equal(a.text, "a@b");
	assert_string_equal(a.domain, "b");
	assert_int_equal(a.local_len, 1);
	assert_true(address_copy(arena, "<>", 2, &a));
	assert_true(a.null);
	assert_string_equal(a.text, "");
	assert_string_equal(a.domain, "");
	assert_true(address_copy(arena, "<<a@b>>", 7, &a));
	assert_string_equal(a.text, "<a@b>");
	assert_string_equal(a.domain, "b>");
	assert_false(
		address_copy(arena, "0123456789012345678901234567890123456789012345678901234567890123456789", 70, &a));
	assert_string_equal(a.text, "<a@b>");
	arena_free(arena);
}

static void finds_where_an_address_goes_next(void **state)
{
	static const struct {
		const char *arg;
		enum address_route want;
		const char *local, *domain;
	} rows[] = {
		{ "<a@ours>", ADDRESS_PLAIN, "", "" },
		{ "<>", ADDRESS_PLAIN, "", "" },
		{ "<postmaster>", ADDRESS_PLAIN, "", "" },
		{ "<a+b=c.d/e@ours>", ADDRESS_PLAIN, "", "" },
		{ "<\"a b\"@ours>", ADDRESS_PLAIN, "", "" },
		{ "<\"@ours>", ADDRESS_QUOTED_AT, "\"", "ours" },
		{ "<\"\"@ours>", ADDRESS_PLAIN, "", "" },
		{ "<50%off@ours>", ADDRESS_PERCENT, "50", "off" },
		{ "<a%b@ours>", ADDRESS_PERCENT, "a", "b" },
		{ "<a%b%c@ours>", ADDRESS_PERCENT, "a%b", "c" },
		{ "<a%@ours>", ADDRESS_PERCENT, "a", "" },
		{ "<\"a%b\"@ours>", ADDRESS_PERCENT, "a", "b" },
		{ "<b!a@ours>", ADDRESS_BANG, "a", "b" },
		{ "<c!b!a@ours>", ADDRESS_BANG, "b!a", "c" },
		{ "<c!a%b@ours>", ADDRESS_PERCENT, "c!a", "b" },
		{ "<!@ours>", ADDRESS_BANG, "", "" },
		{ "<a@b@ours>", ADDRESS_QUOTED_AT, "a", "b" },
		{ "<\"a@b\"@ours>", ADDRESS_QUOTED_AT, "a", "b" },
		{ "<\"a%c@b\"@ours>", ADDRESS_QUOTED_AT, "a%c", "b" },
		{ "<x.\"a@b\"@ours>", ADDRESS_QUOTED_AT, "x.\"a", "b\"" },
		{ "<@hop@ours>", ADDRESS_QUOTED_AT, "", "hop" },
		{ "<@hop:a@ours>", ADDRESS_SOURCE_ROUTE, "a", "hop" },
		{ "<@one,@two:a@ours>", ADDRESS_SOURCE_ROUTE, "@two:a", "one" },
		{ "<@one,@two,@three:a@ours>", ADDRESS_SOURCE_ROUTE, "@two,@three:a", "one" },
		{ "<@:a@ours>", ADDRESS_SOURCE_ROUTE, "a", "" },
		{ "<a:b@ours>", ADDRESS_PLAIN, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].arg, strlen(rows[i].arg)), next = { 0 };
		enum address_route got = address_route(&a, &next);

		if (got != rows[i].want || got != address_route(&a, NULL))
			fail_msg("'%s': got %s", rows[i].arg, address_route_words[got]);
		if (!is(next.local, next.local_len, rows[i].local) || !is(next.domain, next.domain_len, rows[i].domain))
			fail_msg("'%s': next '%.*s' at '%.*s'", rows[i].arg, (int)next.local_len, next.local,
				(int)next.domain_len, next.domain);
		if (got != ADDRESS_PLAIN && next.local_len >= a.local_len)
			fail_msg("'%s': no shorter", rows[i].arg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_any_argument),
		cmocka_unit_test(takes_nul_octets_and_any_length),
		cmocka_unit_test(a_copy_ends_with_nul),
		cmocka_unit_test(finds_where_an_address_goes_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
