/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/dns_name.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"

/* One octet of a label in text: itself, \X or \DDD. False: a bad escape. */
static bool read_octet(const char *text, size_t len, size_t *pos, uint8_t *ret)
{
	uint64_t number;
	size_t at = *pos;

	if (text[at] != '\\') {
		*ret = (uint8_t)ascii_lower(text[at]);
		*pos = at + 1;
		return true;
	}
	if (++at == len)
		return false;
	if (!ascii_is_digit(text[at])) {
		*ret = (uint8_t)ascii_lower(text[at]);
		*pos = at + 1;
		return true;
	}
	if (len - at < 3 || !ascii_to_u64(text + at, 3, 255, &number))
		return false;
	*ret = (uint8_t)ascii_lower((char)number);
	*pos = at + 3;
	return true;
}

bool dns_name_parse(const char *text, size_t len, struct dns_name *ret)
{
	struct dns_name name = { 0 };
	size_t pos = 0, start = 0, used = 1; /* of name.octets; start is the length octet of the label being read */

	if (len == 1 && text[0] == '.')
		len = 0;
	while (pos < len) {
		if (text[pos] == '.') {
			if (used - start - 1 == 0 || used >= DNS_NAME_MAX)
				return false;
			name.octets[start] = (uint8_t)(used - start - 1);
			start = used++;
			pos++;
			continue;
		}
		if (used - start - 1 == DNS_LABEL_MAX || used >= DNS_NAME_MAX)
			return false;
		if (!read_octet(text, len, &pos, &name.octets[used]))
			return false;
		used++;
	}
	if (used - start > 1) { /* no dot at the end: the root's octet is still to come */
		if (used >= DNS_NAME_MAX)
			return false;
		name.octets[start] = (uint8_t)(used - start - 1);
		start = used++;
	}
	name.octets[start] = 0;
	name.len = (uint8_t)used;
	*ret = name;
	return true;
}

bool dns_name_read(const uint8_t *message, size_t len, size_t *pos, struct dns_name *ret)
{
	struct dns_name name = { 0 };
	size_t at = *pos, used = 0, end = 0, limit = *pos;

	while (at < len) {
		uint8_t octet = message[at];

		if ((octet & 0xc0) == 0xc0) {
			size_t target;

			if (at + 1 >= len)
				return false;
			target = (size_t)(octet & 0x3f) << 8 | message[at + 1];
			if (!end)
				end = at + 2;
			if (target >= limit)
				return false;
			limit = at = target;
			continue;
		}
		if (octet > DNS_LABEL_MAX || used + 1u + octet > DNS_NAME_MAX || len - at - 1 < octet)
			return false;
		name.octets[used++] = octet;
		at++;
		if (octet == 0) {
			name.len = (uint8_t)used;
			*pos = end ? end : at;
			*ret = name;
			return true;
		}
		for (uint8_t i = 0; i < octet; i++)
			name.octets[used++] = (uint8_t)ascii_lower((char)message[at++]);
	}
	return false;
}

size_t dns_name_print(const struct dns_name *name, char text[DNS_NAME_TEXT_MAX])
{
	size_t out = 0;

	for (size_t at = 0; name->octets[at];) {
		size_t label = name->octets[at++];

		if (out)
			text[out++] = '.';
		for (; label; label--, at++) {
			uint8_t octet = name->octets[at];

			if (octet <= ' ' || octet > '~') {
				out += (size_t)snprintf(text + out, DNS_NAME_TEXT_MAX - out, "\\%03u", octet);
				continue;
			}
			if (octet == '.' || octet == '\\')
				text[out++] = '\\';
			text[out++] = (char)octet;
		}
	}
	text[out] = '\0';
	return out;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

size_t dns_name_key(const struct dns_name *name, uint8_t key[DNS_NAME_MAX])
{
	size_t end = name->len - 1u;

	for (size_t at = 0; name->octets[at]; at += name->octets[at] + 1u) {
		size_t size = name->octets[at] + 1u;

		end -= size;
		memcpy(key + end, name->octets + at, size);
	}
	return name->len - 1u;
}
