/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/text.h"
#include "plugins/spf/spf_record.h"

#define ROW(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static struct spf_span span_of(const char *s)
{
	return (struct spf_span){ s, strlen(s) };
}

static const struct {
	bool ok;
	struct spf_span record;
} records[] = {
	{ true, ROW("v=spf1") },
	{ true, ROW("V=SPF1  A  -aLL ") },
	{ true, ROW("v=spf1 +a/0 ?a//0 ~a/24//64 -a:example.org/24//64 mx:example.org/32 mx//128") },
	{ true, ROW("v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 ip6:2001:db8::/32 ip6:::1/128 ip6:::ffff:192.0.2.1") },
	{ true, ROW("v=spf1 exists:%{ir}.%{v}._spf.%{d2} include:%{o} ptr ptr:example.org.") },
	{ true, ROW("v=spf1 exists:%{l1r-+,/_=.}.example.org a:%{D}") },
	{ true, ROW("v=spf1 a:%%%_%-.example.org a:a%-") },
	{ true, ROW("v=spf1 redirect=_spf.example.org exp=exp.%{d} x-y_z.1=%{t}any") },
	{ true, ROW("v=spf1 x= a") },
	{ false, ROW("v=spf10") },
	{ false, ROW("v=spf1\ta") },
	{ false, ROW("v=spf1 a\r") },
	{ false, ROW("v=spf1 a:example.org\0") },
	{ false, ROW("v=spf1 a:ex\x80mple.org") },
	{ false, ROW("v=spf1 \0-all") },
	{ false, ROW("v=spf1\0 -all") },
	{ false, ROW("v=spf1 -all x=\xc3\xa4") },
	{ false, ROW("v=spf1 ip4:192.0.2.1\0") },
	{ false, ROW("v=spf1 ip4:192.0.2.1\0/24") },
	{ false, ROW("v=spf1 x=%{d}\x7f") },
	{ false, ROW("v=spf1 all: -all") },
	{ false, ROW("v=spf1 all/0") },
	{ false, ROW("v=spf1 al") },
	{ false, ROW("v=spf1 -") },
	{ false, ROW("v=spf1 +-a") },
	{ false, ROW("v=spf1 include") },
	{ false, ROW("v=spf1 include:") },
	{ false, ROW("v=spf1 include:org") },
	{ false, ROW("v=spf1 include:example.org/24") },
	{ false, ROW("v=spf1 exists") },
	{ false, ROW("v=spf1 ptr/24") },
	{ false, ROW("v=spf1 a:") },
	{ false, ROW("v=spf1 a:/24") },
	{ false, ROW("v=spf1 a/") },
	{ false, ROW("v=spf1 a//") },
	{ false, ROW("v=spf1 a/33") },
	{ false, ROW("v=spf1 a/08") },
	{ false, ROW("v=spf1 a//129") },
	{ false, ROW("v=spf1 a/24/64") },
	{ false, ROW("v=spf1 a/99999999999999999999") },
	{ false, ROW("v=spf1 a:192.0.2.1") },
	{ false, ROW("v=spf1 a:example.org..") },
	{ false, ROW("v=spf1 a:example.-org") },
	{ false, ROW("v=spf1 a:example.org-") },
	{ false, ROW("v=spf1 a:%{d}.") },
	{ false, ROW("v=spf1 a:%{d}org") },
	{ false, ROW("v=spf1 ip4") },
	{ false, ROW("v=spf1 ip4:") },
	{ false, ROW("v=spf1 ip4:192.0.2") },
	{ false, ROW("v=spf1 ip4:192.0.2.01") },
	{ false, ROW("v=spf1 ip4:192.0.2.1/33") },
	{ false, ROW("v=spf1 ip4:192.0.2.1//32") },
	{ false, ROW("v=spf1 ip4:2001:db8::1") },
	{ false, ROW("v=spf1 ip6:192.0.2.1") },
	{ false, ROW("v=spf1 ip6:2001:db8::1/129") },
	{ false, ROW("v=spf1 ip6:2001:db8::1%eth0") },
	{ false, ROW("v=spf1 a:%{x}.example.org") },
	{ false, ROW("v=spf1 a:%{c}.example.org") }, /* c, r, t: only in explanations */
	{ false, ROW("v=spf1 a:%{d0}.example.org") },
	{ false, ROW("v=spf1 a:%{d2rr}.example.org") },
	{ false, ROW("v=spf1 a:%{d!}.example.org") },
	{ false, ROW("v=spf1 a:%{d") },
	{ false, ROW("v=spf1 a:%{") },
	{ false, ROW("v=spf1 a:%") },
	{ false, ROW("v=spf1 a:%(d).example.org") },
	{ false, ROW("v=spf1 redirect=") },
	{ false, ROW("v=spf1 redirect=org") },
	{ false, ROW("v=spf1 redirect=a.org redirect=b.org") },
	{ false, ROW("v=spf1 exp=a.org exp=a.org") },
	{ false, ROW("v=spf1 exp=%{r}.example.org") },
	{ false, ROW("v=spf1 1x=y") },
	{ false, ROW("v=spf1 x=%y") },
};

