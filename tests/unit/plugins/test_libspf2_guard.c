/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/libspf2/libspf2_guard.h"

#define SPAN(s)                                                                                                        \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static struct guard_span span_of(const char *s)
{
	return (struct guard_span){ s, strlen(s) };
}

static const struct {
	bool ok;
	struct guard_span record;
} records[] = {
	{ true, SPAN("v=spf1") },
	{ true, SPAN("V=SPF1  A  -aLL ") },
	{ true, SPAN("v=spf1 +a/0 ?a//0 ~a/24//64 -a:example.org/24//64 mx:example.org/32 mx//128") },
	{ true, SPAN("v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 ip6:2001:db8::/32 ip6:::1/128 ip6:::ffff:192.0.2.1") },
	{ true, SPAN("v=spf1 exists:%{ir}.%{v}._spf.%{d2} include:%{o} ptr ptr:example.org.") },
	{ true, SPAN("v=spf1 exists:%{l1r-+,/_=.}.example.org a:%{D}") },
	{ true, SPAN("v=spf1 a:%%%_%-.example.org a:a%-") },
	{ true, SPAN("v=spf1 redirect=_spf.example.org exp=exp.%{d} x-y_z.1=%{t}any") },
	{ true, SPAN("v=spf1 x= a") },
	{ false, SPAN("v=spf10") },
	{ false, SPAN("v=spf1\ta") },
	{ false, SPAN("v=spf1 a\r") },
	{ false, SPAN("v=spf1 a:example.org\0") },
	{ false, SPAN("v=spf1 a:ex\x80mple.org") },
	{ false, SPAN("v=spf1 all: -all") },
	{ false, SPAN("v=spf1 all/0") },
	{ false, SPAN("v=spf1 al") },
	{ false, SPAN("v=spf1 -") },
	{ false, SPAN("v=spf1 +-a") },
	{ false, SPAN("v=spf1 include") },
	{ false, SPAN("v=spf1 include:") },
	{ false, SPAN("v=spf1 include:org") },
	{ false, SPAN("v=spf1 include:example.org/24") },
	{ false, SPAN("v=spf1 exists") },
	{ false, SPAN("v=spf1 ptr/24") },
	{ false, SPAN("v=spf1 a:") },
	{ false, SPAN("v=spf1 a:/24") },
	{ false, SPAN("v=spf1 a/") },
	{ false, SPAN("v=spf1 a//") },
	{ false, SPAN("v=spf1 a/33") },
	{ false, SPAN("v=spf1 a/08") },
	{ false, SPAN("v=spf1 a//129") },
	{ false, SPAN("v=spf1 a/24/64") },
	{ false, SPAN("v=spf1 a/99999999999999999999") },
	{ false, SPAN("v=spf1 a:192.0.2.1") },
	{ false, SPAN("v=spf1 a:example.org..") },
	{ false, SPAN("v=spf1 a:example.-org") },
	{ false, SPAN("v=spf1 a:example.org-") },
	{ false, SPAN("v=spf1 a:%{d}.") },
	{ false, SPAN("v=spf1 a:%{d}org") },
	{ false, SPAN("v=spf1 ip4") },
	{ false, SPAN("v=spf1 ip4:") },
	{ false, SPAN("v=spf1 ip4:192.0.2") },
	{ false, SPAN("v=spf1 ip4:192.0.2.01") },
	{ false, SPAN("v=spf1 ip4:192.0.2.1/33") },
	{ false, SPAN("v=spf1 ip4:192.0.2.1//32") },
	{ false, SPAN("v=spf1 ip4:2001:db8::1") },
	{ false, SPAN("v=spf1 ip6:192.0.2.1") },
	{ false, SPAN("v=spf1 ip6:2001:db8::1/129") },
	{ false, SPAN("v=spf1 ip6:2001:db8::1%eth0") },
	{ false, SPAN("v=spf1 a:%{x}.example.org") },
	{ false, SPAN("v=spf1 a:%{c}.example.org") }, /* c, r, t: only in explanations */
	{ false, SPAN("v=spf1 a:%{d0}.example.org") },
	{ false, SPAN("v=spf1 a:%{d2rr}.example.org") },
	{ false, SPAN("v=spf1 a:%{d!}.example.org") },
	{ false, SPAN("v=spf1 a:%{d") },
	{ false, SPAN("v=spf1 a:%{") },
	{ false, SPAN("v=spf1 a:%") },
	{ false, SPAN("v=spf1 a:%(d).example.org") },
	{ false, SPAN("v=spf1 redirect=") },
	{ false, SPAN("v=spf1 redirect=org") },
	{ false, SPAN("v=spf1 redirect=a.org redirect=b.org") },
	{ false, SPAN("v=spf1 exp=a.org exp=a.org") },
	{ false, SPAN("v=spf1 exp=%{r}.example.org") },
	{ false, SPAN("v=spf1 1x=y") },
	{ false, SPAN("v=spf1 x=%y") },
};

