/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "filter/base/ip.h"
#include "filter/mail/address.h"
#include "filter/policy/list.h"

static struct list *list_of(enum sluice_list_type type, const char *const *items)
{
	struct list *l = list_new("l", type, (struct place){ 0 });
	struct err err;

	for (; *items; items++)
		assert_int_equal(list_add(l, *items, strlen(*items), (struct place){ 0 }, &err), 0);
	return l;
}

static void domains(void **state)
{
	static const char *const items[] = { "Example.ORG", ".below.example", "both.example", ".both.example", NULL };
	static const struct {
		const char *name;
		bool in;
	} rows[] = {
		{ "example.org", true }, { "EXAMPLE.org.", true }, { "a.example.org", false }, { "xample.org", false },
		{ "below.example", false }, { "a.below.example", true }, { "a.b.below.example", true }, { "xbelow.example", false },
		{ "both.example", true }, { "a.both.example", true }, { "", false }, { ".", false }, { "org", false },
	};
	struct list *l = list_of(SLUICE_LIST_DOMAIN, items);

	(void)state;
	assert_int_equal(list_len(l), 4);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (list_has_domain(l, rows[i].name, strlen(rows[i].name)) != rows[i].in)
			fail_msg("'%s'", rows[i].name);
	list_free(l);
}

static void networks(void **state)
{
	static const char *const items[] = { "192.0.2.0/24", "198.51.100.7", "2001:db8::/32", NULL };
	static const struct {
		const char *ip;
		bool in;
	} rows[] = {
		{ "192.0.2.0", true }, { "192.0.2.255", true }, { "192.0.3.0", false }, { "198.51.100.7", true }, { "198.51.100.8", false },
		{ "2001:db8:ffff::1", true }, { "2001:db9::", false }, { "::ffff:192.0.2.9", true },
	};
	struct list *l = list_of(SLUICE_LIST_NETWORK, items);
	struct sluice_ip ip = { 0 };

	(void)state;
	assert_false(list_has_ip(l, &ip));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(ip_parse(rows[i].ip, strlen(rows[i].ip), &ip));
		if (list_has_ip(l, &ip) != rows[i].in)
			fail_msg("%s", rows[i].ip);
	}
	assert_false(list_has_domain(l, "192.0.2.0", 9));
	list_free(l);
}

static void addresses(void **state)
{
	static const char *const items[] = { "Boss@Example.org", "@staff.example", NULL };
	static const struct {
		const char *address;
		bool in;
	} rows[] = {
		{ "<boss@example.org>", true }, { "<BOSS@EXAMPLE.ORG>", true }, { "<other@example.org>", false }, { "<any@staff.example>", true },
		{ "<any@sub.staff.example>", false }, { "<>", false }, { "<boss>", false },
	};
	struct list *l = list_of(SLUICE_LIST_ADDRESS, items);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].address, strlen(rows[i].address));

		if (list_has_address(l, &a) != rows[i].in)
			fail_msg("'%s'", rows[i].address);
	}
	list_free(l);
}

static void many_items_are_found(void **state)
{
	struct list *l = list_new("many", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;
	char name[64];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int len = snprintf(name, sizeof name, "d%d.example", i % 10000);

		assert_int_equal(list_add(l, name, (size_t)len, (struct place){ 0 }, &err), 0);
	}
	assert_int_equal(list_len(l), 10000);
	assert_true(list_has_domain(l, "d9999.example", 13));
	assert_false(list_has_domain(l, "d10000.example", 14));
	list_free(l);
}

static void a_file_may_have_comments_and_blank_lines(void **state)
{
	char path[] = "/tmp/sluice-list-XXXXXX";
	int fd = mkstemp(path);
	struct list *l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;
	static const char content[] = "# ours\r\n\n  a.example  # the first\n\tb.example\r\nlast.example";

	(void)state;
	assert_int_equal(write(fd, content, sizeof content - 1), sizeof content - 1);
	(void)close(fd);
	assert_int_equal(list_add_file(l, path, false, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_len(l), 3);
	assert_true(list_has_domain(l, "last.example", 12));
	(void)unlink(path);
	list_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains),
		cmocka_unit_test(networks),
		cmocka_unit_test(addresses),
		cmocka_unit_test(many_items_are_found),
		cmocka_unit_test(a_file_may_have_comments_and_blank_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
