/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_helo;

static const struct fake_item lists[] = {
	{ "our-names", "ours.example" },
	{ "trusted", "192.0.2.0/28" },
	{ .list = NULL },
};

static void reports_form_and_claims(void **state)
{
	static const struct {
		const char *client, *helo, *want;
	} rows[] = {
		{ "198.51.100.1", NULL, "skipped\n" },
		{ "198.51.100.1", "a.example", "done helo.form=fqdn helo.ours=no helo.literal=no\n" },
		{ "198.51.100.1", "MX.ours.example", "done helo.form=fqdn helo.ours=yes helo.literal=no\n" },
		{ "198.51.100.1", "ours.example", "done helo.form=fqdn helo.ours=yes helo.literal=no\n" },
		{ "192.0.2.1", "ours.example", "done helo.form=fqdn helo.ours=no helo.literal=no\n" },
		{ NULL, "ours.example", "done helo.form=fqdn helo.ours=no helo.literal=no\n" },
		{ "198.51.100.1", "[198.51.100.1]",
			"done helo.form=literal helo.ours=no helo.literal=yes helo.literal_matches=yes\n" },
		{ "198.51.100.1", "[198.51.100.2]",
			"done helo.form=literal helo.ours=no helo.literal=yes helo.literal_matches=no\n" },
		{ "198.51.100.1", "198.51.100.1", "done helo.form=malformed helo.ours=no helo.literal=no\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = rows[i].client, .helo = rows[i].helo, .lists = lists };

		if (strcmp(fake_run(&c, &sluice_plugin_helo, "helo"), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&c.log));
		fake_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_form_and_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
