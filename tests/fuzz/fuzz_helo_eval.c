/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/helo/helo_eval.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sluice_ip ip = { 0 };
	enum helo_form form = helo_classify((const char *)data, size, &ip);

	MUST((form == HELO_LITERAL) == (ip.family != 0));
	return 0;
}
