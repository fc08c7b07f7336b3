/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/address.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sluice_address a = address_split((const char *)data, size), next;

	MUST(a.len <= size && a.null == (a.len == 0));
	MUST(a.local_len + a.domain_len + 1 == a.len || (a.domain_len == 0 && a.local_len == a.len));
	while (address_route(&a, &next) != ADDRESS_PLAIN) {
		MUST(next.local_len < a.local_len);
		a = next;
	}
	return 0;
}
