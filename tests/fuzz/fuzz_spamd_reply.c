/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/utf8.h"
#include "plugins/spamd/spamd_eval.h"
#include "tests/fuzz/fuzz.h"

static void is_clean(const char *text, size_t max)
{
	size_t n;

	MUST(strlen(text) <= max);
	for (; *text; text += n) {
		n = utf8_char_len(text, strlen(text));
		MUST(n && !utf8_is_control(text, n));
	}
}

/* What the client says of itself can end no line of the field but its own. */
static void read_about(const char *bytes, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4000);
	const struct sluice_ip ip = { 4, { 192, 0, 2, 1 } };
	size_t third = size / 3, lines = 0;
	const struct spamd_about about = { .client = &ip, .helo = { bytes, third }, .name = { bytes + third, third },
		.from = { bytes + 2 * third, size - 2 * third }, .our_name = "mx.example.org", .queue_id = "", .now_s = 1700000000 };

	spamd_received(&out, &about);
	MUST(!out.failed && !memcmp(text_str(&out) + out.len - 2, "\r\n", 2));
	for (size_t i = 0; i < out.len; i++)
		lines += text_str(&out)[i] == '\n';
	MUST(lines >= 2 && lines <= 3 && strlen(text_str(&out)) == out.len);
}

/* What spamd says, or what stands in its place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[SLUICE_EXCHANGE_WHY_MAX] = "";
	struct spamd_answer answer;

	read_about((const char *)data, size);
	if (spamd_read((const char *)data, size, &answer, why) != SLUICE_EXCHANGE_ANSWER) {
		MUST(*why);
		return 0;
	}
	MUST(answer.count <= SPAMD_RULES_MAX);
	for (size_t i = 0; i < answer.count; i++) {
		MUST(*answer.rules[i]);
		is_clean(answer.rules[i], SPAMD_RULE_MAX);
	}
	return 0;
}
