/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/url.h"

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/ip.h"
#include "filter/base/utf8.h"
#include "filter/mail/address.h"

#define HOST_MAX_BYTES    1024 /* of a host before it is decoded; a longer one is none */
#define INNER_MAX_DECODES 3    /* escapes of escapes: %2568 */

static const char *const web_schemes[] = { "http", "https", "ftp", "ws", "wss" };

static bool is_removed(char c) /* by browsers, wherever it stands (WHATWG URL 4.4, 2 and 3) */
{
	return c == '\t' || c == '\n' || c == '\r';
}

static bool is_slash(char c, bool web)
{
	return c == '/' || (web && c == '\\');
}

static bool is_one_of(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return true;
	return false;
}

bool url_is_web(const struct url *u)
{
	return is_one_of(web_schemes, ARRAY_LEN(web_schemes), u->scheme);
}

/* ---- hosts ---- */

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %HH at the start of bytes; -1: it is none. */
static int escaped(const char *bytes, size_t len)
{
	if (len < 3 || bytes[0] != '%' || hex_digit(bytes[1]) < 0 || hex_digit(bytes[2]) < 0)
		return -1;
	return hex_digit(bytes[1]) * 16 + hex_digit(bytes[2]);
}

/* The dots of UTS 46 that are none of ASCII; their octets, or 0. */
static size_t odd_dot(const char *bytes, size_t len)
{
	return len >= 3 && (!memcmp(bytes, "\u3002", 3) || !memcmp(bytes, "\uff0e", 3) || !memcmp(bytes, "\uff61", 3)) ? 3 : 0;
}

/* Without escapes, with dots of ASCII. False: too long. */
static bool decode_host(const char *bytes, size_t len, char ret[HOST_MAX_BYTES], size_t *ret_len, unsigned *tricks)
{
	size_t n = 0, dots = 0;

	if (len > HOST_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		int octet = escaped(bytes + i, len - i);

		if (octet >= 0) {
			*tricks |= URL_PERCENT_HOST;
			ret[n++] = (char)octet;
			i += 2;
		} else if (is_removed(bytes[i])) {
			*tricks |= URL_CONTROL;
		} else {
			ret[n++] = bytes[i];
		}
	}
	len = n;
	n = 0;
	for (size_t i = 0; i < len; i++) {
		size_t dot = odd_dot(ret + i, len - i);

		if (dot) {
			*tricks |= URL_ODD_DOT;
			i += dot - 1;
		}
		ret[n++] = dot ? '.' : ret[i];
	}
	while (dots < n && ret[n - 1 - dots] == '.')
		dots++;
	*ret_len = n - dots;
	return true;
}

/* One number of an IPv4 address: decimal, 0 and octal, 0x and hex (WHATWG URL 3.5). */
static bool read_number(const char *bytes, size_t len, uint64_t *ret)
{
	unsigned base = 10;

	if (len >= 2 && bytes[0] == '0' && ascii_lower(bytes[1]) == 'x') {
		base = 16;
		bytes += 2;
		len -= 2;
	} else if (len >= 2 && bytes[0] == '0') {
		base = 8;
	}
	*ret = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = hex_digit(bytes[i]);

		if (digit < 0 || (unsigned)digit >= base || *ret > UINT32_MAX)
			return false;
		*ret = *ret * base + (unsigned)digit;
	}
	return len > 0 || base == 16;
}

/* An address of one to four numbers, of which the last fills what the others leave. */
static bool read_ipv4(const char *host, size_t len, struct sluice_ip *ret)
{
	uint64_t numbers[4], sum = 0;
	size_t count = 0, start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && host[i] != '.')
			continue;
		if (count == 4 || !read_number(host + start, i - start, &numbers[count]))
			return false;
		start = i + 1;
		count++;
	}
	for (size_t i = 0; i + 1 < count; i++) {
		if (numbers[i] > 255)
			return false;
		sum |= numbers[i] << (24 - 8 * i);
	}
	if (numbers[count - 1] >= UINT64_C(1) << (8 * (5 - count)))
		return false;
	sum |= numbers[count - 1];
	*ret = (struct sluice_ip){ .family = 4 };
	for (unsigned i = 0; i < 4; i++)
		ret->bytes[i] = (uint8_t)(sum >> (24 - 8 * i));
	return true;
}

