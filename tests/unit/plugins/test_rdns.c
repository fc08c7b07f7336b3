/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_rdns;

static const struct fake_record dns[] = {
	{ "1.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "other.example mx.example" },
	{ "other.example", SLUICE_DNS_A, "192.0.2.99" },
	{ "mx.example", SLUICE_DNS_A, "192.0.2.7 192.0.2.1" },
	{ "2.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "other.example gone.example" },
	{ "3.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "other.example slow.example" },
	{ "slow.example", SLUICE_DNS_A, "TIMEOUT" },
	{ "4.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "SERVFAIL" },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", SLUICE_DNS_PTR, "six.example" },
	{ "six.example", SLUICE_DNS_AAAA, "2001:db8::1" },
	{ .name = NULL },
};

static void follows_the_name_and_back(void **state)
{
	static const struct {
		const char *client, *want;
		unsigned runs;
	} rows[] = {
		{ NULL, "skipped\n", 1 },
		{ "192.0.2.1",
			"done rdns.name=mx.example rdns.names=other.example, mx.example rdns.confirmed=yes rdns.result=pass\n"
			"mx.ours.example;\n\tiprev=pass policy.iprev=192.0.2.1\n",
			3 },
		{ "192.0.2.2",
			"done rdns.name=other.example rdns.names=other.example, gone.example rdns.confirmed=no rdns.result=fail\n"
			"mx.ours.example;\n\tiprev=fail policy.iprev=192.0.2.2\n",
			3 },
		{ "192.0.2.3",
			"temperror rdns.name=other.example rdns.names=other.example, slow.example rdns.result=temperror\n"
			"mx.ours.example;\n\tiprev=temperror policy.iprev=192.0.2.3\n",
			3 },
		{ "192.0.2.4",
			"temperror rdns.result=temperror\nmx.ours.example;\n\tiprev=temperror policy.iprev=192.0.2.4\n", 2 },
		{ "192.0.2.5",
			"done rdns.confirmed=no rdns.result=permerror\n"
			"mx.ours.example;\n\tiprev=permerror policy.iprev=192.0.2.5\n",
			2 },
		{ "2001:db8::1",
			"done rdns.name=six.example rdns.names=six.example rdns.confirmed=yes rdns.result=pass\n"
			"mx.ours.example;\n\tiprev=pass policy.iprev=\"2001:db8::1\"\n",
			3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = rows[i].client, .dns = dns };

		if (strcmp(fake_run(&c, &sluice_plugin_rdns, "rdns"), rows[i].want) != 0 || c.runs != rows[i].runs)
			fail_msg("row %zu: %u runs: %s", i, c.runs, text_str(&c.log));
		fake_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_name_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
