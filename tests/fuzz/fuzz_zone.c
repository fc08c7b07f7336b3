/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/zone.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.example.org", "example.org", "org", "www.example.org", "" };
	static const enum sluice_dns_type types[] = { SLUICE_DNS_A, SLUICE_DNS_TXT, SLUICE_DNS_CNAME };
	struct zone *z;
	struct err err;

	if (zone_parse("zone", (const char *)data, size, &z, &err) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(types); i++) {
		char buf[DNS_NAME_TEXT_MAX];
		struct dns_question q;
		struct dns_answer *a = NULL;

		MUST(dns_question_set(&q, buf, names[i % ARRAY_LEN(names)], types[i / ARRAY_LEN(names)]));
		if (zone_find(z, &q, &a) == ZONE_ANSWER)
			MUST((dns_answer_view(a)->count > 0) == (dns_answer_view(a)->status == SLUICE_DNS_OK));
		dns_answer_unref(a);
	}
	zone_free(z);
	return 0;
}
