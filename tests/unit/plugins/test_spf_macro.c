/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/spf/spf_macro.h"

#define OUT_MAX_BYTES 16384

static struct spf_span span_of(const char *s)
{
	return (struct spf_span){ s, strlen(s) };
}

static struct spf_macros macros(void)
{
	return (struct spf_macros){
		.local = SPF_SPAN("strong-bad"),
		.sender_domain = SPF_SPAN("email.example.com"),
		.domain = SPF_SPAN("email.example.com"),
		.helo = SPF_SPAN("mx.example.org"),
		.validated = SPF_SPAN("mx.example.org"),
		.receiver = SPF_SPAN("recv.example.net"),
		.client = { 4, { 192, 0, 2, 3 } },
		.now_s = 1700000000,
	};
}

static const struct {
	const char *spec, *want, *want6; /* the first rows are those of RFC 7208 7.4 */
} expansions[] = {
	{ "%{s}", "strong-bad@email.example.com", NULL },
	{ "%{o}", "email.example.com", NULL },
	{ "%{d4}", "email.example.com", NULL },
	{ "%{d3}", "email.example.com", NULL },
	{ "%{d2}", "example.com", NULL },
	{ "%{d1}", "com", NULL },
	{ "%{dr}", "com.example.email", NULL },
	{ "%{d2r}", "example.email", NULL },
	{ "%{l}", "strong-bad", NULL },
	{ "%{l-}", "strong.bad", NULL },
	{ "%{lr}", "strong-bad", NULL },
	{ "%{lr-}", "bad.strong", NULL },
	{ "%{l1r-}", "strong", NULL },
	{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com",
		"1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com" },
	{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com", NULL },
	{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net", NULL },
	{ "%{h}|%{p}|%{r}|%{c}|%{t}", "mx.example.org|mx.example.org|recv.example.net|192.0.2.3|1700000000",
		"mx.example.org|mx.example.org|recv.example.net|2001:db8::cb01|1700000000" },
	{ "%%%_%-", "% %20", NULL },
	{ "%{S}", "strong-bad%40email.example.com", NULL },
	{ "%{d99999999999999999999}", "email.example.com", NULL },
	{ "%{d5r}", "com.example.email", NULL },
	{ "%{d1r}", "email", NULL },
	{ "%{D2R}", "example.email", NULL },
	{ "%{s1-}", "bad@email.example.com", NULL },
	{ "%{o1.-+,/_=}", "com", NULL },
	{ "%{i1}", "3", "1" },
	{ "%{v}", "in-addr", "ip6" },
	{ "%{C}", "192.0.2.3", "2001%3Adb8%3A%3Acb01" },
	{ "", "", NULL },
};

static void expands_macros(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(expansions); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(OUT_MAX_BYTES);
		size_t row = i / 2;
		const char *want = i % 2 && expansions[row].want6 ? expansions[row].want6 : expansions[row].want;
		struct spf_macros m = macros();

		if (i % 2)
			m.client = (struct sluice_ip){ 6, { 0x20, 1, 0xd, 0xb8, [14] = 0xcb, 1 } };
		if (!spf_expand(span_of(expansions[row].spec), &m, &got) || strcmp(text_str(&got), want) != 0)
			fail_msg("'%s': got '%s', want '%s'", expansions[row].spec, text_str(&got), want);
	}
}

static const struct {
	const char *local, *spec, *want;
} locals[] = {
	{ "a..b", "%{lr}", "b..a" },
	{ ".a.", "%{l1}", "" },
	{ ".a.", "%{l2}", "a." },
	{ ".a.", "%{l2r}", "a." },
	{ "a-b+c", "%{l2r+-}", "b.a" },
	{ "a-b+c", "%{l2+-}", "b.c" },
	{ "a=b_c/d,e", "%{lr=_/,}", "e.d.c.b.a" },
	{ "", "%{l}", "" },
	{ "", "%{lr1}", NULL }, /* the digits come first: not of the form */
	{ "\xc3\xa4 %{d}", "%{L}", "%C3%A4%20%25%7Bd%7D" },
};

static void splits_and_turns_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(locals); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(OUT_MAX_BYTES);
		struct spf_macros m = macros();
		bool ok;

		m.local = span_of(locals[i].local);
		ok = spf_expand(span_of(locals[i].spec), &m, &got);
		if (ok != (locals[i].want != NULL) || (ok && strcmp(text_str(&got), locals[i].want) != 0))
			fail_msg("'%s' of '%s': got '%s'", locals[i].spec, locals[i].local, text_str(&got));
	}
}