/* Is what is behind the last dot a number: then all of it has to be an address. */
static bool ends_in_number(const char *host, size_t len)
{
	const char *dot = memrchr(host, '.', len), *last = dot ? dot + 1 : host;
	size_t last_len = (size_t)(host + len - last);
	uint64_t number;
	bool digits = last_len > 0;

	for (size_t i = 0; i < last_len; i++)
		digits &= ascii_is_digit(last[i]);
	return digits || (last_len >= 2 && last[0] == '0' && ascii_lower(last[1]) == 'x' && read_number(last, last_len, &number));
}

/* Scripts that have letters which look alike. */
enum { LATIN = 1, GREEK = 2, CYRILLIC = 4, ARMENIAN = 8, CHEROKEE = 16 };

static unsigned script_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		unsigned script;
	} ranges[] = {
		{ 'A', 'Z', LATIN }, { 'a', 'z', LATIN }, { 0xc0, 0x24f, LATIN }, { 0x250, 0x2af, LATIN }, { 0x370, 0x3ff, GREEK }, { 0x400, 0x52f, CYRILLIC },
		{ 0x530, 0x58f, ARMENIAN }, { 0x13a0, 0x13ff, CHEROKEE }, { 0x1c80, 0x1c8f, CYRILLIC }, { 0x1d00, 0x1d25, LATIN },
		{ 0x1e00, 0x1eff, LATIN }, { 0x1f00, 0x1fff, GREEK }, { 0x2c60, 0x2c7f, LATIN }, { 0x2de0, 0x2dff, CYRILLIC }, { 0xa640, 0xa69f, CYRILLIC },
		{ 0xa720, 0xa7ff, LATIN }, { 0xab30, 0xab64, LATIN }, { 0xab70, 0xabbf, CHEROKEE },
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].script;
	return 0;
}

static bool has_mixed_label(const char *name)
{
	unsigned scripts = 0;
	size_t len = strlen(name), n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_char_len(name + i, len - i);
		if (!n)
			return false;
		scripts = name[i] == '.' ? 0 : scripts | script_of(utf8_decode(name + i, n));
		if (scripts & (scripts - 1))
			return true;
	}
	return false;
}

static void see_scripts(struct url *u)
{
	char *name = NULL;

	if (strncmp(u->host, "xn--", 4) != 0 && !strstr(u->host, ".xn--"))
		return;
	u->tricks |= URL_IDN;
	if (idn2_to_unicode_8z8z(u->host, &name, 0) == IDN2_OK && has_mixed_label(name))
		u->tricks |= URL_MIXED_SCRIPT;
	idn2_free(name);
}

static bool is_host_octet(char c) /* WHATWG URL 3.1: forbidden domain code points are not */
{
	return (unsigned char)c > ' ' && c != '\x7f' && !strchr("#/:<>?@[\\]^|%", c);
}

static void set_ip(struct url *u)
{
	char text[IP_TEXT_MAX];

	(void)snprintf(u->host, sizeof u->host, "%s", ip_format(&u->ip, text));
}

static bool read_literal(const char *bytes, size_t len, struct url *u)
{
	char canonical[IP_TEXT_MAX];

	if (len < 2 || bytes[len - 1] != ']' || !ip_parse(bytes + 1, len - 2, &u->ip) || !memchr(bytes, ':', len))
		return false;
	if (u->ip.family == 4 || !ascii_equals(bytes + 1, len - 2, ip_format(&u->ip, canonical)))
		u->tricks |= URL_ODD_IP;
	set_ip(u);
	return true;
}

