/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/rdns/rdns_eval.h"

#include <string.h>

#include "filter/base/ip.h"

static bool leads_to(const struct sluice_dns_answer *forward, const struct sluice_ip *ip)
{
	if (forward->status != SLUICE_DNS_OK)
		return false;
	for (size_t i = 0; i < forward->count; i++) {
		if (forward->records[i].len == ip_octets(ip) && memcmp(forward->records[i].data, ip->bytes, ip_octets(ip)) == 0)
			return true;
	}
	return false;
}

static bool unanswered(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

enum rdns_result rdns_judge(const struct sluice_ip *ip, const struct sluice_dns_answer *ptr,
	const struct sluice_dns_answer *const *forward, size_t *ret_name)
{
	bool open = false;

	if (unanswered(ptr))
		return RDNS_TEMPERROR;
	if (ptr->status != SLUICE_DNS_OK || ptr->count == 0)
		return RDNS_PERMERROR;
	for (size_t i = 0; i < ptr->count && i < RDNS_MAX_NAMES; i++) {
		if (leads_to(forward[i], ip)) {
			*ret_name = i;
			return RDNS_PASS;
		}
		open |= unanswered(forward[i]);
	}
	return open ? RDNS_TEMPERROR : RDNS_FAIL;
}
