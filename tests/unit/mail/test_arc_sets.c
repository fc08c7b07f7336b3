/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/arc_sets.h"

static void add(struct arc_sets *s, const char *name, const char *value)
{
	arc_sets_header(s, name, strlen(name), value, strlen(value));
}

static void add_set(struct arc_sets *s, unsigned i, const char *cv)
{
	char value[256];

	(void)snprintf(value, sizeof value, " i=%u; mx.example.org; spf=pass", i);
	add(s, "ARC-Authentication-Results", value);
	(void)snprintf(value, sizeof value,
		" i=%u; a=rsa-sha256; d=example.org; s=sel; h=from; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA", i);
	add(s, "ARC-Message-Signature", value);
	(void)snprintf(value, sizeof value, " i=%u; a=rsa-sha256; cv=%s;\r\n d=example.org; s=sel; b=BB\r\n BB", i, cv);
	add(s, "ARC-Seal", value);
}

static void keeps_whole_sets_in_any_order(void **state)
{
	struct arc_sets *s = arc_sets_new();
	size_t len;

	(void)state;
	add_set(s, 2, "pass");
	add(s, "Subject", "i=7");
	add_set(s, 1, "none");
	assert_true(arc_sets_header_end(s));
	assert_string_equal(arc_sets_why(s), "");
	assert_int_equal(arc_sets_count(s), 2);
	assert_int_equal(arc_sets_seal(s, 2)->cv, ARC_PASS);
	assert_null(arc_sets_seal(s, 3));
	assert_null(arc_sets_seal(s, 0));
	assert_string_equal(arc_sets_results(s, 1, &len), " mx.example.org; spf=pass");
	assert_string_equal(text_str(arc_sets_field(s, 1, ARC_RESULTS)), "arc-authentication-results:i=1; mx.example.org; spf=pass\r\n");
	assert_string_equal(text_str(arc_sets_field(s, 2, ARC_SEAL)), "arc-seal:i=2; a=rsa-sha256; cv=pass; d=example.org; s=sel; b=BB BB\r\n");
	assert_string_equal(text_str(arc_sets_unsealed(s, 2)), "arc-seal:i=2; a=rsa-sha256; cv=pass; d=example.org; s=sel; b=");
	arc_sets_free(s);
}

static void nothing_is_no_chain(void **state)
{
	struct arc_sets *s = arc_sets_new();

	(void)state;
	assert_true(arc_sets_header_end(s));
	assert_int_equal(arc_sets_count(s), 0);
	assert_string_equal(arc_sets_why(s), "");
	arc_sets_free(s);
	arc_sets_free(NULL);
}

static void says_what_breaks_the_form(void **state)
{
	static const struct {
		const char *name, *value, *why; /* a field besides a whole set */
	} rows[] = {
		{ "ARC-Seal", "i=1; a=rsa-sha256; cv=none; d=example.org; s=sel; b=AAAA", "ARC-Seal: an instance is there twice" },
		{ "arc-seal ", "i=2; a=rsa-sha256; cv=pass; d=example.org; s=sel; b=AAAA", "i=2: there is no ARC-Authentication-Results" },
		{ "ARC-Seal", "i=51; a=rsa-sha256", "ARC-Seal: i= is no instance" },
		{ "ARC-Seal", "i=1; i=1", "ARC-Seal: an instance is there twice" },
		{ "ARC-Seal", "i=4294967297; a=rsa-sha256", "ARC-Seal: i= is no instance" },
		{ "ARC-Seal", "", "ARC-Seal: the field breaks the grammar" },
		{ "ARC-Authentication-Results", "mx.example.org; spf=pass",
			"ARC-Authentication-Results: it does not begin with an instance (i=1;)" },
		{ "ARC-Authentication-Results", "i=1 mx.example.org",
			"ARC-Authentication-Results: it does not begin with an instance (i=1;)" },
		{ "ARC-Authentication-Results", "i=", "ARC-Authentication-Results: it does not begin with an instance (i=1;)" },
		{ "ARC-Authentication-Results", "(c) I = 1 ; x", "ARC-Authentication-Results: an instance is there twice" },
		{ "ARC-Message-Signature", "a=rsa-sha256; i=one", "ARC-Message-Signature: i= is no instance" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arc_sets *s = arc_sets_new();

		add_set(s, 1, "none");
		add(s, rows[i].name, rows[i].value);
		assert_true(arc_sets_header_end(s));
		if (strcmp(arc_sets_why(s), rows[i].why) != 0)
			fail_msg("'%s: %s': got '%s'", rows[i].name, rows[i].value, arc_sets_why(s));
		arc_sets_free(s);
	}
}

static void each_seal_says_what_it_found(void **state)
{
	static const struct {
		const char *first, *second, *why;
	} rows[] = {
		{ "none", "pass", "" },
		{ "pass", "pass", "i=1: cv=pass cannot be" },
		{ "none", "none", "i=2: cv=none cannot be" },
		{ "none", "fail", "i=2: the chain was broken when it came there" },
		{ "fail", "pass", "i=1: the chain was broken when it came there" },
		{ "None", "pass", "i=1: ARC-Seal: cv= is unknown" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arc_sets *s = arc_sets_new();

		add_set(s, 1, rows[i].first);
		add_set(s, 2, rows[i].second);
		assert_true(arc_sets_header_end(s));
		assert_string_equal(arc_sets_why(s), rows[i].why);
		arc_sets_free(s);
	}
}

static void as_many_sets_as_there_can_be(void **state)
{
	struct arc_sets *s = arc_sets_new();

	(void)state;
	for (unsigned i = 1; i <= ARC_MAX_SETS; i++)
		add_set(s, i, i == 1 ? "none" : "pass");
	assert_true(arc_sets_header_end(s));
	assert_string_equal(arc_sets_why(s), "");
	assert_int_equal(arc_sets_count(s), ARC_MAX_SETS);
	arc_sets_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_whole_sets_in_any_order),
		cmocka_unit_test(nothing_is_no_chain),
		cmocka_unit_test(says_what_breaks_the_form),
		cmocka_unit_test(each_seal_says_what_it_found),
		cmocka_unit_test(as_many_sets_as_there_can_be),
	};

	return cmocka_run_group_tests_name("arc_sets", tests, NULL, NULL);
}
