/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_relay;

static const struct fake_item lists[] = {
	{ "local-domains", "ours.example" },
	{ "relay-domains", "backup.example" },
	{ "trusted", "192.0.2.0/28" },
	{ .list = NULL },
};

static void tells_who_may_send_to_anywhere(void **state)
{
	static const struct {
		const char *client, *rcpt;
		bool authenticated;
		const char *want;
	} rows[] = {
		{ "198.51.100.1", "<a@ours.example>", false, "done relay.attempt=no relay.form=plain\n" },
		{ "198.51.100.1", "<a@backup.example>", false, "done relay.attempt=no relay.form=plain\n" },
		{ "198.51.100.1", "<a@elsewhere.example>", false, "done relay.attempt=yes relay.form=plain\n" },
		{ "198.51.100.1", "<a@elsewhere.example>", true, "done relay.attempt=no relay.form=plain\n" },
		{ "192.0.2.1", "<a@elsewhere.example>", false, "done relay.attempt=no relay.form=plain\n" },
		{ NULL, "<a@elsewhere.example>", false, "done relay.attempt=no relay.form=plain\n" },
		{ "198.51.100.1", "<a%b@ours.example>", false, "done relay.attempt=yes relay.form=percent\n" },
		{ "192.0.2.1", "<a%b@ours.example>", false, "done relay.attempt=no relay.form=percent\n" },
		{ "198.51.100.1", "<@x.example:a@ours.example>", false, "done relay.attempt=yes relay.form=source-route\n" },
		{ "198.51.100.1", "<postmaster>", false, "done relay.attempt=no relay.form=plain\n" },
		{ "198.51.100.1", NULL, false, "skipped\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = rows[i].client, .rcpt = rows[i].rcpt, .lists = lists };

		c.authenticated = rows[i].authenticated;
		if (strcmp(fake_run(&c, &sluice_plugin_relay, "relay"), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&c.log));
		fake_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_who_may_send_to_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
