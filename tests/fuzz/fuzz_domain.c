/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/domain.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = (const char *)data;
	char ascii[DOMAIN_ASCII_SIZE], again[DOMAIN_ASCII_SIZE];
	size_t half = size / 2;

	if (domain_to_ascii(name, size, ascii))
		MUST(domain_to_ascii(ascii, strlen(ascii), again) && strcmp(ascii, again) == 0);
	MUST(domain_equal(name, size, name, size) && domain_within(name, size, name, size));
	if (domain_equal(name, half, name + half, size - half))
		MUST(domain_within(name, half, name + half, size - half));
	if (domain_valid(name, size, 1))
		MUST(domain_labels(name, size) >= 1 && domain_valid(name, size, domain_labels(name, size)));
	return 0;
}
