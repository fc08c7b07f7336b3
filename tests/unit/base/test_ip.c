/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

#include "filter/base/ip.h"

static void parses_and_prints_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: not an address */
		uint8_t family;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", 4 },
		{ "0.0.0.0", "0.0.0.0", 4 },
		{ "255.255.255.255", "255.255.255.255", 4 },
		{ "2001:DB8::7", "2001:db8::7", 6 },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 6 },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 6 },
		{ "::", "::", 6 },
		{ "::1", "::1", 6 },
		{ "::ffff:192.0.2.1", "192.0.2.1", 4 },
		{ "::ffff:c000:201", "192.0.2.1", 4 },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221", 6 },
		{ "", NULL, 0 },
		{ "192.0.2", NULL, 0 },
		{ "192.0.2.01", NULL, 0 },
		{ "192.0.2.256", NULL, 0 },
		{ "192.0.2.1 ", NULL, 0 },
		{ " 192.0.2.1", NULL, 0 },
		{ "192.0.2.1.5", NULL, 0 },
		{ "0x7f.0.0.1", NULL, 0 },
		{ "fe80::1%eth0", NULL, 0 },
		{ "[::1]", NULL, 0 },
		{ "1:2:3:4:5:6:7", NULL, 0 },
		{ "1::2::3", NULL, 0 },
		{ "12345::", NULL, 0 },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL, 0 },
		{ "unknown", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sluice_ip ip = { .family = 99 };
		char buf[IP_TEXT_MAX];
		bool got = ip_parse(rows[i].text, strlen(rows[i].text), &ip);

		if (got != (rows[i].want != NULL))
			fail_msg("'%s': parsed %d", rows[i].text, got);
		if (!got && ip.family != 99)
			fail_msg("'%s': wrote a result", rows[i].text);
		if (got && (ip.family != rows[i].family || strcmp(ip_format(&ip, buf), rows[i].want) != 0))
			fail_msg("'%s': got %s", rows[i].text, buf);
	}
}

static void an_address_ends_where_its_length_says(void **state)
{
	struct sluice_ip ip;

	(void)state;
	assert_true(ip_parse("192.0.2.19", 9, &ip));
	assert_int_equal(ip.bytes[3], 1);
	assert_false(ip_parse("192.0.2.1\0", 10, &ip));
}

static void reads_socket_addresses(void **state)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct sluice_ip ip;
	char buf[IP_TEXT_MAX];

	(void)state;
	ip = ip_from_sockaddr((struct sockaddr *)&v4);
	assert_string_equal(ip_format(&ip, buf), "192.0.2.1");
	v6.sin6_addr.s6_addr[15] = 1;
	ip = ip_from_sockaddr((struct sockaddr *)&v6);
	assert_string_equal(ip_format(&ip, buf), "::1");
	memset(&v6.sin6_addr.s6_addr[10], 0xff, 2);
	ip = ip_from_sockaddr((struct sockaddr *)&v6);
	assert_string_equal(ip_format(&ip, buf), "0.0.0.1");
	ip = ip_from_sockaddr(&un);
	assert_string_equal(ip_format(&ip, buf), "unknown");
	ip = ip_from_sockaddr(NULL);
	assert_int_equal(ip.family, 0);
}

static void writes_reverse_names(void **state)
{
	static const struct {
		const char *ip, *suffix, *want;
	} rows[] = {
		{ "192.0.2.1", NULL, "1.2.0.192.in-addr.arpa" },
		{ "192.0.2.1", "zen.example", "1.2.0.192.zen.example" },
		{ "2001:db8::567:89ab", NULL,
			"b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
		{ "::", "z", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.z" },
	};
	struct sluice_ip none = { 0 };
	char buf[128];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sluice_ip ip;
		size_t need = strlen(rows[i].want) + 1;

		assert_true(ip_parse(rows[i].ip, strlen(rows[i].ip), &ip));
		if (ip_reverse_name(&ip, rows[i].suffix, buf, need) != 0 || strcmp(buf, rows[i].want) != 0)
			fail_msg("%s: got %s", rows[i].ip, buf);
		for (size_t size = 0; size < need; size++) {
			if (ip_reverse_name(&ip, rows[i].suffix, buf, size) != -ENOSPC)
				fail_msg("%s fits into %zu", rows[i].ip, size);
		}
	}
	assert_int_equal(ip_reverse_name(&none, NULL, buf, sizeof buf), -EINVAL);
}

static void networks_contain_addresses(void **state)
{
	static const struct {
		const char *net;
		bool parses;
		const char *inside, *outside;
	} rows[] = {
		{ "192.0.2.0/24", true, "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.1", true, "192.0.2.1", "192.0.2.2" },
		{ "127.0.0.2/31", true, "127.0.0.3", "127.0.0.4" },
		{ "0.0.0.0/0", true, "8.8.8.8", "2001:db8::1" },
		{ "2001:db8::/33", true, "2001:db8:7fff::1", "2001:db8:8000::" },
		{ "::/0", true, "2001:db8::1", "192.0.2.1" },
		{ "::ffff:192.0.2.0/120", true, "192.0.2.7", "192.0.3.7" },
		{ "::ffff:0.0.0.0/96", true, "192.0.2.7", "::1" },
		{ "::ffff:0.0.0.0/95", false, NULL, NULL },
		{ "192.0.2.1/24", false, NULL, NULL },
		{ "192.0.2.0/33", false, NULL, NULL },
		{ "2001:db8::/129", false, NULL, NULL },
		{ "192.0.2.0/", false, NULL, NULL },
		{ "/24", false, NULL, NULL },
		{ "", false, NULL, NULL },
		{ "192.0.2.0/-1", false, NULL, NULL },
		{ "192.0.2.0/24/24", false, NULL, NULL },
		{ "192.0.2", false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct net net;
		struct sluice_ip ip;

		if (net_parse(rows[i].net, strlen(rows[i].net), &net) != rows[i].parses)
			fail_msg("'%s'", rows[i].net);
		if (!rows[i].parses)
			continue;
		assert_true(ip_parse(rows[i].inside, strlen(rows[i].inside), &ip));
		if (!net_contains(&net, &ip))
			fail_msg("%s is not in %s", rows[i].inside, rows[i].net);
		assert_true(ip_parse(rows[i].outside, strlen(rows[i].outside), &ip));
		if (net_contains(&net, &ip))
			fail_msg("%s is in %s", rows[i].outside, rows[i].net);
	}
}

static void cuts_addresses_to_networks(void **state)
{
	struct sluice_ip ip;
	struct net net;
	char buf[IP_TEXT_MAX];

	(void)state;
	assert_true(ip_parse("192.0.2.255", 11, &ip));
	net = net_of(&ip, 25);
	assert_string_equal(ip_format(&net.ip, buf), "192.0.2.128");
	net = net_of(&ip, 64);
	assert_int_equal(net.prefix_len, 32);
	assert_true(ip_equal(&net.ip, &ip));
	ip = (struct sluice_ip){ 0 };
	net = net_of(&ip, 24);
	assert_int_equal(net.prefix_len, 0);
	assert_int_equal(ip_octets(&net.ip), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_prints_addresses),
		cmocka_unit_test(an_address_ends_where_its_length_says),
		cmocka_unit_test(reads_socket_addresses),
		cmocka_unit_test(writes_reverse_names),
		cmocka_unit_test(networks_contain_addresses),
		cmocka_unit_test(cuts_addresses_to_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
