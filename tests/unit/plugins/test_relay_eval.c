/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/mail/address.h"
#include "plugins/relay/relay_eval.h"

static bool ours(const void *arg, const char *domain, size_t len)
{
	return ascii_equals(domain, len, arg) || ascii_equals(domain, len, "second.example");
}

static void knows_an_attempt_to_relay(void **state)
{
	static const struct {
		const char *rcpt;
		bool want;
	} rows[] = {
		{ "<user@ours.example>", false },
		{ "<user@OURS.example>", false },
		{ "<user@second.example>", false },
		{ "<\"odd user\"@ours.example>", false },
		{ "<postmaster>", false },
		{ "<Postmaster>", false },
		{ "<user>", true },
		{ "<>", true },
		{ "<postmaster@>", true },
		{ "<postmaster@elsewhere.example>", true },
		{ "<user@elsewhere.example>", true },
		{ "<user@sub.ours.example>", true },
		{ "<user@[192.0.2.1]>", true },
		{ "<user@[ours.example]>", true },
		{ "<user%elsewhere.example@ours.example>", true },
		{ "<user%second.example@ours.example>", false },
		{ "<user%elsewhere.example%second.example@ours.example>", true },
		{ "<user%@ours.example>", false },
		{ "<50%off@ours.example>", true },
		{ "<elsewhere.example!user@ours.example>", true },
		{ "<second.example!user@ours.example>", false },
		{ "<second.example!elsewhere.example!user@ours.example>", true },
		{ "<user@elsewhere.example@ours.example>", true },
		{ "<\"user@elsewhere.example\"@ours.example>", true },
		{ "<\"user%elsewhere.example\"@ours.example>", true },
		{ "<\"user@elsewhere.example\"%second.example@ours.example>", true },
		{ "<@elsewhere.example:user@ours.example>", true },
		{ "<@ours.example:user@elsewhere.example>", true },
		{ "<@ours.example:user@ours.example>", false },
		{ "<@ours.example,@elsewhere.example:user@ours.example>", true },
		{ "<@ours.example:user%elsewhere.example@ours.example>", true },
		{ "<\"@ours.example>", true },
		{ "<a%ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%"
		  "ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%ours.example%"
		  "ours.example@ours.example>", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].rcpt, strlen(rows[i].rcpt));

		if (relay_is_attempt(&a, ours, "ours.example") != rows[i].want)
			fail_msg("'%s'", rows[i].rcpt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_an_attempt_to_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
