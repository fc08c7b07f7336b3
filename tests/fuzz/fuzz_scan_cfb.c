/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_cfb.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_cfb cfb;

	(void)scan_cfb_read((const char *)data, size, &cfb);
	return 0;
}
