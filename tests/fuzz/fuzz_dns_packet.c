/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/dns_packet.h"
#include "tests/fuzz/fuzz.h"

/* The first octet chooses the type that was asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum sluice_dns_type types[] = {
		SLUICE_DNS_A,
		SLUICE_DNS_AAAA,
		SLUICE_DNS_CNAME,
		SLUICE_DNS_PTR,
		SLUICE_DNS_MX,
		SLUICE_DNS_TXT,
	};
	struct dns_question q = { .name = "a.example.org" };
	struct dns_answer *a;

	if (size == 0)
		return 0;
	q.type = types[data[0] % ARRAY_LEN(types)];
	a = dns_packet_answer(&q, data + 1, size - 1, false);
	MUST(a);
	MUST((dns_answer_view(a)->count > 0) == (dns_answer_view(a)->status == SLUICE_DNS_OK));
	for (size_t i = 0; i < dns_answer_view(a)->count; i++)
		MUST(dns_answer_view(a)->records[i].data[dns_answer_view(a)->records[i].len] == '\0');
	dns_answer_unref(a);
	return 0;
}