static bool read_name(const char *bytes, size_t len, struct url *u)
{
	char decoded[HOST_MAX_BYTES];
	struct sluice_ip usual;
	size_t n;

	if (!decode_host(bytes, len, decoded, &n, &u->tricks) || n == 0 || !domain_to_ascii(decoded, n, u->host))
		return false;
	n = strlen(u->host);
	for (size_t i = 0; i < n; i++) {
		u->host[i] = ascii_lower(u->host[i]);
		if (!is_host_octet(u->host[i]) || (u->host[i] == '.' && (i == 0 || u->host[i - 1] == '.')))
			return false;
	}
	if (!ends_in_number(u->host, n)) {
		see_scripts(u);
		return true;
	}
	if (!read_ipv4(u->host, n, &u->ip))
		return false;
	if (!ip_parse(bytes, len, &usual))
		u->tricks |= URL_ODD_IP;
	set_ip(u);
	return true;
}

static void read_host(const char *bytes, size_t len, struct url *u)
{
	if (len > 0 && bytes[0] == '[' ? read_literal(bytes, len, u) : read_name(bytes, len, u))
		return;
	u->host[0] = '\0';
	u->ip.family = 0;
	u->tricks |= URL_BAD_HOST;
}

/* [userinfo@]host[:port], up to the path. */
static void read_authority(const char *at, const char *end, bool web, struct url *u)
{
	const char *stop = at, *userinfo, *host, *colon;

	while (stop < end && !is_slash(*stop, web) && *stop != '?' && *stop != '#')
		stop++;
	if (stop < end && *stop == '\\')
		u->tricks |= URL_BACKSLASH;
	u->rest = stop;
	u->rest_len = (size_t)(end - stop);
	userinfo = memrchr(at, '@', (size_t)(stop - at));
	if (userinfo)
		u->tricks |= URL_USERINFO;
	host = userinfo ? userinfo + 1 : at;
	colon = host < stop && *host == '[' ? memchr(host, ']', (size_t)(stop - host)) : host;
	colon = colon ? memchr(colon, ':', (size_t)(stop - colon)) : NULL;
	read_host(host, (size_t)((colon ? colon : stop) - host), u);
}

/* ---- URLs ---- */

static bool is_scheme_octet(char c)
{
	return ascii_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

/* The scheme and its colon; where it ends, or NULL: there is none. */
static const char *read_scheme(const char *at, const char *end, struct url *u)
{
	size_t n = 0;

	for (; at < end && n < URL_SCHEME_SIZE; at++) {
		if (is_removed(*at)) {
			u->tricks |= URL_CONTROL;
		} else if (*at == ':' && n > 0) {
			u->scheme[n] = '\0';
			return at + 1;
		} else if (n > 0 ? is_scheme_octet(*at) : ascii_is_alpha(*at)) {
			u->scheme[n++] = ascii_lower(*at);
		} else {
			return NULL;
		}
	}
	return NULL;
}

/* Slashes of either kind, with what browsers leave out between; at is moved behind them. Their number. */
static size_t skip_slashes(const char **at, const char *end, struct url *u)
{
	size_t count = 0;

	for (; *at < end && (is_slash(**at, true) || is_removed(**at)); ++*at) {
		if (is_removed(**at))
			u->tricks |= URL_CONTROL;
		else
			count++;
		if (**at == '\\')
			u->tricks |= URL_BACKSLASH;
	}
	return count;
}

static bool is_edge(char c)
{
	return (unsigned char)c <= ' ';
}

bool url_read(const char *bytes, size_t len, struct url *ret)
{
	const char *at = bytes, *end = bytes + len, *behind;

	*ret = (struct url){ 0 };
	while (at < end && is_edge(*at))
		at++;
	while (end > at && is_edge(end[-1]))
		end--;
	behind = read_scheme(at, end, ret);
	if (!behind) {
		*ret = (struct url){ .scheme = "http" };
		if (skip_slashes(&at, end, ret) < 2 || at == end)
			return false;
		read_authority(at, end, true, ret);
		return true;
	}
	at = behind;
	ret->rest = at;
	ret->rest_len = (size_t)(end - at);
	if (url_is_web(ret)) { /* "https:example.net" and "https:///example.net" lead there, too */
		(void)skip_slashes(&at, end, ret);
		if (at == end)
			return false;
		read_authority(at, end, true, ret);
	} else if (!strcmp(ret->scheme, "file")) { /* a third slash is that of a path, and there is no host */
		if (skip_slashes(&at, end, ret) == 2)
			read_authority(at, end, true, ret);
	} else if (end - at > 2 && at[0] == '/' && at[1] == '/' && at[2] != '/') {
		read_authority(at + 2, end, false, ret);
	}
	return true;
}

const char *url_domain(const psl_ctx_t *psl, const struct url *u)
{
	const char *domain;

	if (u->ip.family || domain_labels(u->host, strlen(u->host)) < 2)
		return NULL;
	domain = psl_registrable_domain(psl, u->host);
	return domain ? domain : u->host;
}

/* ---- what is within one ---- */

/* In place; the new length. */
static size_t unescape(char *bytes, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int octet = escaped(bytes + i, len - i);

		bytes[n++] = octet >= 0 ? (char)octet : bytes[i];
		i += octet >= 0 ? 2 : 0;
	}
	return n;
}

