/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rotate_dns.h - does each name server of a domain show a key? They are asked themselves, as what a resolver has kept says nothing of
 * them.
 */
#ifndef CTL_ROTATE_DNS_H
#define CTL_ROTATE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROTATE_SERVERS_MAX 16 /* that are asked */

struct rotate_dns {
	const char *const *forwarders; /* the resolver that finds the name servers; none: that of the host */
	size_t forwarder_count;
	const char *servers[ROTATE_SERVERS_MAX]; /* ADDRESS or ADDRESS@PORT, asked in the place of the domain's name servers */
	size_t server_count;
};

/*
 * Is this record, and no other key, at `name` on every name server of the domain? What is not as it should be is said on stderr, a line
 * for each server. *ret_ttl_s: how long resolvers may have kept something else, at most; only with true.
 */
bool rotate_dns_shows(const struct rotate_dns *dns, const char *domain, const char *name, const char *record, int64_t *ret_ttl_s);

#endif
