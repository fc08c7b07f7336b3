/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/url.h"
#include "tests/fuzz/fuzz.h"

static void look(const psl_ctx_t *psl, const struct url *u, size_t size)
{
	struct text inner = TEXT_INIT(size);
	const char *domain = url_domain(psl, u);
	struct sluice_ip ip;
	size_t at = 0;

	MUST(strlen(u->scheme) > 0 && strlen(u->host) < sizeof u->host);
	MUST(!(u->tricks & URL_BAD_HOST) || !u->host[0]);
	MUST(!u->ip.family || ip_parse(u->host, strlen(u->host), &ip));
	MUST(!domain || domain_within(u->host, strlen(u->host), domain, strlen(domain)));
	MUST(u->rest_len <= size);
	for (size_t before = 0; url_next_inner(u, &at, &inner); before = at)
		MUST(at > before && inner.len > 5);
	at = 0;
	for (size_t before = 0; url_next_address(u, &at, &inner); before = at)
		MUST(at > before && memchr(inner.bytes, '@', inner.len));
	text_done(&inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static psl_ctx_t *psl;
	const char *bytes = (const char *)data;
	struct url_span span;
	struct url u;
	size_t at = 0;

	if (!psl)
		psl = psl_latest(NULL);
	if (url_read(bytes, size, &u))
		look(psl, &u, size);
	for (size_t before = 0; url_find(psl, bytes, size, &at, &span); before = at) {
		MUST(span.bytes >= bytes + before && span.len > 0 && span.bytes + span.len <= bytes + size && at > before);
		if (url_read_span(&span, &u))
			look(psl, &u, size);
	}
	return 0;
}
