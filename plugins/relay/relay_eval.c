/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/relay/relay_eval.h"

#include "filter/base/ascii.h"
#include "filter/mail/address.h"

bool relay_is_attempt(const struct sluice_address *rcpt, bool (*ours)(const void *arg, const char *domain, size_t len),
	const void *arg)
{
	struct sluice_address at = *rcpt, next;

	if (at.local_len == at.len)
		return !ascii_equals(at.local, at.local_len, "postmaster");
	if (at.domain_len == 0 || at.domain[0] == '[' || !ours(arg, at.domain, at.domain_len))
		return true;
	for (int hop = 0; hop < RELAY_MAX_HOPS; hop++) {
		if (address_route(&at, &next) == ADDRESS_PLAIN)
			return false;
		if (next.domain_len > 0 && !ours(arg, next.domain, next.domain_len))
			return true;
		at = next;
	}
	return true;
}
