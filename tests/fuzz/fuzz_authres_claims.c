/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/authres.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)authres_claims((const char *)data, size, "mx.example.org");
	return 0;
}
