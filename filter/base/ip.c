/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"

#define MAPPED_PREFIX_LEN 96

/* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */
static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static struct sluice_ip ip_from_octets(const void *octets, size_t len)
{
	struct sluice_ip ip = { 0 };
	const uint8_t *from = octets;

	if (len == 16 && memcmp(from, mapped_prefix, sizeof mapped_prefix) == 0) {
		from += sizeof mapped_prefix;
		len = 4;
	}
	ip.family = len == 4 ? 4 : 6;
	memcpy(ip.bytes, from, len);
	return ip;
}

bool ip_parse(const char *text, size_t len, struct sluice_ip *ret)
{
	char buf[IP_TEXT_MAX];
	uint8_t octets[16];

	if (len == 0 || len >= sizeof buf || memchr(text, '\0', len))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, octets) == 1)
		*ret = ip_from_octets(octets, 4);
	else if (inet_pton(AF_INET6, buf, octets) == 1)
		*ret = ip_from_octets(octets, 16);
	else
		return false;
	return true;
}

struct sluice_ip ip_from_sockaddr(const struct sockaddr *sa)
{
	if (sa && sa->sa_family == AF_INET)
		return ip_from_octets(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	if (sa && sa->sa_family == AF_INET6)
		return ip_from_octets(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	return (struct sluice_ip){ 0 };
}

const char *ip_format(const struct sluice_ip *ip, char buf[IP_TEXT_MAX])
{
	if (ip->family == 0 || !inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, buf, IP_TEXT_MAX))
		(void)snprintf(buf, IP_TEXT_MAX, "unknown");
	return buf;
}

bool ip_equal(const struct sluice_ip *a, const struct sluice_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, ip_octets(a)) == 0;
}

size_t ip_octets(const struct sluice_ip *ip)
{
	return ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0;
}

int ip_reverse_name(const struct sluice_ip *ip, const char *suffix, char *buf, size_t size)
{
	size_t used = 0;

	if (ip->family == 0)
		return -EINVAL;
	if (!suffix)
		suffix = ip->family == 4 ? "in-addr.arpa" : "ip6.arpa";
	for (size_t i = ip_octets(ip); i-- > 0;) {
		char label[8];
		int n = ip->family == 4
		                ? snprintf(label, sizeof label, "%u.", ip->bytes[i])
		                : snprintf(label, sizeof label, "%x.%x.", ip->bytes[i] & 15u, ip->bytes[i] >> 4);

		if ((size_t)n >= size - used)
			return -ENOSPC;
		memcpy(buf + used, label, (size_t)n);
		used += (size_t)n;
	}
	if (strlen(suffix) >= size - used)
		return -ENOSPC;
	memcpy(buf + used, suffix, strlen(suffix) + 1);
	return 0;
}

bool net_parse(const char *text, size_t len, struct net *ret)
{
	const char *slash = len > 0 ? memchr(text, '/', len) : NULL;
	size_t ip_len = slash ? (size_t)(slash - text) : len;
	uint64_t prefix_len;
	struct sluice_ip ip;
	struct net net;

	if (!ip_parse(text, ip_len, &ip))
		return false;
	prefix_len = ip_octets(&ip) * 8;
	if (slash) {
		/* An IPv4-mapped network was written with the length that it has in IPv6. */
		uint64_t hidden = ip.family == 4 && memchr(text, ':', ip_len) ? MAPPED_PREFIX_LEN : 0;

		if (!ascii_to_u64(slash + 1, len - ip_len - 1, hidden + prefix_len, &prefix_len) || prefix_len < hidden)
			return false;
		prefix_len -= hidden;
	}
	net = net_of(&ip, (uint8_t)prefix_len);
	if (!ip_equal(&net.ip, &ip))
		return false;
	*ret = net;
	return true;
}

const char *net_format(const struct net *n, char buf[NET_TEXT_MAX])
{
	char ip[IP_TEXT_MAX];

	(void)snprintf(buf, NET_TEXT_MAX, "%s/%u", ip_format(&n->ip, ip), n->prefix_len);
	return buf;
}

/* The bits of octet i that belong to a prefix. */
static uint8_t prefix_mask(uint8_t prefix_len, size_t i)
{
	size_t before = i * 8;

	if (prefix_len >= before + 8)
		return 0xff;
	return prefix_len <= before ? 0 : (uint8_t)(0xff00u >> (prefix_len - before));
}

bool net_contains(const struct net *n, const struct sluice_ip *ip)
{
	if (n->ip.family != ip->family)
		return false;
	for (size_t i = 0; i < ip_octets(ip); i++) {
		if ((ip->bytes[i] ^ n->ip.bytes[i]) & prefix_mask(n->prefix_len, i))
			return false;
	}
	return true;
}

struct net net_of(const struct sluice_ip *ip, uint8_t prefix_len)
{
	struct net net = { .ip = { .family = ip->family } };
	size_t octets = ip_octets(ip);

	net.prefix_len = prefix_len > octets * 8 ? (uint8_t)(octets * 8) : prefix_len;
	for (size_t i = 0; i < octets; i++)
		net.ip.bytes[i] = ip->bytes[i] & prefix_mask(net.prefix_len, i);
	return net;
}
