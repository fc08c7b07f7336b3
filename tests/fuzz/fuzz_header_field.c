/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/header_field.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text out = TEXT_INIT(size);
	struct header_lexer l = { (const char *)data, (const char *)data + size };
	struct header_token token;

	header_field_unfold(&out, (const char *)data, size);
	MUST(!out.failed);
	for (size_t i = 0; i < out.len; i++)
		MUST((unsigned char)out.bytes[i] >= ' ' && out.bytes[i] != 0x7f);
	text_done(&out);

	do {
		const char *before = l.at;

		token = header_lexer_next(&l, ";=/");
		MUST(token.type == HEADER_TOKEN_END || l.at > before);
		MUST(token.bytes >= before && token.bytes + token.len <= l.at);
	} while (token.type != HEADER_TOKEN_END);
	MUST(l.at == l.end);
	return 0;
}