static const struct {
	const char *text;
	bool domain_spec, macro_string, explain_string;
} forms[] = {
	{ "example.org", true, true, true },
	{ "example.org.", true, true, true },
	{ "%{d}", true, true, true },
	{ "a.%{d2r-}", true, true, true },
	{ "org", false, true, true },
	{ "a.b.0", false, true, true },
	{ "a.b-", false, true, true },
	{ "", false, true, true },
	{ "a b.org", false, false, true },
	{ "%{c}", false, false, true },
	{ "%{r}.org", false, false, true },
	{ "%{T}", false, false, true },
	{ "100%", false, false, false },
	{ "%{}", false, false, false },
	{ "%{d0}", false, false, false },
	{ "%{d00}", false, false, false },
	{ "%{dx}", false, false, false },
	{ "%{d", false, false, false },
	{ "%{d-", false, false, false },
	{ "%{d2", false, false, false },
	{ "\xc3\xa4.org", false, false, false },
	{ "a\tb.org", false, false, false },
};

static void tells_the_forms_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct spf_span s = span_of(forms[i].text);

		if (spf_is_domain_spec(s) != forms[i].domain_spec ||
			spf_is_macro_string(s, SPF_LETTERS_OF_NAME) != forms[i].macro_string ||
			spf_is_explain_string(s) != forms[i].explain_string)
			fail_msg("'%s'", forms[i].text);
	}
	assert_false(spf_is_macro_string(SPF_SPAN("a\0b"), SPF_LETTERS_OF_EXP));
	assert_false(spf_is_macro_string(SPF_SPAN("%{d\0}"), SPF_LETTERS_OF_EXP));
	assert_false(spf_is_macro_string(SPF_SPAN("%{\0}"), SPF_LETTERS_OF_EXP));
	assert_true(spf_uses(SPF_SPAN("a.%%{p}.%{P}"), 'p'));
	assert_false(spf_uses(SPF_SPAN("p.%%{p}.%{d}"), 'p'));
}

static const struct {
	const char *spec, *want; /* NULL: no name */
} targets[] = {
	{ "", "email.example.com" },
	{ "example.org.", "example.org" },
	{ "%{p}", "mx.example.org" },
	{ "a..example.org", NULL },
	{ "%{l}.", "strong-bad" },
	{ "a123456789012345678901234567890123456789012345678901234567890123.example.org", NULL },
	{ "%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}.%{d}",
		"email.example.com.email.example.com.email.example.com.email.example.com.email.example.com."
		"email.example.com.email.example.com.email.example.com.email.example.com.email.example.com."
		"email.example.com.email.example.com.email.example.com.email.example.com" },
};

static void makes_target_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct spf_macros m = macros();
		struct spf_name name;
		bool ok = spf_target(span_of(targets[i].spec), &m, &name);

		if (ok != (targets[i].want != NULL) || (ok && strcmp(name.text, targets[i].want) != 0))
			fail_msg("'%s': got '%s'", targets[i].spec, ok ? name.text : "none");
	}
}

static void escapes_names_for_the_dns(void **state)
{
	char buf[4 * SPF_NAME_MAX + 1];
	struct spf_name name;

	(void)state;
	assert_true(spf_name_set(&name, "a\\b \0\xff.org", 10));
	assert_string_equal(spf_name_for_dns(&name, buf), "a\\092b\\032\\000\\255.org");
}

