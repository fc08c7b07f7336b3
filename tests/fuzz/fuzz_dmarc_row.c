/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/utf8.h"
#include "plugins/dmarc/dmarc_row.h"
#include "tests/fuzz/fuzz.h"

/* The lines: a record, From's domain, MAIL FROM's domain, an override, and a signature for each line that is left. */
struct lines {
	const char *at, *end;
};

static struct dmarc_span next(struct lines *l)
{
	const char *eol = memchr(l->at, '\n', (size_t)(l->end - l->at));
	struct dmarc_span line = { l->at, (size_t)((eol ? eol : l->end) - l->at) };

	l->at = eol ? eol + 1 : l->end;
	return line;
}

static struct dmarc_span signature(void *arg, size_t i)
{
	struct lines l = *(const struct lines *)arg;
	struct dmarc_span line = { NULL, 0 };

	for (size_t k = 0; k <= i; k++) {
		if (l.at == l.end)
			return (struct dmarc_span){ NULL, 0 };
		line = next(&l);
	}
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(DMARC_ROW_MAX_BYTES);
	struct lines l = { (const char *)data, (const char *)data + size };
	struct dmarc_span text = next(&l), from = next(&l), envelope = next(&l), override = next(&l);
	const struct sluice_conclusion done = { .action = size % 4, .tagged = size % 3 == 0 };
	struct dmarc_record record;
	struct dmarc_row_facts f = { .policy_domain = envelope,
		.org_domain = envelope,
		.record = &record,
		.spf_aligned = size % 5 == 0,
		.policy = size % 3,
		.asked = size % 3,
		.done = &done,
		.override = override.len ? override : (struct dmarc_span){ NULL, 0 },
		.client = { 4, { 192, 0, 2, 1 } },
		.envelope_from = envelope,
		.signature = signature,
		.arg = &l };
	char header_from[DMARC_NAME_SIZE];
	int depth = 0;
	bool quoted = false;

	if (!dmarc_domain(from.at, from.len, header_from) || !dmarc_record_parse(text.at, text.len, &record))
		return 0;
	f.header_from = header_from;
	if (!dmarc_row_write(&out, &f))
		return 0;
	MUST(utf8_valid(out.bytes, out.len) && !memchr(out.bytes, '\n', out.len));
	for (size_t i = 0; i < out.len; i++) {
		if (quoted && out.bytes[i] == '\\')
			i++;
		else if (out.bytes[i] == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += (out.bytes[i] == '{') - (out.bytes[i] == '}');
	}
	MUST(!quoted && depth == 0);
	return 0;
}
