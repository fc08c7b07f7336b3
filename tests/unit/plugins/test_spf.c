/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_spf;

static const struct fake_record dns[] = {
	{ "example.net", SLUICE_DNS_TXT, "v=spf1" },
	{ "mail.example.net", SLUICE_DNS_TXT, "NODATA" },
	{ .name = NULL },
};

static const struct {
	const char *check, *client, *helo, *mail_from;
	bool authenticated;
	const char *want;
} cases[] = {
	{ "spf", "192.0.2.1", "mail.example.net", "a@example.net", false,
		"done spf.result=neutral spf.identity=mailfrom spf.domain=example.net spf.record=v=spf1 spf.lookups=0 "
		"spf.void_lookups=0\nmx.ours.example;\n\tspf=neutral smtp.mailfrom=a@example.net\n" },
	{ "spf", "192.0.2.1", "example.net", "", false,
		"done spf.result=neutral spf.identity=helo spf.domain=example.net spf.record=v=spf1 spf.lookups=0 "
		"spf.void_lookups=0\nmx.ours.example;\n\tspf=neutral smtp.helo=example.net\n" },
	{ "spf", "192.0.2.1", "mail.example.net", "a@example.net", true, "skipped\n" },
	{ "spf", NULL, "mail.example.net", "a@example.net", false, "skipped\n" },
	{ "spf_helo", "192.0.2.1", "example.net", NULL, false, "done spf_helo.result=neutral\n" },
	{ "spf_helo", "192.0.2.1", NULL, NULL, false, "skipped\n" },
};

static void reports_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sluice_check_ctx c = { .client = cases[i].client,
			.helo = cases[i].helo,
			.mail_from = cases[i].mail_from,
			.authenticated = cases[i].authenticated,
			.dns = dns };
		const char *got = fake_run(&c, &sluice_plugin_spf, cases[i].check);

		if (strcmp(got, cases[i].want) != 0)
			fail_msg("row %zu: got '%s'", i, got);
		fake_done(&c);
	}
}

#define MAX_DEPTH 10

/*
 * A chain of redirects, each known only when the one before it is here: as many rounds as records, and the run that
 * finds all of them.
 */
static void needs_no_more_rounds_than_the_chain_is_deep(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= MAX_DEPTH; depth++) {
		char names[MAX_DEPTH][32], records[MAX_DEPTH][64];
		struct fake_record rows[MAX_DEPTH + 1] = { 0 };
		struct sluice_check_ctx c = { .client = "192.0.2.1", .helo = "mail.example.net", .dns = rows };
		char from[40];

		for (unsigned i = 0; i < depth; i++) {
			(void)snprintf(names[i], sizeof names[i], "n%u.example", i);
			(void)snprintf(records[i], sizeof records[i],
				i + 1 < depth ? "v=spf1 redirect=n%u.example" : "v=spf1", i + 1);
			rows[i] = (struct fake_record){ names[i], SLUICE_DNS_TXT, records[i] };
		}
		(void)snprintf(from, sizeof from, "a@%s", names[0]);
		c.mail_from = from;
		if (!strstr(fake_run(&c, &sluice_plugin_spf, "spf"), "spf.result=neutral"))
			fail_msg("depth %u: %s", depth, text_str(&c.log));
		if (c.runs > depth + 1)
			fail_msg("depth %u: %u runs", depth, c.runs);
		fake_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_facts),
		cmocka_unit_test(needs_no_more_rounds_than_the_chain_is_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
