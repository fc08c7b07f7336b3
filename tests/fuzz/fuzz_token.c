/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/observe/token.h"
#include "tests/fuzz/fuzz.h"

/* What is read of a line is written as a line that says the same. */
static void again(void *arg, const struct http_token *t, unsigned line)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(256);
	struct http_token read;

	(void)arg;
	MUST(line > 0);
	token_line_write(&out, t);
	MUST(token_line_read(text_str(&out), out.len - 1, &read));
	MUST(!strcmp(read.name, t->name) && read.scope == t->scope && !memcmp(read.hash, t->hash, sizeof t->hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(TOKEN_FILE_MAX_BYTES);
	struct err err = { "" };

	text_add(&file, data, size);
	MUST(token_each(&file, again, NULL, &err) == 0 || err.text[0]);
	return 0;
}
