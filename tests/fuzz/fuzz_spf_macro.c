/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/spf/spf_macro.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX_BYTES SPF_EXPANSION_MAX_BYTES

/* Cut from the left after it was expanded whole: what spf_target() does. */
static bool target_of(const struct text *whole, struct spf_name *ret)
{
	struct spf_span s = { text_str(whole), whole->len };

	if (s.len && s.at[s.len - 1] == '.')
		s.len--;
	while (s.len > SPF_NAME_MAX) {
		const char *dot = memchr(s.at, '.', s.len);

		if (!dot)
			return false;
		s = (struct spf_span){ dot + 1, (size_t)(s.at + s.len - dot) - 1 };
	}
	return spf_name_set(ret, s.at, s.len);
}

/* The input: a line for the local part, a line for HELO, the rest is the macro-string. */
static struct spf_span take_line(struct spf_span *rest)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	struct spf_span line = { rest->at, end ? (size_t)(end - rest->at) : 0 };

	if (end)
		*rest = (struct spf_span){ end + 1, rest->len - line.len - 1 };
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_span spec = { (const char *)data, size };
	struct spf_macros m = {
		.sender_domain = SPF_SPAN("example.org"),
		.domain = SPF_SPAN("mail.example.org"),
		.validated = SPF_SPAN("unknown"),
		.receiver = SPF_SPAN("mx.example.org"),
		.client = { 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
		.now_s = 1700000000,
	};
	struct text out = TEXT_INIT(OUT_MAX_BYTES);
	struct spf_name name, want;
	char escaped[4 * SPF_NAME_MAX + 1];
	bool ok, ascii = true;

	m.local = take_line(&spec);
	m.helo = take_line(&spec);
	for (size_t i = 0; i < m.local.len; i++)
		ascii = ascii && !(m.local.at[i] & 0x80);
	if (spf_is_explain_string(spec))
		(void)spf_expand(spec, &m, &out);
	text_done(&out);
	if (!spf_is_domain_spec(spec))
		return 0;
	MUST(spf_is_macro_string(spec, SPF_LETTERS_OF_NAME) && spf_is_explain_string(spec));
	ok = spf_target(spec, &m, &name);
	if (ok)
		MUST(name.len > 0 && name.len <= SPF_NAME_MAX && strlen(spf_name_for_dns(&name, escaped)) >= name.len);
	out = TEXT_INIT(OUT_MAX_BYTES);
	if (spf_expand(spec, &m, &out) && ascii)
		MUST(ok == target_of(&out, &want) && (!ok || memcmp(name.text, want.text, name.len + 1) == 0));
	text_done(&out);
	return 0;
}
