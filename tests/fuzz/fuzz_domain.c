/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/domain.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = (const char *)data;
	size_t half = size / 2;

	MUST(domain_equal(name, size, name, size) && domain_within(name, size, name, size));
	if (domain_equal(name, half, name + half, size - half))
		MUST(domain_within(name, half, name + half, size - half));
	if (domain_valid(name, size, 1))
		MUST(domain_labels(name, size) >= 1 && domain_valid(name, size, domain_labels(name, size)));
	return 0;
}