static void knows_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct guard_record r;

		if (guard_parse(records[i].record, &r) != records[i].ok)
			fail_msg("'%s': want %s", records[i].record.at, records[i].ok ? "taken" : "refused");
	}
}

static void refuses_records_over_2_kb(void **state)
{
	char text[GUARD_RECORD_MAX_BYTES + 2];
	struct guard_record r;

	(void)state;
	memset(text, ' ', sizeof text);
	memcpy(text, "v=spf1", 6);
	assert_true(guard_parse((struct guard_span){ text, GUARD_RECORD_MAX_BYTES }, &r));
	assert_false(guard_parse((struct guard_span){ text, GUARD_RECORD_MAX_BYTES + 1 }, &r));
}

static void gives_terms_in_order(void **state)
{
	struct guard_record r;
	struct guard_term t;
	size_t pos = 0;

	(void)state;
	assert_true(
		guard_parse(span_of("v=spf1  ~mx:a.example.org/20//40 exp=e.example.org -ip4:192.0.2.9/8 all "), &r));
	assert_int_equal(r.explanation.len, 13);
	assert_int_equal(r.redirect.len, 0);

	assert_true(guard_next(&r, &pos, &t));
	assert_int_equal(t.kind, GUARD_MX);
	assert_int_equal(t.qualifier, '~');
	assert_int_equal(t.prefix4, 20);
	assert_int_equal(t.prefix6, 40);
	assert_memory_equal(t.spec.at, "a.example.org/", t.spec.len + 1);
	assert_memory_equal(t.text.at, "~mx:a.example.org/20//40 ", t.text.len + 1);
	assert_true(guard_next(&r, &pos, &t));
	assert_int_equal(t.kind, GUARD_EXPLANATION);
	assert_true(guard_next(&r, &pos, &t));
	assert_int_equal(t.kind, GUARD_IP4);
	assert_memory_equal(t.network, "\xc0\0\2\x09", 4);
	assert_int_equal(t.prefix4, 8);
	assert_true(guard_next(&r, &pos, &t));
	assert_int_equal(t.kind, GUARD_ALL);
	assert_int_equal(t.qualifier, '+');
	assert_false(guard_next(&r, &pos, &t));
}

static struct guard_macros macros(void)
{
	return (struct guard_macros){
		.local = SPAN("strong-bad"),
		.sender_domain = SPAN("email.example.com"),
		.domain = SPAN("email.example.com"),
		.helo = SPAN("mx.example.org"),
		.validated = SPAN("mx.example.org"),
		.receiver = SPAN("recv.example.net"),
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
};

static void expands_macros(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(expansions); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(GUARD_EXPANSION_MAX_BYTES);
		size_t row = i / 2;
		const char *want = i % 2 && expansions[row].want6 ? expansions[row].want6 : expansions[row].want;
		struct guard_macros m = macros();

		if (i % 2)
			m.client = (struct sluice_ip){ 6, { 0x20, 1, 0xd, 0xb8, [14] = 0xcb, 1 } };
		if (!guard_expand(span_of(expansions[row].spec), &m, &got) || strcmp(text_str(&got), want) != 0)
			fail_msg("'%s': got '%s', want '%s'", expansions[row].spec, text_str(&got), want);
	}
}

/* What ends the process in libspf2 1.2.10 (CVE-2023-42118). */
static void survives_what_libspf2_does_not(void **state)
{
	static const struct {
		const char *head;
		size_t padding;
		bool ok;
	} rows[] = {
		{ "v=spf1 -all exp=", 100, true },
		{ "v=spf1 exists:", 100, true },
		{ "v=spf1 exists:", 4500, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(8192);
		struct guard_macros m = macros();
		struct guard_name name;
		struct guard_record r;

		text_adds(&record, rows[i].head);
		for (size_t n = 0; n < 127; n++)
			text_adds(&record, "%{d}");
		for (size_t n = 0; n < rows[i].padding; n++)
			text_addc(&record, n % 50 ? 'a' : '.');
		if (guard_parse((struct guard_span){ text_str(&record), record.len }, &r) != rows[i].ok)
			fail_msg("%s with %zu octets: want %d", rows[i].head, rows[i].padding, rows[i].ok);
		if (!rows[i].ok)
			continue;
		struct guard_span spec = { strchr(text_str(&record), '%'), 127 * 4 + rows[i].padding };

		assert_true(guard_target(spec, &m, &name));
		assert_true(name.len <= GUARD_NAME_MAX);
	}
}

static void bounds_expansion(void **state)
{
	SLUICE_CLEANUP(text_done) struct text spec = TEXT_INIT(8192), out = TEXT_INIT(GUARD_EXPANSION_MAX_BYTES);
	struct guard_macros m = macros();
	struct guard_name name;
	char dots[GUARD_MAX_PARTS + 1];

	(void)state;
	for (size_t i = 0; i < 500; i++)
		text_adds(&spec, "%{s}.");
	text_adds(&spec, "org");
	m.local = (struct guard_span){ dots, 64 };
	memset(dots, 'x', sizeof dots);
	assert_false(guard_expand((struct guard_span){ text_str(&spec), spec.len }, &m, &out));
	assert_false(guard_target((struct guard_span){ text_str(&spec), spec.len }, &m, &name));

	text_clear(&out);
	memset(dots, '.', sizeof dots);
	m.local.len = GUARD_MAX_PARTS;
	assert_false(guard_expand(span_of("%{l}"), &m, &out));
	m.local.len = GUARD_MAX_PARTS - 1;
	assert_true(guard_expand(span_of("%{l}"), &m, &out));
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
		struct guard_macros m = macros();
		struct guard_name name;
		bool ok = guard_target(span_of(targets[i].spec), &m, &name);

		if (ok != (targets[i].want != NULL) || (ok && strcmp(name.text, targets[i].want) != 0))
			fail_msg("'%s': got '%s'", targets[i].spec, ok ? name.text : "none");
	}
}

