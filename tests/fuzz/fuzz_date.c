/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/date.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t s = 0;

	if (date_parse((const char *)data, size, &s)) /* the years 1900 to 9999, and a zone of up to 100 hours */
		MUST(s > INT64_C(-2210000000) && s < INT64_C(253403000000));
	return 0;
}
