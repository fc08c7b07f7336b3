/* SPDX-License-Identifier: BSD-2-Clause */
/* ip.h - IP addresses and networks as values (struct sluice_ip of plugin.h). Pure. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

#define IP_TEXT_MAX  46 /* with the NUL */
#define NET_TEXT_MAX (IP_TEXT_MAX + 4)

struct net {
	struct sluice_ip ip; /* host bits are zero */
	uint8_t prefix_len;
};

/*
 * Read an address in text: IPv4 dotted quad, IPv6 (RFC 4291 2.2, no zone). An IPv4-mapped IPv6 address becomes IPv4.
 * False, and *ret as it was, for all else. text: len octets, no NUL needed.
 */
bool ip_parse(const char *text, size_t len, struct sluice_ip *ret);
/* From a socket address: struct sockaddr_in, sockaddr_in6; family 0 for others. */
struct sockaddr;
struct sluice_ip ip_from_sockaddr(const struct sockaddr *sa);
/* Canonical text (RFC 5952); "unknown" for family 0. Returns buf. */
const char *ip_format(const struct sluice_ip *ip, char buf[IP_TEXT_MAX]);
bool ip_equal(const struct sluice_ip *a, const struct sluice_ip *b);
size_t ip_octets(const struct sluice_ip *ip); /* 4, 16, 0 */
/*
 * The labels in reverse under a suffix, as PTR look-ups and DNSBLs want them: 192.0.2.1 under "zen.example" is
 * "1.2.0.192.zen.example"; IPv6 by nibbles. suffix NULL: in-addr.arpa or ip6.arpa. 0, or -ENOSPC, or -EINVAL for
 * family 0.
 */
int ip_reverse_name(const struct sluice_ip *ip, const char *suffix, char *buf, size_t size);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. False when not of that form or host bits are set. */
bool net_parse(const char *text, size_t len, struct net *ret);
const char *net_format(const struct net *n, char buf[NET_TEXT_MAX]); /* with its prefix; returns buf */
bool net_contains(const struct net *n, const struct sluice_ip *ip);
/* Cut an address to a network: host bits zeroed. prefix_len beyond the family's is the whole address. */
struct net net_of(const struct sluice_ip *ip, uint8_t prefix_len);

#endif
