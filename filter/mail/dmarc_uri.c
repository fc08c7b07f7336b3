/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dmarc_uri.h"

#include <stdbool.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/domain.h"

#define SCHEME     "mailto:"
#define SCHEME_LEN (sizeof SCHEME - 1)
#define LOCAL_MAX  64 /* octets (RFC 5321 4.5.3.1.1) */

/* Percent escapes undone. 0: an escape is broken, or it is too long. */
static size_t unescape(const char *s, size_t len, char ret[DMARC_ADDRESS_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int octet = s[i] == '%' && len - i > 2 ? ascii_hex_octet(s + i + 1) : -1;

		if (n + 1 >= DMARC_ADDRESS_SIZE)
			return 0;
		if (s[i] != '%') {
			ret[n++] = s[i];
			continue;
		}
		if (octet < 0)
			return 0;
		ret[n++] = (char)octet;
		i += 2;
	}
	ret[n] = '\0';
	return n;
}

/* A dot-atom (RFC 5321 4.1.2). */
static bool good_local(const char *s, size_t len)
{
	if (len == 0 || len > LOCAL_MAX || s[0] == '.' || s[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '.' ? s[i - 1] == '.'
				: !ascii_is_alnum(s[i]) && (!s[i] || !strchr("!#$%&'*+-/=?^_`{|}~", s[i])))
			return false;
	}
	return true;
}

static bool read_address(const char *s, size_t len, struct dmarc_uri *ret)
{
	char text[DMARC_ADDRESS_SIZE], domain[DOMAIN_ASCII_SIZE];
	const char *query = memchr(s, '?', len), *at;
	size_t n = unescape(s, query ? (size_t)(query - s) : len, text), local;

	at = n ? memrchr(text, '@', n) : NULL;
	if (!at)
		return false;
	local = (size_t)(at - text);
	if (!good_local(text, local) || !domain_to_ascii(at + 1, n - local - 1, domain) ||
		!domain_valid(domain, strlen(domain), 2))
		return false;
	if (local + 1 + strlen(domain) >= DMARC_ADDRESS_SIZE || domain[strlen(domain) - 1] == '.')
		return false;
	memcpy(ret->address, text, local + 1);
	for (size_t i = 0; i <= strlen(domain); i++)
		ret->address[local + 1 + i] = ascii_lower(domain[i]);
	ret->domain = ret->address + local + 1;
	return true;
}

/* "!10m" (RFC 7489 6.4): records still have it. False: it is no size. */
static bool read_size(const char *s, size_t len, uint64_t *ret)
{
	static const char units[] = "kmgt";
	const char *unit = len ? memchr(units, ascii_lower(s[len - 1]), sizeof units - 1) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (!ascii_to_u64(s, len - (unit ? 1 : 0), UINT64_MAX >> shift, ret))
		return false;
	*ret <<= shift;
	return true;
}

static bool read_uri(const char *s, size_t len, struct dmarc_uri *ret)
{
	const char *mark;

	while (len && ascii_is_space(*s)) {
		s++;
		len--;
	}
	while (len && ascii_is_space(s[len - 1]))
		len--;
	if (len < SCHEME_LEN || !ascii_equals(s, SCHEME_LEN, SCHEME))
		return false;
	s += SCHEME_LEN;
	len -= SCHEME_LEN;
	mark = memrchr(s, '!', len);
	ret->max_bytes = UINT64_MAX;
	if (mark && !read_size(mark + 1, (size_t)(s + len - mark - 1), &ret->max_bytes))
		return false;
	return read_address(s, mark ? (size_t)(mark - s) : len, ret);
}

size_t dmarc_uris_read(const char *list, size_t len, struct dmarc_uri ret[DMARC_URIS_MAX])
{
	size_t count = 0;

	if (len > DMARC_URI_LIST_MAX)
		return 0;
	for (size_t at = 0; at < len && count < DMARC_URIS_MAX;) {
		const char *comma = memchr(list + at, ',', len - at);
		size_t one = comma ? (size_t)(comma - list) - at : len - at;
		bool known = false;

		if (read_uri(list + at, one, &ret[count])) {
			for (size_t i = 0; i < count; i++)
				known |= !strcmp(ret[i].address, ret[count].address);
			count += !known;
		}
		at += one + 1;
	}
	return count;
}
