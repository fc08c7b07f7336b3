/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/base/ip.h"
#include "plugins/helo/helo_eval.h"

static void classifies_every_form(void **state)
{
	static const struct {
		const char *name;
		enum helo_form want;
	} rows[] = {
		{ "mx1.example.org", HELO_FQDN },
		{ "MX1.EXAMPLE.ORG", HELO_FQDN },
		{ "mx1.example.org.", HELO_FQDN },
		{ "3com.example", HELO_FQDN },
		{ "1.2.3.4.dyn.example.net", HELO_FQDN },
		{ "xn--bcher-kva.example", HELO_FQDN },
		{ "b\xc3\xbc" "cher.example", HELO_FQDN },
		{ "localhost", HELO_SINGLE_LABEL },
		{ "WIN-7K2A", HELO_SINGLE_LABEL },
		{ "localhost.", HELO_SINGLE_LABEL },
		{ "[192.0.2.1]", HELO_LITERAL },
		{ "[IPv6:2001:db8::7]", HELO_LITERAL },
		{ "[ipv6:::1]", HELO_LITERAL },
		{ "[IPv6:::ffff:192.0.2.1]", HELO_LITERAL },
		{ "", HELO_MALFORMED },
		{ ".", HELO_MALFORMED },
		{ "a..example.org", HELO_MALFORMED },
		{ ".example.org", HELO_MALFORMED },
		{ "-a.example.org", HELO_MALFORMED },
		{ "my_host.example.org", HELO_MALFORMED },
		{ "a b.example.org", HELO_MALFORMED },
		{ "192.0.2.1", HELO_MALFORMED },
		{ "192.0.2.1.", HELO_MALFORMED },
		{ "12345", HELO_MALFORMED },
		{ "2001:db8::1", HELO_MALFORMED },
		{ "[]", HELO_MALFORMED },
		{ "[", HELO_MALFORMED },
		{ "]", HELO_MALFORMED },
		{ "[192.0.2.1", HELO_MALFORMED },
		{ "[192.0.2]", HELO_MALFORMED },
		{ "[2001:db8::1]", HELO_MALFORMED },
		{ "[IPv6:]", HELO_MALFORMED },
		{ "[IPv6:192.0.2.1]", HELO_MALFORMED },
		{ "[example.org]", HELO_MALFORMED },
		{ "exam\x80ple.org", HELO_MALFORMED },
		{ "example.org\r", HELO_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum helo_form got = helo_classify(rows[i].name, strlen(rows[i].name), NULL);

		if (got != rows[i].want)
			fail_msg("'%s': got %d, want %d", rows[i].name, (int)got, (int)rows[i].want);
	}
	assert_int_equal(helo_classify("a\0b.example", 11, NULL), HELO_MALFORMED);
	assert_int_equal(helo_classify(NULL, 0, NULL), HELO_MALFORMED);
}

static void a_literal_has_an_address(void **state)
{
	struct sluice_ip ip = { 0 };
	char buf[IP_TEXT_MAX];

	(void)state;
	assert_int_equal(helo_classify("[192.0.2.7]", 11, &ip), HELO_LITERAL);
	assert_string_equal(ip_format(&ip, buf), "192.0.2.7");
	assert_int_equal(helo_classify("[IPv6:2001:DB8::7]", 18, &ip), HELO_LITERAL);
	assert_string_equal(ip_format(&ip, buf), "2001:db8::7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classifies_every_form),
		cmocka_unit_test(a_literal_has_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
