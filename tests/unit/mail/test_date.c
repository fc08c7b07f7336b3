/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/date.h"

#define THEN_S INT64_C(1764115199) /* 2025-11-25 23:59:59 UTC, a Tuesday */

static void reads_dates(void **state)
{
	static const struct {
		const char *value;
		int64_t s;
	} rows[] = {
		{ "Tue, 25 Nov 2025 23:59:59 +0000", THEN_S },
		{ " Tue,25 Nov 2025 23:59:59 -0000 ", THEN_S },
		{ "25 Nov 2025 23:59:59 +0000", THEN_S },
		{ "Wed, 26 Nov 2025 00:59:59 +0100", THEN_S },
		{ "Tue, 25 Nov 2025 18:29:59 -0530", THEN_S },
		{ "tue, 25 nov 2025 23:59:59 gmt", THEN_S },
		{ "Tue, 25 Nov 2025 23:59:59 UT", THEN_S },
		{ "Tue, 25 Nov 2025 23:59:60 UTC", THEN_S },
		{ "Tue, 25 Nov 2025 18:59:59 EST", THEN_S },
		{ "Tue, 25 Nov 25 23:59:59 Z", THEN_S },
		{ "Tue (today), 25 (of) Nov\r\n 2025 23 : 59 : 59 +0000 (UTC (really))", THEN_S },
		{ "Tue, 25 Nov 2025 23:59 +0000", THEN_S - 59 },
		{ "Thu, 1 Jan 1970 00:00:00 +0000", 0 },
		{ "Wed, 31 Dec 69 23:59:59 +0000", -1 },
		{ "29 Feb 2024 12:00:00 +0000", 1709208000 },
		{ "Sat, 1 Jan 100 00:00:00 +0000", 946684800 }, /* three digits, as some clocks wrote 2000 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t s = 1;

		if (!date_parse(rows[i].value, strlen(rows[i].value), &s) || s != rows[i].s)
			fail_msg("'%s' is %lld", rows[i].value, (long long)s);
	}
}

static void takes_nothing_else(void **state)
{
	static const char *const values[] = { "", " ", "Tue", "Tue, 25 Nov 2025", "Tue, 25 Nov 2025 23:59:59", "Mon, 25 Nov 2025 23:59:59 +0000", "Tue 25 Nov 2025 23:59:59 +0000",
		"2025-11-25T23:59:59Z", "Tue, 25 November 2025 23:59:59 +0000", "Tue, 25 Nov 2025 24:00:00 +0000", "Tue, 25 Nov 2025 23:60:00 +0000",
		"Tue, 25 Nov 2025 23:59:61 +0000", "30 Feb 2025 12:00:00 +0000", "29 Feb 2025 12:00:00 +0000", "0 Nov 2025 12:00:00 +0000", "25 Nov 2025 12:00:00 +0060",
		"25 Nov 2025 12:00:00 J", "25 Nov 2025 12:00:00 CET", "25 Nov 2025 12:00:00 +00000", "25 Nov 2025 12:00:00 +0000 x", "25 Nov 2025 12:00:00 +0000, ",
		"25 Nov 20255 12:00:00 +0000", "25 Nov 5 12:00:00 +0000", "25 Nov 1899 12:00:00 +0000", "25 Nov 2025 12.00.00 +0000", "\"25\" Nov 2025 12:00:00 +0000",
		"25 Nov 2025 12:00:00 (+0000", "125 Nov 2025 12:00:00 +0000", "25 Nov 2025 1:2:3 +0000" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		int64_t s = 1;

		if (date_parse(values[i], strlen(values[i]), &s))
			fail_msg("'%s' is %lld", values[i], (long long)s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_dates),
		cmocka_unit_test(takes_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
