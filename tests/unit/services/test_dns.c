/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/services/dns.h"

static void a_question_is_lower_case_without_a_dot(void **state)
{
	char buf[DNS_NAME_TEXT_MAX];
	struct dns_question q;

	(void)state;
	assert_true(dns_question_set(&q, buf, "MX.Example.ORG.", SLUICE_DNS_MX));
	assert_string_equal(q.name, "mx.example.org");
	assert_int_equal(q.type, SLUICE_DNS_MX);
	assert_false(dns_question_set(&q, buf, "a..example.org", SLUICE_DNS_A));
}

static void an_answer_is_a_copy(void **state)
{
	char text[] = "v=spf1 \0 -all";
	struct sluice_dns_record records[] = { { text, sizeof text - 1, 0 }, { NULL, 0, 0 } };
	struct sluice_dns_answer content = { SLUICE_DNS_OK, true, 60, 2, records };
	struct dns_answer *a = dns_answer_new(&content);
	const struct sluice_dns_answer *view;

	(void)state;
	assert_non_null(a);
	memset(text, 'x', sizeof text);
	view = dns_answer_view(a);
	assert_int_equal(view->count, 2);
	assert_true(view->secure);
	assert_memory_equal(view->records[0].data, "v=spf1 \0 -all", sizeof text); /* with the NUL behind it */
	assert_string_equal(view->records[1].data, "");
	assert_true(dns_answer_size(a) > sizeof text);
	assert_ptr_equal(dns_answer_ref(a), a);
	dns_answer_unref(a);
	dns_answer_unref(a);
	dns_answer_unref(NULL);
}

static void an_answer_has_a_limit(void **state)
{
	static struct sluice_dns_record records[DNS_ANSWER_MAX_RECORDS + 1];
	struct dns_answer *a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		records[i] = (struct sluice_dns_record){ "x", 1, 0 };
	a = dns_answer_new(&(struct sluice_dns_answer){ SLUICE_DNS_OK, false, 60, ARRAY_LEN(records), records });
	assert_non_null(a);
	assert_int_equal(dns_answer_view(a)->count, DNS_ANSWER_MAX_RECORDS);
	dns_answer_unref(a);
}

static void failures_need_no_memory(void **state)
{
	struct dns_answer *a = dns_answer_empty(SLUICE_DNS_FAILED, 0);

	(void)state;
	assert_ptr_equal(a, dns_answer_empty(SLUICE_DNS_FAILED, 0));
	assert_int_equal(dns_answer_view(dns_answer_empty(SLUICE_DNS_TIMEOUT, 0))->status, SLUICE_DNS_TIMEOUT);
	dns_answer_unref(dns_answer_ref(a));
	dns_answer_unref(a);
	assert_int_equal(dns_answer_view(a)->status, SLUICE_DNS_FAILED);
}

#define DATA(s) (s), sizeof(s) - 1

static const struct {
	enum sluice_dns_type type;
	struct sluice_dns_record record;
	const char *want;
} prints[] = {
	{ SLUICE_DNS_A, { DATA("\xc0\0\2\1"), 0 }, "192.0.2.1" },
	{ SLUICE_DNS_A, { DATA("\xc0\0\2"), 0 }, "unknown" },
	{ SLUICE_DNS_AAAA, { DATA("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), 0 }, "2001:db8::1" },
	{ SLUICE_DNS_MX, { DATA("mx.example.org"), 10 }, "10 mx.example.org" },
	{ SLUICE_DNS_PTR, { DATA("a.example.org"), 0 }, "a.example.org" },
	{ SLUICE_DNS_TXT, { DATA(" v=1 \\\n\xff"), 0 }, "\\032v=1 \\092\\010\\255" },
};

static void prints_records_as_a_zone_file_has_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(200);

		dns_record_print(&out, prints[i].type, &prints[i].record);
		if (strcmp(text_str(&out), prints[i].want) != 0)
			fail_msg("row %zu: got '%s', want '%s'", i, text_str(&out), prints[i].want);
	}
}

static void types_have_names(void **state)
{
	static const enum sluice_dns_type all[] = {
		SLUICE_DNS_A,
		SLUICE_DNS_CNAME,
		SLUICE_DNS_PTR,
		SLUICE_DNS_MX,
		SLUICE_DNS_TXT,
		SLUICE_DNS_AAAA,
	};
	enum sluice_dns_type type;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const char *name = dns_type_name(all[i]);

		assert_true(dns_type_parse(name, strlen(name), &type));
		assert_int_equal(type, all[i]);
	}
	assert_true(dns_type_parse("txt", 3, &type));
	assert_false(dns_type_parse("SPF", 3, &type));
	assert_string_equal(dns_status_name(SLUICE_DNS_NXDOMAIN), "nxdomain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_lower_case_without_a_dot),
		cmocka_unit_test(an_answer_is_a_copy),
		cmocka_unit_test(an_answer_has_a_limit),
		cmocka_unit_test(failures_need_no_memory),
		cmocka_unit_test(prints_records_as_a_zone_file_has_them),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