static void knows_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct spf_record r;

		if (spf_record_parse(records[i].record, &r) != records[i].ok)
			fail_msg("'%s': want %s", records[i].record.at, records[i].ok ? "taken" : "refused");
	}
}

/* Filled to len octets with one term again and again; the last may be cut. */
static void fill(struct text *t, const char *term, size_t len)
{
	text_adds(t, "v=spf1 ");
	while (t->len < len)
		text_addc(t, term[(t->len - 7) % strlen(term)]);
}

static void reads_records_as_long_as_txt_can_be(void **state)
{
	static const char *const terms[] = { "ip4:192.0.2.1/24 ", "a ", " ", "x=%{d} " };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		SLUICE_CLEANUP(text_done) struct text t = TEXT_INIT(SPF_RECORD_MAX_BYTES + 1);
		size_t pos = 0, terms_seen = 0, whole;
		struct spf_record r;
		struct spf_term term;

		fill(&t, terms[i], SPF_RECORD_MAX_BYTES + 1);
		whole = 7 + (SPF_RECORD_MAX_BYTES - 7) / strlen(terms[i]) * strlen(terms[i]);
		assert_false(spf_record_parse((struct spf_span){ text_str(&t), t.len }, &r));
		assert_true(spf_record_parse((struct spf_span){ text_str(&t), whole }, &r));
		while (spf_record_next(&r, &pos, &term))
			terms_seen++;
		assert_int_equal(terms_seen, terms[i][0] == ' ' ? 0 : (whole - 7) / strlen(terms[i]));
	}
}

static void finds_an_error_at_the_very_end(void **state)
{
	SLUICE_CLEANUP(text_done) struct text t = TEXT_INIT(SPF_RECORD_MAX_BYTES);
	struct spf_record r;

	(void)state;
	fill(&t, "+all ", 60002);
	text_adds(&t, "a:");
	assert_false(spf_record_parse((struct spf_span){ text_str(&t), t.len }, &r));
}

static void gives_terms_in_order(void **state)
{
	struct spf_record r;
	struct spf_term t;
	size_t pos = 0;

	(void)state;
	assert_true(spf_record_parse(
		span_of("v=spf1  ~mx:a.example.org/20//40 exp=e.example.org -ip4:192.0.2.9/8 all "), &r));
	assert_int_equal(r.exp.len, 13);
	assert_int_equal(r.redirect.len, 0);

	assert_true(spf_record_next(&r, &pos, &t));
	assert_int_equal(t.kind, SPF_MX);
	assert_int_equal(t.qualifier, '~');
	assert_int_equal(t.prefix4, 20);
	assert_int_equal(t.prefix6, 40);
	assert_memory_equal(t.spec.at, "a.example.org/", t.spec.len + 1);
	assert_memory_equal(t.text.at, "~mx:a.example.org/20//40 ", t.text.len + 1);
	assert_true(spf_record_next(&r, &pos, &t));
	assert_int_equal(t.kind, SPF_EXP);
	assert_true(spf_record_next(&r, &pos, &t));
	assert_int_equal(t.kind, SPF_IP4);
	assert_memory_equal(t.ip.bytes, "\xc0\0\2\x09", 4);
	assert_int_equal(t.prefix4, 8);
	assert_true(spf_record_next(&r, &pos, &t));
	assert_int_equal(t.kind, SPF_ALL);
	assert_int_equal(t.qualifier, '+');
	assert_false(spf_record_next(&r, &pos, &t));
}

static void chooses_the_record(void **state)
{
	static const struct sluice_dns_record r[] = {
		{ "v=spf10", 7, 0 },
		{ "V=SPF1 a", 8, 0 },
		{ "other", 5, 0 },
		{ "v=spf1", 6, 0 },
	};
	struct spf_span got;

	(void)state;
	assert_int_equal(
		spf_record_choose(&(struct sluice_dns_answer){ .count = 1, .records = r }, &got), SPF_NO_RECORD);
	assert_int_equal(
		spf_record_choose(&(struct sluice_dns_answer){ .count = 3, .records = r }, &got), SPF_ONE_RECORD);
	assert_ptr_equal(got.at, r[1].data);
	assert_int_equal(
		spf_record_choose(&(struct sluice_dns_answer){ .count = 4, .records = r }, &got), SPF_SEVERAL_RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_grammar),
		cmocka_unit_test(reads_records_as_long_as_txt_can_be),
		cmocka_unit_test(finds_an_error_at_the_very_end),
		cmocka_unit_test(gives_terms_in_order),
		cmocka_unit_test(chooses_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
