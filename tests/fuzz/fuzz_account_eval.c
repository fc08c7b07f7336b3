/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/account/account_eval.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sluice_config_error err;
	struct account_table *t = NULL;

	if (account_table_parse("t", (const char *)data, size, &t, &err) == 0) {
		MUST(!account_may_send(t, "", 0, "nobody@nowhere.invalid", 22));
		(void)account_may_send(t, (const char *)data, size > 3 ? 3 : size, "a@x.example", 11);
	}
	account_table_free(t);
	return 0;
}
