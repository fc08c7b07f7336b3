/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dnsbl.h"

#define NET(a, b, c, d, len)                                                                                           \
	{                                                                                                              \
		.ip = { 4, { a, b, c, d } }, .prefix_len = (len)                                                       \
	}

static const struct dnsbl_row table[] = {
	{ false, NET(127, 0, 0, 2, 31), 8000 },
	{ false, NET(127, 0, 0, 10, 31), 4000 },
	{ false, NET(127, 0, 1, 0, 24), -500 },
	{ true, NET(0, 0, 0, 4, 32), 1 },
	{ false, NET(0, 0, 0, 0, 0), 0 },
};

static void reads_answers(void **state)
{
	static const struct {
		enum sluice_dns_status status;
		const char *records[4]; /* of 4 octets */
		enum dnsbl_kind want;
		uint64_t matched;
		int64_t weight;
	} rows[] = {
		{ SLUICE_DNS_NXDOMAIN, { NULL }, DNSBL_NOT_LISTED, 0, 0 },
		{ SLUICE_DNS_NODATA, { NULL }, DNSBL_NOT_LISTED, 0, 0 },
		{ SLUICE_DNS_FAILED, { NULL }, DNSBL_UNANSWERED, 0, 0 },
		{ SLUICE_DNS_TIMEOUT, { NULL }, DNSBL_UNANSWERED, 0, 0 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\2" }, DNSBL_LISTED, 0x11, 8000 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\2", "\x7f\0\0\3" }, DNSBL_LISTED, 0x11, 8000 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\2", "\x7f\0\0\x0b" }, DNSBL_LISTED, 0x13, 12000 },
		{ SLUICE_DNS_OK, { "\x7f\0\1\x05" }, DNSBL_LISTED, 0x1c, -499 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\x08" }, DNSBL_LISTED, 0x10, 0 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\x06" }, DNSBL_LISTED, 0x18, 1 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\1" }, DNSBL_REFUSED, 0, 0 },
		{ SLUICE_DNS_OK, { "\x7f\xff\xff\xfe" }, DNSBL_REFUSED, 0, 0 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\2", "\x7f\xff\xff\0" }, DNSBL_REFUSED, 0, 0 },
		{ SLUICE_DNS_OK, { "\x7f\xff\xfe\1" }, DNSBL_LISTED, 0x10, 0 },
		{ SLUICE_DNS_OK, { "\xc0\0\2\1" }, DNSBL_NO_LIST, 0, 0 },
		{ SLUICE_DNS_OK, { "\x80\0\0\2" }, DNSBL_NO_LIST, 0, 0 },
		{ SLUICE_DNS_OK, { "\x7f\0\0\2", "\x0a\0\0\1" }, DNSBL_NO_LIST, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_dns_record records[4];
		struct sluice_dns_answer answer = { .status = rows[i].status, .records = records };
		struct sluice_ip odd = { 0 };
		uint64_t matched = 0;
		enum dnsbl_kind got;

		for (; answer.count < 4 && rows[i].records[answer.count]; answer.count++)
			records[answer.count] = (struct sluice_dns_record){ rows[i].records[answer.count], 4, 0 };
		got = dnsbl_read(&answer, table, ARRAY_LEN(table), &matched, &odd);
		if (got != rows[i].want || matched != rows[i].matched)
			fail_msg("row %zu: got %d, rows %llx", i, (int)got, (unsigned long long)matched);
		if ((odd.family == 4) != (got == DNSBL_REFUSED || got == DNSBL_NO_LIST))
			fail_msg("row %zu: the odd record", i);
		if (dnsbl_weight(table, ARRAY_LEN(table), matched) != rows[i].weight)
			fail_msg("row %zu: weight", i);
	}
}

static void a_row_counts_once_over_several_answers(void **state)
{
	static const struct sluice_dns_record records[] = { { "\x7f\0\0\2", 4, 0 } };
	static const struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 1, .records = records };
	struct sluice_ip odd;
	uint64_t matched = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(dnsbl_read(&answer, table, 1, &matched, &odd), DNSBL_LISTED);
	assert_int_equal(dnsbl_weight(table, 1, matched), 8000);
}

static void only_domains_are_asked_for(void **state)
{
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{ "example.org", true },
		{ "mail.example.org", true },
		{ "localhost", false },
		{ "example.org.", false },
		{ "192.0.2.1", false },
		{ "[192.0.2.1]", false },
		{ "", false },
		{ "a..b", false },
		{ "a\\.b.example", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (dnsbl_may_ask_domain(rows[i].name, strlen(rows[i].name)) != rows[i].want)
			fail_msg("'%s'", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_answers),
		cmocka_unit_test(a_row_counts_once_over_several_answers),
		cmocka_unit_test(only_domains_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
