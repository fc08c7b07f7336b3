/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/dmarc/dmarc_eval.h"
#include "tests/fuzz/fuzz.h"

static bool within(struct dmarc_span s, const char *bytes, size_t size)
{
	return !s.at || (s.at >= bytes && s.at + s.len <= bytes + size);
}

/* A domain, a NUL, and records, one a line, for the names of its walk: an empty line is a name without one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *end = bytes + size;
	const char *at = size ? memchr(bytes, '\0', size) : NULL;
	struct sluice_dns_answer answers[DMARC_WALK_MAX];
	struct sluice_dns_record texts[DMARC_WALK_MAX];
	const struct sluice_dns_answer *all[DMARC_WALK_MAX];
	char domain[DMARC_NAME_SIZE];
	struct dmarc_names names;
	struct dmarc_record r;
	struct dmarc_walk w;
	struct dmarc_verdict v;

	if (dmarc_record_parse(bytes, size, &r))
		MUST(within(r.rua, bytes, size) && within(r.ruf, bytes, size) && within(r.fo, bytes, size));
	if (!at || !dmarc_domain(bytes, (size_t)(at - bytes), domain))
		return 0;
	MUST(*domain && strlen(domain) < sizeof domain);
	dmarc_names_walk(domain, &names);
	MUST(names.count >= 1 && names.count <= DMARC_WALK_MAX && names.at[0] == domain);
	at++;
	for (size_t i = 0; i < names.count; i++) {
		const char *line = memchr(at, '\n', (size_t)(end - at));

		line = line ? line : end;
		texts[i] = (struct sluice_dns_record){ at, (size_t)(line - at), 0 };
		answers[i] = (struct sluice_dns_answer){
			.status = line > at ? SLUICE_DNS_OK : SLUICE_DNS_NXDOMAIN, .count = 1, .records = &texts[i]
		};
		all[i] = &answers[i];
		at = line < end ? line + 1 : end;
	}
	dmarc_walk_read(&names, all, &w);
	MUST(w.org >= domain && w.org < domain + strlen(domain) && (w.org == domain || w.org[-1] == '.'));
	MUST(w.policy < (int)w.steps && w.policy >= DMARC_NO_POLICY);
	v = dmarc_judge(&w, DMARC_EXISTS, DMARC_APART, DMARC_APART);
	MUST(v.result == (w.policy >= 0 && w.records[w.policy].applies ? DMARC_FAIL : DMARC_NONE));
	MUST(v.disposition <= v.policy);
	MUST(dmarc_align(&w, domain, w.org, false) == DMARC_ALIGNED);
	return 0;
}
