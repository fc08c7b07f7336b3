/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/base/ip.h"
#include "plugins/rdns/rdns_eval.h"

#define NAMES(n) { .status = SLUICE_DNS_OK, .count = (n), .records = ptr_records }

static const struct sluice_dns_record ptr_records[RDNS_MAX_NAMES + 5] = { { "a.example", 9, 0 } };
static const struct sluice_dns_record same_record[] = { { "\xc0\0\2\2", 4, 0 }, { "\xc0\0\2\1", 4, 0 } };
static const struct sluice_dns_record other_record[] = { { "\xc0\0\2\2", 4, 0 } };
static const struct sluice_dns_record short_record[] = { { "\xc0\0", 2, 0 } };

static const struct sluice_dns_answer same = { .status = SLUICE_DNS_OK, .count = 2, .records = same_record };
static const struct sluice_dns_answer other = { .status = SLUICE_DNS_OK, .count = 1, .records = other_record };
static const struct sluice_dns_answer cut = { .status = SLUICE_DNS_OK, .count = 1, .records = short_record };
static const struct sluice_dns_answer none = { .status = SLUICE_DNS_NXDOMAIN };
static const struct sluice_dns_answer empty = { .status = SLUICE_DNS_NODATA };
static const struct sluice_dns_answer failed = { .status = SLUICE_DNS_FAILED };
static const struct sluice_dns_answer timeout = { .status = SLUICE_DNS_TIMEOUT };

static void judges_by_both_directions(void **state)
{
	static const struct {
		struct sluice_dns_answer ptr;
		const struct sluice_dns_answer *forward[RDNS_MAX_NAMES];
		enum rdns_result want;
		size_t name;
	} rows[] = {
		{ { .status = SLUICE_DNS_NXDOMAIN }, { NULL }, RDNS_PERMERROR, 99 },
		{ { .status = SLUICE_DNS_NODATA }, { NULL }, RDNS_PERMERROR, 99 },
		{ { .status = SLUICE_DNS_FAILED }, { NULL }, RDNS_TEMPERROR, 99 },
		{ { .status = SLUICE_DNS_TIMEOUT }, { NULL }, RDNS_TEMPERROR, 99 },
		{ NAMES(1), { &same }, RDNS_PASS, 0 },
		{ NAMES(1), { &other }, RDNS_FAIL, 99 },
		{ NAMES(1), { &cut }, RDNS_FAIL, 99 },
		{ NAMES(1), { &none }, RDNS_FAIL, 99 },
		{ NAMES(1), { &failed }, RDNS_TEMPERROR, 99 },
		{ NAMES(3), { &other, &empty, &same }, RDNS_PASS, 2 },
		{ NAMES(3), { &timeout, &same, &same }, RDNS_PASS, 1 },
		{ NAMES(2), { &timeout, &other }, RDNS_TEMPERROR, 99 },
		{ NAMES(15), { &other, &other, &other, &other, &other, &other, &other, &other, &other, &same }, RDNS_PASS, 9 },
		{ NAMES(15), { &none, &none, &none, &none, &none, &none, &none, &none, &none, &none }, RDNS_FAIL, 99 },
	};
	struct sluice_ip ip;

	(void)state;
	assert_true(ip_parse("192.0.2.1", 9, &ip));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t name = 99;
		enum rdns_result got = rdns_judge(&ip, &rows[i].ptr, rows[i].forward, &name);

		if (got != rows[i].want || name != rows[i].name)
			fail_msg("row %zu: got %d, name %zu", i, (int)got, name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_by_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
