/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/html_reference.h"

static void reads_what_a_browser_reads(void **state)
{
	static const struct {
		const char *bytes;
		bool attribute;
		size_t want;
		const char *text;
	} rows[] = {
		{ "&amp;", false, 5, "&" },
		{ "&amp", false, 4, "&" },
		{ "&AMP;x", false, 5, "&" },
		{ "&Amp;", false, 0, "" },
		{ "&lt;b", false, 4, "<" },
		{ "&ltb", false, 3, "<" },
		{ "&ltb", true, 0, "" },
		{ "&lt=", true, 0, "" },
		{ "&lt=", false, 3, "<" },
		{ "&lt;=", true, 4, "<" },
		{ "&lt!", true, 3, "<" },
		{ "&copy=1", true, 0, "" },
		{ "&copy;=1", true, 6, "\u00a9" },
		{ "&notit;", false, 4, "\u00ac" },
		{ "&notin;", false, 7, "\u2209" },
		{ "&notin", false, 4, "\u00ac" },
		{ "&eacute", false, 7, "\u00e9" },
		{ "&frac12;", false, 8, "\u00bd" },
		{ "&colon;", false, 7, ":" },
		{ "&colon", false, 0, "" },
		{ "&sol;", false, 5, "/" },
		{ "&period;", false, 8, "." },
		{ "&commat;", false, 8, "@" },
		{ "&Tab;", false, 5, "\t" },
		{ "&nGt;", false, 5, "\u226b\u20d2" },
		{ "&fjlig;", false, 7, "fj" },
		{ "&CounterClockwiseContourIntegral;", false, 33, "\u2233" },
		{ "&CounterClockwiseContourIntegralX;", false, 0, "" },
		{ "&nbsp;", false, 6, "\u00a0" },
		{ "&unknown;", false, 0, "" },
		{ "&", false, 0, "" },
		{ "&;", false, 0, "" },
		{ "& amp;", false, 0, "" },
		{ "&g", false, 0, "" },
		{ "&gt", false, 3, ">" },
		{ "&#38;", false, 5, "&" },
		{ "&#38", false, 4, "&" },
		{ "&#38x", true, 4, "&" },
		{ "&#x26;", false, 6, "&" },
		{ "&#X26;", false, 6, "&" },
		{ "&#x1F600;", false, 9, "\U0001f600" },
		{ "&#0000000000000000065;", false, 22, "A" },
		{ "&#128;", false, 6, "\u20ac" },
		{ "&#129;", false, 6, "\xc2\x81" },
		{ "&#x9f;", false, 6, "\u0178" },
		{ "&#0;", false, 4, "\ufffd" },
		{ "&#xd800;", false, 8, "\ufffd" },
		{ "&#x110000;", false, 10, "\ufffd" },
		{ "&#99999999999999999999;", false, 23, "\ufffd" },
		{ "&#", false, 0, "" },
		{ "&#;", false, 0, "" },
		{ "&#x;", false, 0, "" },
		{ "&#xg;", false, 0, "" },
		{ "&#a;", false, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[HTML_REFERENCE_SIZE] = "";
		size_t got = html_reference_read(rows[i].bytes, strlen(rows[i].bytes), rows[i].attribute, text);

		if (got != rows[i].want || strcmp(text, rows[i].text) != 0)
			fail_msg("'%s': got %zu '%s', want %zu '%s'", rows[i].bytes, got, text, rows[i].want, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_a_browser_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
