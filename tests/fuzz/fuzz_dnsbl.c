/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dnsbl.h"
#include "tests/fuzz/fuzz.h"

#define MAX_RECORDS (2 * DNSBL_MAX_RECORDS)

/* The first octet is a network's prefix and a bit of the other row, the second the length of a record, then records. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sluice_dns_record records[MAX_RECORDS];
	struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .records = records };
	struct sluice_ip odd = { 0 };
	uint64_t matched = 0;
	size_t record_len;

	(void)dnsbl_may_ask_domain((const char *)data, size);
	if (size < 2)
		return 0;
	const struct dnsbl_row rows[] = {
		{ false, { .ip = { 4, { 127 } }, .prefix_len = data[0] % 33 }, 1000 },
		{ true, { .ip = { 4, { 0, 0, 0, data[0] } }, .prefix_len = 32 }, -500 },
	};
	record_len = data[1] % 8 + 1u;
	for (size_t at = 2; at + record_len <= size && answer.count < MAX_RECORDS; at += record_len)
		records[answer.count++] = (struct sluice_dns_record){ (const char *)data + at, record_len, 0 };
	switch (dnsbl_read(&answer, rows, ARRAY_LEN(rows), &matched, &odd)) {
	case DNSBL_LISTED:
		MUST(odd.family == 0 && matched < 4);
		break;
	case DNSBL_REFUSED:
	case DNSBL_NO_LIST:
		MUST(odd.family == 4 && matched == 0);
		break;
	case DNSBL_NOT_LISTED:
	case DNSBL_UNANSWERED:
		abort();
	}
	MUST(dnsbl_weight(rows, ARRAY_LEN(rows), matched) <= 1000);
	return 0;
}