/* Of a name only the last 253 octets count, however long what is before them (RFC 7208 7.3). */
static void cuts_names_from_the_left(void **state)
{
	SLUICE_CLEANUP(text_done) struct text spec = TEXT_INIT(65535), want = TEXT_INIT(SPF_NAME_MAX);
	struct spf_macros m = macros();
	struct spf_name name;

	(void)state;
	while (spec.len < 20000)
		text_adds(&spec, "%{s}..%{l}.abcdefgh.");
	for (size_t i = 0; i < 20; i++) {
		text_adds(&spec, "%{d2}.");
		text_adds(&want, "example.com.");
	}
	text_adds(&spec, "0123456789.ab");
	text_adds(&want, "0123456789.ab");
	assert_int_equal(want.len, SPF_NAME_MAX);
	assert_true(spf_target((struct spf_span){ text_str(&spec), spec.len }, &m, &name));
	assert_string_equal(name.text, text_str(&want));
}

/* What ends the process in libspf2 1.2.10 (CVE-2023-42118). */
static void survives_what_libspf2_does_not(void **state)
{
	static const size_t paddings[] = { 0, 100, 4500 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paddings); i++) {
		SLUICE_CLEANUP(text_done) struct text spec = TEXT_INIT(8192);
		struct spf_macros m = macros();
		struct spf_name name;

		for (size_t n = 0; n < 127; n++)
			text_adds(&spec, "%{d}");
		for (size_t n = 0; n < paddings[i]; n++)
			text_addc(&spec, n % 50 ? 'a' : '.');
		assert_true(spf_is_domain_spec((struct spf_span){ text_str(&spec), spec.len }));
		assert_true(spf_target((struct spf_span){ text_str(&spec), spec.len }, &m, &name));
		assert_true(name.len <= SPF_NAME_MAX);
	}
}

static void bounds_values_and_output(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(OUT_MAX_BYTES), small = TEXT_INIT(20);
	char dots[SPF_MACRO_VALUE_MAX_BYTES + 1];
	struct spf_macros m = macros();
	struct spf_name name;

	(void)state;
	memset(dots, '.', sizeof dots);
	m.local = (struct spf_span){ dots, sizeof dots };
	assert_false(spf_expand(span_of("%{l}"), &m, &out));
	assert_false(spf_target(span_of("%{l}.example.org"), &m, &name));
	text_clear(&out);
	m.local.len--;
	assert_true(spf_expand(span_of("%{lr}"), &m, &out));
	assert_int_equal(out.len, SPF_MACRO_VALUE_MAX_BYTES);
	assert_false(spf_expand(span_of("%{d}.%{d}"), &m, &small));

	text_clear(&out);
	memset(dots, 'x', sizeof dots);
	for (size_t i = 0; i < SPF_EXPANSION_MAX_BYTES / SPF_MACRO_VALUE_MAX_BYTES; i++)
		text_adds(&out, "%{l}");
	text_adds(&out, ".example.org");
	assert_true(spf_target((struct spf_span){ text_str(&out), out.len }, &m, &name));
	assert_string_equal(name.text, "example.org");
	text_adds(&out, "%{l}");
	assert_false(spf_target((struct spf_span){ text_str(&out), out.len }, &m, &name));
}

/* RFC 8616 4 */
static void makes_no_name_of_a_local_part_beyond_ascii(void **state)
{
	struct spf_macros m = macros();
	struct spf_name name;

	(void)state;
	m.local = SPF_SPAN("\xc3\xa4");
	assert_false(spf_target(span_of("%{l}.example.org"), &m, &name));
	assert_false(spf_target(span_of("%{S}.example.org"), &m, &name));
	assert_true(spf_target(span_of("%{d}"), &m, &name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expands_macros),
		cmocka_unit_test(splits_and_turns_round),
		cmocka_unit_test(tells_the_forms_apart),
		cmocka_unit_test(makes_target_names),
		cmocka_unit_test(escapes_names_for_the_dns),
		cmocka_unit_test(cuts_names_from_the_left),
		cmocka_unit_test(survives_what_libspf2_does_not),
		cmocka_unit_test(bounds_values_and_output),
		cmocka_unit_test(makes_no_name_of_a_local_part_beyond_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
