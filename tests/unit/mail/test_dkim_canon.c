/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/mail/dkim_canon.h"

static void fields_are_lower_case_and_of_single_blanks(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} rows[] = {
		{ "A", " X", "a:X" }, /* RFC 6376 3.4.5 */
		{ "B ", " Y\t\r\n\tZ  ", "b:Y Z" },
		{ "Subject", "", "subject:" },
		{ "Subject", " \t ", "subject:" },
		{ "Subject", " a\n b", "subject:a b" },
		{ "X-\xc3\xa4", " \xc3\xa4", "x-\xc3\xa4:\xc3\xa4" },
		{ "", "", ":" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct text out = TEXT_INIT(100);

		dkim_canon_header(&out, DKIM_RELAXED, rows[i].name, strlen(rows[i].name), rows[i].value, strlen(rows[i].value));
		if (strcmp(text_str(&out), rows[i].want) != 0)
			fail_msg("row %zu: got '%s'", i, text_str(&out));
		text_done(&out);
	}
}

static void take(void *out, const char *bytes, size_t len)
{
	text_add(out, bytes, len);
}

static void canonical(struct text *out, enum dkim_canon canon, const char *body, size_t len, size_t chunk)
{
	struct dkim_canon_body b;

	dkim_canon_body(&b, canon, take, out);
	for (size_t at = 0; at < len; at += chunk)
		dkim_canon_body_add(&b, body + at, len - at < chunk ? len - at : chunk);
	dkim_canon_body_end(&b);
}

static void bodies_lose_blanks_and_empty_lines(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n" }, /* RFC 6376 3.4.5 */
		{ "", "" },
		{ "\r\n", "" },
		{ " \t\r\n\r\n \r\n", "" },
		{ " \t ", "" },
		{ "\r\n\r\na", "\r\n\r\na\r\n" },
		{ "a", "a\r\n" },
		{ "a\r\n", "a\r\n" },
		{ "a \t", "a\r\n" },
		{ "a\r\n\r\n \r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
		{ "a\rb\nc\r\n", "a\rb\nc\r\n" },
		{ "a\r\r\n", "a\r\r\n" },
		{ "a\r", "a\r\r\n" },
		{ "a \r b", "a \r b\r\n" },
		{ "\n", "\n\r\n" },
		{ "\xff\r\n", "\xff\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t chunk = 1; chunk <= 5; chunk++) {
			struct text out = TEXT_INIT(100);

			canonical(&out, DKIM_RELAXED, rows[i].body, strlen(rows[i].body), chunk);
			if (strcmp(text_str(&out), rows[i].want) != 0)
				fail_msg("row %zu by %zu: got '%s'", i, chunk, text_str(&out));
			text_done(&out);
		}
	}
}

static void simple_bodies_lose_empty_lines_alone(void **state)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n" }, /* RFC 6376 3.4.5 */
		{ "", "\r\n" },
		{ "\r\n", "\r\n" },
		{ "\r\n\r\n", "\r\n" },
		{ " \r\n\r\n", " \r\n" },
		{ "\r\n\r\na", "\r\n\r\na\r\n" },
		{ "a\t", "a\t\r\n" },
		{ "a\rb\nc\r\n", "a\rb\nc\r\n" },
		{ "a\r\r\n", "a\r\r\n" },
		{ "\r", "\r\r\n" },
		{ "\n", "\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t chunk = 1; chunk <= 5; chunk++) {
			struct text out = TEXT_INIT(100);

			canonical(&out, DKIM_SIMPLE, rows[i].body, strlen(rows[i].body), chunk);
			if (strcmp(text_str(&out), rows[i].want) != 0)
				fail_msg("row %zu by %zu: got '%s'", i, chunk, text_str(&out));
			text_done(&out);
		}
	}
}

static void simple_fields_stay_as_they_are(void **state)
{
	struct text out = TEXT_INIT(100);

	(void)state;
	dkim_canon_header(&out, DKIM_SIMPLE, "SubJect ", 8, "  a\r\n\tb ", 8);
	assert_string_equal(text_str(&out), "SubJect :  a\r\n\tb ");
	text_done(&out);
}

static void more_than_the_buffer_holds_is_the_same(void **state)
{
	static char body[3 * DKIM_CANON_BUFFER_BYTES];
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2 * sizeof body);

	(void)state;
	memset(body, 'a', sizeof body);
	memcpy(body + DKIM_CANON_BUFFER_BYTES - 1, "\r\n", 2);
	canonical(&out, DKIM_RELAXED, body, sizeof body, 1000);
	assert_int_equal(out.len, sizeof body + 2);
	assert_memory_equal(out.bytes, body, sizeof body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_lower_case_and_of_single_blanks),
		cmocka_unit_test(bodies_lose_blanks_and_empty_lines),
		cmocka_unit_test(simple_bodies_lose_empty_lines_alone),
		cmocka_unit_test(simple_fields_stay_as_they_are),
		cmocka_unit_test(more_than_the_buffer_holds_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
