/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/services/zone.h"

static const char file[] = "# a comment\n"
			   "; another\n"
			   "\n"
			   "Example.ORG A 192.0.2.1\r\n"
			   "example.org A 192.0.2.2\n"
			   "example.org MX 10 mx.example.org.\n"
			   "example.org\tTXT\tv=spf1 a -all \n"
			   "text.example.org TXT \\032a\\092\\000b\n"
			   "empty.example.org TXT\n"
			   "strings.example.org TXT \"v=spf1 \" \t\"a\"\"\\032-all\\\\\\\"\" \n"
			   "nothing.example.org TXT \"\"\n"
			   "late.example.org TXT a \"b\"\n"
			   "mx.example.org AAAA 2001:db8::1\n"
			   "mapped.example.org AAAA ::ffff:192.0.2.1\n"
			   "deep.below.example.org A 192.0.2.3\n"
			   "www.example.org CNAME example.org\n"
			   "out.example.org CNAME example.net\n"
			   "ring.example.org CNAME ring.example.org\n"
			   "to-silent.example.org CNAME silent.example.org\n"
			   "silent.example.org A TIMEOUT\n"
			   "bad.example.org TXT SERVFAIL\n"
			   "bad.example.org A 192.0.2.9\n"
			   "1.2.0.192.in-addr.arpa PTR mx.example.org\n"
			   "last.example.org A 192.0.2.4";

static const struct {
	const char *name;
	enum sluice_dns_type type;
	const char *want;
} cases[] = {
	{ "example.org", SLUICE_DNS_A, "ok: 192.0.2.1|192.0.2.2" },
	{ "EXAMPLE.org.", SLUICE_DNS_MX, "ok: 10 mx.example.org" },
	{ "example.org", SLUICE_DNS_TXT, "ok: v=spf1 a -all " },
	{ "text.example.org", SLUICE_DNS_TXT, "ok: \\032a\\092\\000b" },
	{ "empty.example.org", SLUICE_DNS_TXT, "ok: " },
	{ "strings.example.org", SLUICE_DNS_TXT, "ok: v=spf1 a -all\\092\"" },
	{ "nothing.example.org", SLUICE_DNS_TXT, "ok: " },
	{ "late.example.org", SLUICE_DNS_TXT, "ok: a \"b\"" },
	{ "example.org", SLUICE_DNS_AAAA, "nodata:" },
	{ "mx.example.org", SLUICE_DNS_AAAA, "ok: 2001:db8::1" },
	{ "mapped.example.org", SLUICE_DNS_AAAA, "ok: 192.0.2.1" },
	{ "below.example.org", SLUICE_DNS_A, "nodata:" },
	{ "org", SLUICE_DNS_A, "nodata:" },
	{ "elow.example.org", SLUICE_DNS_A, "absent" },
	{ "x.deep.below.example.org", SLUICE_DNS_A, "absent" },
	{ "example.net", SLUICE_DNS_A, "absent" },
	{ "www.example.org", SLUICE_DNS_A, "ok: 192.0.2.1|192.0.2.2" },
	{ "www.example.org", SLUICE_DNS_CNAME, "ok: example.org" },
	{ "out.example.org", SLUICE_DNS_A, "nxdomain:" },
	{ "ring.example.org", SLUICE_DNS_A, "failed:" },
	{ "silent.example.org", SLUICE_DNS_A, "silent" },
	{ "to-silent.example.org", SLUICE_DNS_A, "silent" },
	{ "silent.example.org", SLUICE_DNS_TXT, "nodata:" },
	{ "bad.example.org", SLUICE_DNS_TXT, "failed:" },
	{ "bad.example.org", SLUICE_DNS_A, "ok: 192.0.2.9" },
	{ "1.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "ok: mx.example.org" },
	{ "last.example.org", SLUICE_DNS_A, "ok: 192.0.2.4" },
};

static void show(struct text *out, const struct zone *z, const struct dns_question *q)
{
	const struct sluice_dns_answer *view;
	struct dns_answer *a = NULL;
	enum zone_found found = zone_find(z, q, &a);

	if (found != ZONE_ANSWER) {
		text_adds(out, found == ZONE_SILENT ? "silent" : "absent");
		return;
	}
	view = dns_answer_view(a);
	text_addf(out, "%s:", dns_status_name(view->status));
	for (size_t i = 0; i < view->count; i++) {
		struct sluice_dns_record r = view->records[i];
		enum sluice_dns_type type = q->type;

		if (type == SLUICE_DNS_AAAA && r.len == 16 && memcmp(r.data, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
			r = (struct sluice_dns_record){ r.data + 12, 4, 0 };
			type = SLUICE_DNS_A;
		}
		text_adds(out, i ? "|" : " ");
		dns_record_print(out, type, &r);
	}
	dns_answer_unref(a);
}

static void answers_from_the_file(void **state)
{
	struct zone *z = NULL;
	struct err err;

	(void)state;
	if (zone_parse("file", file, sizeof file - 1, &z, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		char buf[DNS_NAME_TEXT_MAX];
		struct dns_question q;

		assert_true(dns_question_set(&q, buf, cases[i].name, cases[i].type));
		show(&got, z, &q);
		if (strcmp(text_str(&got), cases[i].want) != 0)
			fail_msg("%s %s: got '%s', want '%s'", cases[i].name, dns_type_name(cases[i].type),
				text_str(&got), cases[i].want);
	}
	zone_free(z);
}

static const struct {
	const char *text, *want;
} errors[] = {
	{ "a..b A 192.0.2.1", "z:1: the line begins with no domain name" },
	{ "\na.org SPF x", "z:2: after the name stands A, AAAA" },
	{ "a.org", "z:1: after the name stands A, AAAA" },
	{ "a.org A 192.0.2.256", "z:1: A needs an IPv4 address" },
	{ "a.org A ::ffff:192.0.2.1", "z:1: A needs an IPv4 address" },
	{ "a.org AAAA 192.0.2.1", "z:1: AAAA needs an IPv6 address" },
	{ "a.org MX mx.a.org", "z:1: MX needs a preference and a host" },
	{ "a.org MX 65536 mx.a.org", "z:1: MX needs a preference and a host" },
	{ "a.org PTR a..b", "z:1: the value is no domain name" },
	{ "a.org CNAME", "z:1: the value is no domain name" },
	{ "a.org TXT a\\b", "z:1: a backslash in TXT begins three digits" },
	{ "a.org TXT \"a\\300\"", "z:1: a backslash in TXT begins three digits" },
	{ "a.org TXT \"a\" b", "z:1: between strings in quotes" },
	{ "a.org TXT \"a\" \"b", "z:1: a string in quotes does not end" },
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		struct err err = { "" };
		struct zone *z;
		int r = zone_parse("z", errors[i].text, strlen(errors[i].text), &z, &err);

		if (r != -EINVAL || strncmp(err.text, errors[i].want, strlen(errors[i].want)) != 0)
			fail_msg("'%s': got %d '%s'", errors[i].text, r, err.text);
	}
}

static void a_file_that_is_not_there(void **state)
{
	struct zone *z;
	struct err err;

	(void)state;
	assert_int_equal(zone_load("/nonexistent/zone", &z, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/zone: "));
	assert_int_equal(zone_parse("z", "", 0, &z, &err), 0);
	zone_free(z);
	zone_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_from_the_file),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
