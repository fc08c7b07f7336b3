/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/helo/helo_eval.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/mail/domain.h"

#define IPV6_TAG "IPv6:"

/* text: between the brackets */
static bool literal_parse(const char *text, size_t len, struct sluice_ip *ret)
{
	size_t tag_len = strlen(IPV6_TAG);
	bool tagged = len >= tag_len && ascii_equals(text, tag_len, IPV6_TAG);

	if (tagged) {
		text += tag_len;
		len -= tag_len;
	}
	/* The tag and nothing else tells the families apart: IPv6 has colons, IPv4 has none. */
	return len > 0 && (memchr(text, ':', len) != NULL) == tagged && ip_parse(text, len, ret);
}

/* Top-level domains are never numbers (RFC 3696 2): it would be an IPv4 address, or a part of one. */
static bool ends_in_number(const char *name, size_t len)
{
	while (len > 0 && name[len - 1] == '.')
		len--;
	while (len > 0 && name[len - 1] != '.') {
		if (!ascii_is_digit(name[--len]))
			return false;
	}
	return true;
}

enum helo_form helo_classify(const char *name, size_t len, struct sluice_ip *ret_ip)
{
	struct sluice_ip ip;

	if (len >= 2 && name[0] == '[' && name[len - 1] == ']') {
		if (!literal_parse(name + 1, len - 2, &ip))
			return HELO_MALFORMED;
		if (ret_ip)
			*ret_ip = ip;
		return HELO_LITERAL;
	}
	if (!domain_valid(name, len, 1) || ends_in_number(name, len))
		return HELO_MALFORMED;
	return domain_labels(name, len) > 1 ? HELO_FQDN : HELO_SINGLE_LABEL;
}
