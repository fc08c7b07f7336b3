/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "plugins/sign/sign_table.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_table t;
	struct err err = { "" };
	int r = key_table_parse("KeyTable", (const char *)data, size, &t, &err);

	if (r < 0) {
		MUST(r == -ENOMEM || !strncmp(err.text, "KeyTable:", 9));
		return 0;
	}
	for (size_t i = 0; i < t.rows.len; i++) {
		const struct key_row *row = &t.rows.items[i];

		MUST(*row->name && *row->selector && strchr("./", *row->path) && !strpbrk(row->selector, "/%"));
		MUST(row->domain ? *row->domain && !strpbrk(row->domain, "/%") : !strchr(row->path, '%'));
		MUST(key_table_find(&t, row->name, strlen(row->name)) == row);
	}
	key_table_done(&t);
	return 0;
}