static void escapes_names_for_the_dns(void **state)
{
	char buf[4 * GUARD_NAME_MAX + 1];
	struct guard_name name;

	(void)state;
	assert_true(guard_name_set(&name, "a\\b \0\xff.org", 10));
	assert_string_equal(guard_dns_text(&name, buf), "a\\092b\\032\\000\\255.org");
}

static const struct {
	const char *term, *want, *want6; /* for a client of IPv4, of IPv6 */
} clean[] = {
	{ "a", "v=spf1 a:target.invalid/32", "v=spf1 a:target.invalid//128" },
	{ "-a:%{l}%%.example.org/24//64", "v=spf1 a:target.invalid/24", "v=spf1 a:target.invalid//64" },
	{ "mx/0//0", "v=spf1 mx:target.invalid", "v=spf1 mx:target.invalid" },
	{ "ptr:example.org", "v=spf1 ptr:target.invalid", "v=spf1 ptr:target.invalid" },
	{ "exists:%{i}.example.org", "v=spf1 exists:target.invalid", "v=spf1 exists:target.invalid" },
	{ "ip4:198.51.100.0/24", "v=spf1 ip4:198.51.100.0/24", "v=spf1 ip4:198.51.100.0/24" },
	{ "ip4:198.51.100.1", "v=spf1 ip4:198.51.100.1/32", "v=spf1 ip4:198.51.100.1/32" },
	{ "ip4:198.51.100.1/0", "v=spf1 ip4:192.0.2.3", "v=spf1 ip4:198.51.100.1" },
	{ "ip6:2001:db8::/32", "v=spf1 ip6:2001:db8::/32", "v=spf1 ip6:2001:db8::/32" },
	{ "ip6:2001:db8::/0", "v=spf1 ip6:2001:db8::", "v=spf1 ip6:2001:db8::7" },
};

static void writes_records_without_a_word_of_the_senders(void **state)
{
	static const struct sluice_ip v4 = { 4, { 192, 0, 2, 3 } };
	static const struct sluice_ip v6 = { 6, { 0x20, 1, 0xd, 0xb8, [15] = 7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clean); i++) {
		char text[100], buf[GUARD_CLEAN_MAX];
		struct guard_record r;
		struct guard_term t;
		size_t pos = 0;
		bool any;

		snprintf(text, sizeof text, "v=spf1 %s", clean[i].term);
		assert_true(guard_parse(span_of(text), &r));
		assert_true(guard_next(&r, &pos, &t));
		if (strcmp(guard_clean_record(&t, &v4, buf, &any), clean[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", clean[i].term, buf, clean[i].want);
		if (strcmp(guard_clean_record(&t, &v6, buf, &any), clean[i].want6) != 0)
			fail_msg("%s: got '%s', want '%s'", clean[i].term, buf, clean[i].want6);
	}
}

static void chooses_the_record(void **state)
{
	static const struct sluice_dns_record r[] = {
		{ "v=spf10", 7, 0 },
		{ "V=SPF1 a", 8, 0 },
		{ "other", 5, 0 },
		{ "v=spf1", 6, 0 },
	};
	struct guard_span got;

	(void)state;
	assert_int_equal(guard_choose(&(struct sluice_dns_answer){ .count = 1, .records = r }, &got), GUARD_NO_RECORD);
	assert_int_equal(guard_choose(&(struct sluice_dns_answer){ .count = 3, .records = r }, &got), GUARD_ONE_RECORD);
	assert_ptr_equal(got.at, r[1].data);
	assert_int_equal(
		guard_choose(&(struct sluice_dns_answer){ .count = 4, .records = r }, &got), GUARD_SEVERAL_RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_grammar),
		cmocka_unit_test(refuses_records_over_2_kb),
		cmocka_unit_test(gives_terms_in_order),
		cmocka_unit_test(expands_macros),
		cmocka_unit_test(survives_what_libspf2_does_not),
		cmocka_unit_test(bounds_expansion),
		cmocka_unit_test(makes_target_names),
		cmocka_unit_test(escapes_names_for_the_dns),
		cmocka_unit_test(writes_records_without_a_word_of_the_senders),
		cmocka_unit_test(chooses_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