/* Where "http:/" or "https:/" begins; NULL: nowhere. */
static const char *find_web(const char *bytes, size_t len)
{
	const char *end = bytes + len;

	for (const char *colon = bytes; (colon = memchr(colon, ':', (size_t)(end - colon))); colon++) {
		if (end - colon < 2 || !is_slash(colon[1], true))
			continue;
		if (colon - bytes >= 4 && ascii_equal(colon - 4, 4, "http", 4))
			return colon - 4;
		if (colon - bytes >= 5 && ascii_equal(colon - 5, 5, "https", 5))
			return colon - 5;
	}
	return NULL;
}

bool url_next_inner(const struct url *u, size_t *at, struct text *ret)
{
	while (*at < u->rest_len) {
		const char *part = u->rest + *at, *found;
		size_t len = 0, n;

		while (*at + len < u->rest_len && !strchr("?&#", part[len]))
			len++;
		*at += len + 1;
		text_clear(ret);
		text_add(ret, part, len);
		if (ret->failed || len == 0)
			continue;
		n = len;
		found = find_web(ret->bytes, n);
		for (unsigned i = 0; !found && i < INNER_MAX_DECODES && memchr(ret->bytes, '%', n); i++) {
			n = unescape(ret->bytes, n);
			found = find_web(ret->bytes, n);
		}
		if (found) {
			ret->len = (size_t)(ret->bytes + n - found);
			memmove(ret->bytes, found, ret->len);
			ret->bytes[ret->len] = '\0';
			return true;
		}
	}
	return false;
}

bool url_next_address(const struct url *u, size_t *at, struct text *ret)
{
	while (!strcmp(u->scheme, "mailto") && *at < u->rest_len && u->rest[*at] != '?') {
		const char *part = u->rest + *at;
		struct sluice_address a;
		size_t len = 0;

		while (*at + len < u->rest_len && part[len] != ',' && part[len] != '?')
			len++;
		*at += len + (*at + len < u->rest_len && part[len] == ',');
		text_clear(ret);
		text_add(ret, part, len);
		if (ret->failed || len == 0)
			continue;
		ret->len = unescape(ret->bytes, len);
		ret->bytes[ret->len] = '\0';
		a = address_split(ret->bytes, ret->len);
		if (a.local_len && a.text == ret->bytes && a.len == ret->len && domain_valid(a.domain, a.domain_len, 2))
			return true;
	}
	return false;
}

/* ---- plain text ---- */

