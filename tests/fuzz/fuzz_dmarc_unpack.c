/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/dmarc_unpack.h"
#include "tests/fuzz/fuzz.h"

static void on_xml(void *arg, const char *xml, size_t len)
{
	size_t *all = arg;

	MUST(xml || !len);
	*all += len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { "" };
	size_t all = 0;
	int r = dmarc_unpack((const char *)data, size, on_xml, &all, &err);

	MUST(all <= DMARC_UNPACKED_MAX + size);
	MUST(r == 0 ? all > 0 : *err.text != '\0');
	return 0;
}
