/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "filter/base/net_tree.h"

static struct net net_of_text(const char *text)
{
	struct net net;

	assert_true(net_parse(text, strlen(text), &net));
	return net;
}

static bool has(const struct net_tree *t, const char *text)
{
	struct sluice_ip ip;

	assert_true(ip_parse(text, strlen(text), &ip));
	return net_tree_has(t, &ip);
}

static void an_address_is_in_a_network_or_not(void **state)
{
	static const char *const nets[] = { "192.0.2.0/24", "192.0.2.128/25", "198.51.100.7", "198.51.100.6", "198.51.100.0/30", "2001:db8::/32",
		"2001:db8:1::/48", "2001:db9::1", "10.0.0.0/8", "10.1.0.0/16" };
	static const struct { const char *ip; bool in; } rows[] = {
		{ "192.0.2.0", true }, { "192.0.2.255", true }, { "192.0.3.0", false }, { "192.0.1.255", false }, { "198.51.100.7", true },
		{ "198.51.100.6", true }, { "198.51.100.5", false }, { "198.51.100.4", false }, { "198.51.100.3", true }, { "198.51.100.8", false },
		{ "2001:db8:ffff::1", true }, { "2001:db9::1", true }, { "2001:db9::", false }, { "2001:db9::3", false }, { "10.255.255.255", true },
		{ "11.0.0.0", false }, { "::ffff:10.0.0.1", true }, { "::", false }, { "0.0.0.0", false },
	};
	struct net_tree t = { 0 };

	(void)state;
	for (int reversed = 0; reversed <= 1; reversed++) {
		for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
			struct net net = net_of_text(nets[reversed ? sizeof nets / sizeof *nets - 1 - i : i]);

			assert_true(net_tree_add(&t, &net));
		}
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if (has(&t, rows[i].ip) != rows[i].in)
				fail_msg("%s, reversed %d", rows[i].ip, reversed);
		net_tree_done(&t);
	}
}

static void all_of_a_family_is_not_all_of_the_other(void **state)
{
	struct net all4 = net_of_text("0.0.0.0/0"), all6 = net_of_text("::/0"), one = net_of_text("192.0.2.1");
	struct sluice_ip none = { 0 };
	struct net_tree t = { 0 };

	(void)state;
	assert_false(has(&t, "192.0.2.1"));
	assert_true(net_tree_add(&t, &one));
	assert_true(net_tree_add(&t, &all4));
	assert_true(has(&t, "203.0.113.1"));
	assert_false(has(&t, "2001:db8::1"));
	assert_true(net_tree_add(&t, &all6));
	assert_true(has(&t, "2001:db8::1"));
	assert_false(net_tree_has(&t, &none));
	net_tree_done(&t);
}

/* Against looking at each network in turn. */
static void it_finds_what_a_linear_search_finds(void **state)
{
	enum { NETS = 600, ASKED = 20000 };
	static struct net nets[NETS];
	struct net_tree t = { 0 };
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < NETS; i++) {
		struct sluice_ip ip = { .family = i % 2 ? 4 : 6 };

		for (size_t k = 0; k < ip_octets(&ip); k++)
			ip.bytes[k] = (uint8_t)(rand_r(&seed) & (k % 3 ? 0x81 : 0x03)); /* few bits, so that they meet */
		nets[i] = net_of(&ip, (uint8_t)((unsigned)rand_r(&seed) % (unsigned)(ip_octets(&ip) * 8 + 1) | 12u));
		assert_true(net_tree_add(&t, &nets[i]));
	}
	for (size_t i = 0; i < ASKED; i++) {
		struct sluice_ip ip = { .family = i % 2 ? 4 : 6 };
		bool want = false;

		for (size_t k = 0; k < ip_octets(&ip); k++)
			ip.bytes[k] = (uint8_t)(rand_r(&seed) & (k % 3 ? 0x81 : 0x03));
		for (size_t k = 0; k < NETS && !want; k++)
			want = net_contains(&nets[k], &ip);
		assert_int_equal(net_tree_has(&t, &ip), want);
	}
	net_tree_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_a_network_or_not),
		cmocka_unit_test(all_of_a_family_is_not_all_of_the_other),
		cmocka_unit_test(it_finds_what_a_linear_search_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