/* Octets of a white space, quote or bracket that is not ASCII; 0: there is none. */
static size_t wide_delimiter(const char *bytes, size_t len)
{
	static const struct {
		uint16_t first, last;
	} ranges[] = {
		{ 0xa0, 0xa0 }, { 0xab, 0xab }, { 0xbb, 0xbb }, { 0x2000, 0x200a }, { 0x2018, 0x201f }, { 0x2026, 0x202f }, { 0x205f, 0x205f },
		{ 0x3000, 0x3001 }, { 0x3008, 0x3011 }, { 0xff01, 0xff01 }, { 0xff08, 0xff09 }, { 0xff0c, 0xff0c }, { 0xff1a, 0xff1b }, { 0xff1f, 0xff1f },
	};
	size_t n = utf8_char_len(bytes, len);
	uint32_t code = n > 1 ? utf8_decode(bytes, n) : 0;

	for (size_t i = 0; code && i < ARRAY_LEN(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return n;
	return 0;
}

/* May c, an octet of ASCII, stand in a URL? */
static bool is_url_octet(char c)
{
	return c > ' ' && c != '\x7f' && !strchr("<>\"`{}", c);
}

/* A URL ends before another one. */
static bool begins_another(const char *at, const char *end)
{
	static const char *const starts[] = { "http://", "https://", "mailto:", "www." };

	if (!strchr(",;|()[]'*", *at))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t len = strlen(starts[i]);

		if ((size_t)(end - at) > len && ascii_equal(at + 1, len, starts[i], len))
			return true;
	}
	return false;
}

static const char *drop_mark(const char *start, const char *end) /* of punctuation that is not ASCII */
{
	return end - start > 3 && odd_dot(end - 3, 3) ? end - 3 : end;
}

static const char *trim(const char *start, const char *end)
{
	while (end > start) {
		const char *shorter = strchr(".,;:!?'*_~|([", end[-1]) ? end - 1 : drop_mark(start, end);

		if (shorter == end)
			break;
		end = shorter;
	}
	return end;
}

/* Up to what cannot be of it, such as a bracket that it does not open, and without the punctuation before that. */
static const char *url_end(const char *start, const char *end)
{
	size_t round = 0, square = 0;
	const char *at;

	for (at = start; at < end; at++) {
		if ((unsigned char)*at >= 0x80) {
			if (wide_delimiter(at, (size_t)(end - at)))
				break;
			continue;
		}
		if (!is_url_octet(*at) || (*at == ')' && !round) || (*at == ']' && !square) || (at > start && begins_another(at, end)))
			break;
		round += (*at == '(') - (size_t)(*at == ')');
		square += (*at == '[') - (size_t)(*at == ']');
	}
	return trim(start, at);
}

/* The scheme that ends in the run before a colon; its octets, or 0. */
static size_t scheme_before(const char *run, const char *colon, const char *end)
{
	static const struct {
		const char *name;
		bool slash; /* has to follow */
	} schemes[] = { { "https", true }, { "http", true }, { "ftp", true }, { "file", true }, { "mailto", false } };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i].name);

		if ((size_t)(colon - run) >= len && ascii_equal(colon - len, len, schemes[i].name, len) && end - colon > 1 &&
			(!schemes[i].slash || is_slash(colon[1], true)))
			return len;
	}
	return 0;
}

