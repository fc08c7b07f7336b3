/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/scan/scan_name.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = (const char *)data;
	char extension[SCAN_EXTENSION_MAX + 1];

	scan_name_extension(name, size, extension);
	MUST(memchr(extension, '\0', sizeof extension));
	if (scan_name_disguised(name, size))
		MUST(scan_name_program(name, size));
	(void)scan_name_slips(name, size);
	return 0;
}
