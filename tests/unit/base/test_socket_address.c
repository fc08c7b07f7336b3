/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/base/socket_address.h"

static void addresses_are_read(void **state)
{
	struct socket_address a;

	(void)state;
	assert_true(socket_address_read("unix:/run/clamav/clamd.ctl", &a));
	assert_int_equal(a.u.any.sa_family, AF_UNIX);
	assert_string_equal(a.u.un.sun_path, "/run/clamav/clamd.ctl");
	assert_true(socket_address_read("inet:3310@192.0.2.1", &a));
	assert_int_equal(a.u.any.sa_family, AF_INET);
	assert_int_equal(ntohs(a.u.in.sin_port), 3310);
	assert_int_equal(ntohl(a.u.in.sin_addr.s_addr), 0xc0000201);
	assert_true(socket_address_read("inet6:65535@2001:db8::1", &a));
	assert_int_equal(a.u.any.sa_family, AF_INET6);
	assert_int_equal(a.len, sizeof a.u.in6);
}

static const char *const none[] = { "", "unix:", "unix:relative", "/run/clamd", "inet:3310", "inet:@192.0.2.1",
	"inet:0@192.0.2.1", "inet:65536@192.0.2.1", "inet:3310@localhost", "inet:3310@2001:db8::1",
	"inet6:3310@192.0.2.1", "inet:3310@192.0.2.1 ", "inet:-1@192.0.2.1", "tcp:3310@192.0.2.1" };

static void all_else_is_none(void **state)
{
	struct socket_address a;
	char path[200] = "unix:/";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (socket_address_read(none[i], &a))
			fail_msg("'%s' was taken", none[i]);
	memset(path + 6, 'x', 150);
	assert_false(socket_address_read(path, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(all_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