/* Is the last label one of the world's top-level domains, and not a word behind a full stop ("the end.In fact")? */
static bool has_public_suffix(const psl_ctx_t *psl, const char *name, size_t len)
{
	const char *dot = memrchr(name, '.', len);
	char label[DOMAIN_ASCII_SIZE];
	bool lower = false, tld_upper = false;
	size_t n;

	if (!dot || len >= sizeof label)
		return false;
	n = (size_t)(name + len - dot - 1);
	for (size_t i = 0; i < len; i++)
		lower |= name[i] >= 'a' && name[i] <= 'z';
	for (size_t i = 0; i < n; i++) {
		tld_upper |= dot[1 + i] >= 'A' && dot[1 + i] <= 'Z';
		label[i] = ascii_lower(dot[1 + i]);
	}
	label[n] = '\0';
	return !(tld_upper && lower) && psl_is_public_suffix2(psl, label, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

/* What names and addresses are made of, all that is not ASCII among it: a table, as each octet of a text is looked up here. */
static const bool is_run_octet[256] = { ['-'] = true, ['.'] = true, ['_'] = true, ['+'] = true, ['0' ... '9'] = true, ['@' ... 'Z'] = true, ['a' ... 'z'] = true,
	[0x80 ... 0xff] = true };

/* Where the run of name-like octets that begins at `at` ends. */
static const char *run_end(const char *at, const char *end)
{
	for (; at < end && is_run_octet[(unsigned char)*at]; at++)
		if ((unsigned char)*at >= 0x80 && (odd_dot(at, (size_t)(end - at)) || wide_delimiter(at, (size_t)(end - at))))
			break;
	return at;
}

/* A run as a domain, perhaps with a path behind it, or as an address. */
static bool read_run(const psl_ctx_t *psl, const char *run, const char *stop, const char *end, char before, struct url_span *ret)
{
	const char *sign;

	while (run < stop && strchr("._-+", *run))
		run++;
	while (stop > run && strchr("._-+@", stop[-1]))
		stop--;
	if (stop - run > 2 * DOMAIN_ASCII_SIZE || !memchr(run, '.', (size_t)(stop - run)))
		return false;
	sign = memrchr(run, '@', (size_t)(stop - run));
	*ret = (struct url_span){ sign ? URL_SPAN_ADDRESS : URL_SPAN_DOMAIN, run, (size_t)(stop - run) };
	if (sign)
		return sign > run && memchr(run, '@', (size_t)(stop - run)) == sign && domain_valid(sign + 1, (size_t)(stop - sign - 1), 2);
	if (strchr("/\\=&%$#", before) || !domain_valid(run, ret->len, 2))
		return false;
	if (!(ret->len > 4 && ascii_equal(run, 4, "www.", 4) && domain_labels(run, ret->len) > 2) && !has_public_suffix(psl, run, ret->len))
		return false;
	if (end - stop > 1 && (strchr("/?#", *stop) || (*stop == ':' && ascii_is_digit(stop[1]))))
		ret->len = (size_t)(url_end(run, end) - run);
	return true;
}

bool url_find(const psl_ctx_t *psl, const char *text, size_t len, size_t *at, struct url_span *ret)
{
	const char *end = text + len;

	while (*at < len) {
		const char *run = text + *at, *stop = run_end(run, end);
		size_t scheme;

		if (stop == run) {
			++*at;
			continue;
		}
		scheme = stop < end && *stop == ':' ? scheme_before(run, stop, end) : 0;
		if (scheme) {
			*ret = (struct url_span){ URL_SPAN_URL, stop - scheme, 0 };
			ret->len = (size_t)(url_end(ret->bytes, end) - ret->bytes);
			*at = (size_t)(ret->bytes + ret->len - text);
			if (ret->len > scheme + 1)
				return true;
			*at = (size_t)(stop - text) + 1;
			continue;
		}
		*at = (size_t)(stop - text);
		if (!read_run(psl, run, stop, end, run > text ? run[-1] : ' ', ret))
			continue;
		if (ret->bytes + ret->len > stop)
			*at = (size_t)(ret->bytes + ret->len - text);
		return true;
	}
	return false;
}

bool url_read_span(const struct url_span *span, struct url *ret)
{
	switch (span->type) {
	case URL_SPAN_URL:
		return url_read(span->bytes, span->len, ret);
	case URL_SPAN_DOMAIN:
		*ret = (struct url){ .scheme = "http" };
		read_authority(span->bytes, span->bytes + span->len, true, ret);
		return true;
	case URL_SPAN_ADDRESS:
		break;
	}
	return false;
}
