/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/spf/spf_record.h"
#include "tests/fuzz/fuzz.h"

static void look_at_span(struct spf_span inner, struct spf_span outer)
{
	if (inner.len)
		MUST(inner.at >= outer.at && inner.at + inner.len <= outer.at + outer.len);
}

/* Terms lie in the record, one behind the other; a record that is taken is read again to its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sluice_dns_record one = { (const char *)data, size, 0 };
	const struct sluice_dns_answer txt = { .count = 1, .records = &one };
	struct spf_span text = { (const char *)data, size }, chosen;
	struct spf_record r;
	struct spf_term t;
	size_t pos = 0, before = 0, redirects = 0, explanations = 0;

	if (!spf_record_parse(text, &r))
		return 0;
	MUST(spf_record_choose(&txt, &chosen) == SPF_ONE_RECORD && chosen.len == size);
	MUST(!memchr(data, '\0', size));
	for (; spf_record_next(&r, &pos, &t); before = pos) {
		MUST(pos > before && pos <= size);
		MUST(t.text.len > 0 && !memchr(t.text.at, ' ', t.text.len));
		look_at_span(t.text, text);
		look_at_span(t.spec, t.text);
		redirects += t.kind == SPF_REDIRECT;
		explanations += t.kind == SPF_EXP;
		if (t.kind <= SPF_EXISTS)
			MUST(t.prefix4 <= 32 && t.prefix6 <= 128 && strchr("+-~?", t.qualifier));
	}
	while (pos < size)
		MUST(data[pos++] == ' ');
	MUST(redirects == (r.redirect.len > 0) && explanations == (r.exp.len > 0));
	return 0;
}
