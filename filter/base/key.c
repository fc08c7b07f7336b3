/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/key.h"

#include "filter/base/ascii.h"
#include "filter/base/hash.h"

static bool is_escaped(int octet)
{
	return (octet >= 0 && octet <= ' ') || octet == 0x7f || octet == '|' || octet == '%';
}

void key_add(struct text *key, const char *part, size_t len, bool fold)
{
	text_addc(key, '|');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)part[i];

		if (is_escaped(c))
			text_addf(key, "%%%02x", c);
		else
			text_addc(key, fold ? ascii_lower((char)c) : (char)c);
	}
}

void key_unescape(struct text *out, const char *part, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int octet = part[i] == '%' && len - i > 2 ? ascii_hex_octet(part + i + 1) : -1;

		text_addc(out, is_escaped(octet) ? (char)octet : part[i]);
		i += is_escaped(octet) ? 2 : 0;
	}
}

void key_shorten(struct text *key, size_t max)
{
	static const struct hash_key fixed = { UINT64_C(0x736c756963652d6b), UINT64_C(0x6579732d66697865) };
	uint64_t hash;

	if (key->len <= max)
		return;
	hash = hash_bytes(&fixed, key->bytes, key->len);
	key->len = max - 17;
	text_addf(key, "#%016llx", (unsigned long long)hash);
}
