/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "plugins/sign/sign_table.h"
#include "tests/fuzz/fuzz.h"

/* The address of a pattern without a * is matched by it, or by one that stands before it. */
static void match(const struct signing_table *t, const char *local, size_t local_len, const char *domain, bool must)
{
	const struct signing_row *found[SIGN_MAX_KEYS];
	size_t count = signing_table_match(t, local, local_len, domain, strlen(domain), found);

	MUST(count <= SIGN_MAX_KEYS && (count > 0 || !must));
	for (size_t i = 0; i < count; i++)
		MUST(found[i] >= t->rows.items && found[i] < t->rows.items + t->rows.len && *found[i]->key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signing_table t;
	struct err err = { "" };
	int r = signing_table_parse("SigningTable", (const char *)data, size, &t, &err);

	if (r < 0) {
		MUST(r == -ENOMEM || !strncmp(err.text, "SigningTable:", 13));
		return 0;
	}
	match(&t, "user", 4, "a.example.org", false);
	match(&t, "", 0, "", false);
	for (size_t i = 0; i < t.rows.len && i < 16; i++) {
		const char *pattern = t.rows.items[i].pattern, *at = strrchr(pattern, '@');

		if (at)
			match(&t, pattern, (size_t)(at - pattern), at + 1, !strchr(pattern, '*') && at[1] != '.');
	}
	signing_table_done(&t);
	return 0;
}
