/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/http_request.h"

#include <errno.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/utf8.h"

enum { BAD = 400, TOO_LONG_A_TARGET = 414, TOO_LARGE_A_HEAD = 431, NOT_KNOWN = 501, OTHER_VERSION = 505, NO_SUCH_METHOD = 405 };

static const struct { const char *word; enum http_method method; } methods[] = {
	{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "POST", HTTP_POST },
};

/* Of a token (RFC 9110 5.6.2). */
static bool is_token_char(char c)
{
	return ascii_is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* %HH and, in a query, '+' decoded. False: it does not fit, an escape is none, or there are controls in it, or what is no UTF-8. */
static bool decode(const char *bytes, size_t len, bool query, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)bytes[i];

		if (c == '%') {
			c = i + 2 < len ? ascii_hex_octet(bytes + i + 1) : -1;
			i += 2;
		} else if (c == '+' && query) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= size)
			return false;
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	return utf8_valid(ret, n);
}

/* No part of a path is empty, but the last; none is "." or "..". */
static bool is_plain_path(const char *path)
{
	if (*path != '/')
		return false;
	for (const char *part = path + 1;; part++) {
		size_t len = strcspn(part, "/");

		if ((len == 0 && *part) || (len == 1 && part[0] == '.') || (len == 2 && !memcmp(part, "..", 2)))
			return false;
		part += len;
		if (!*part)
			return true;
	}
}

static int read_target(const char *target, size_t len, struct http_request *q)
{
	const char *mark = memchr(target, '?', len);
	size_t path_len = mark ? (size_t)(mark - target) : len, query_len = mark ? len - path_len - 1 : 0;

	if (path_len >= sizeof q->path || query_len >= sizeof q->query)
		return TOO_LONG_A_TARGET;
	for (size_t i = 0; i < len; i++)
		if (target[i] <= ' ' || target[i] >= 0x7f || target[i] == '#' || target[i] == '\\')
			return BAD;
	if (!decode(target, path_len, false, q->path, sizeof q->path) || !is_plain_path(q->path))
		return BAD;
	if (mark)
		memcpy(q->query, mark + 1, query_len);
	q->query[query_len] = '\0';
	return 0;
}

static int read_first_line(const char *line, size_t len, struct http_request *q)
{
	const char *blank = memchr(line, ' ', len), *last = blank ? memchr(blank + 1, ' ', len - (size_t)(blank + 1 - line)) : NULL;
	size_t method_len, version_len;

	if (!last)
		return BAD;
	method_len = (size_t)(blank - line);
	version_len = len - (size_t)(last + 1 - line);
	for (size_t i = 0; i < method_len; i++)
		if (!is_token_char(line[i]))
			return BAD;
	if (version_len != 8 || memcmp(last + 1, "HTTP/", 5) != 0)
		return BAD;
	if (memcmp(last + 1, "HTTP/1.1", 8) != 0 && memcmp(last + 1, "HTTP/1.0", 8) != 0)
		return OTHER_VERSION;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (strlen(methods[i].word) != method_len || memcmp(methods[i].word, line, method_len) != 0)
			continue;
		q->method = methods[i].method;
		return read_target(blank + 1, (size_t)(last - blank - 1), q);
	}
	return NO_SUCH_METHOD;
}

/* A field that may come once. */
static int keep(char *ret, size_t size, const char *value, size_t len)
{
	if (*ret || len >= size)
		return BAD;
	memcpy(ret, value, len);
	ret[len] = '\0';
	return 0;
}

/* Without the port, and without the brackets of an IPv6 address. */
static int keep_host(struct http_request *q, const char *value, size_t len)
{
	const char *end = value + len;

	for (const char *p = value; p < end; p++)
		if (!ascii_is_alnum(*p) && !strchr(".-_:[]", *p))
			return BAD;
	if (len && *value == '[') {
		const char *close = memchr(value, ']', len);

		return close ? keep(q->host, sizeof q->host, value + 1, (size_t)(close - value - 1)) : BAD;
	}
	for (const char *p = value; p < end; p++)
		if (*p == ':')
			len = (size_t)(p - value), end = p;
	return keep(q->host, sizeof q->host, value, len);
}

static int read_field(const char *line, size_t len, struct http_request *q)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len = colon ? (size_t)(colon - line) : 0, value_len;

	if (!name_len)
		return BAD;
	for (size_t i = 0; i < name_len; i++) /* also refuses a folded line, and a blank before the colon */
		if (!is_token_char(line[i]))
			return BAD;
	value = colon + 1;
	value_len = len - name_len - 1;
	for (; value_len && (*value == ' ' || *value == '\t'); value_len--)
		value++;
	while (value_len && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	for (size_t i = 0; i < value_len; i++)
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
			return BAD;
	if (ascii_equals(line, name_len, "host"))
		return keep_host(q, value, value_len);
	if (ascii_equals(line, name_len, "authorization"))
		return keep(q->authorization, sizeof q->authorization, value, value_len);
	if (ascii_equals(line, name_len, "transfer-encoding") || ascii_equals(line, name_len, "upgrade"))
		return NOT_KNOWN; /* a body has a length here */
	if (!ascii_equals(line, name_len, "content-length"))
		return 0;
	if (q->has_length || !ascii_to_u64(value, value_len, INT64_MAX, &q->length))
		return BAD;
	q->has_length = true;
	return 0;
}

int http_request_read(const char *bytes, size_t len, struct http_request *ret, size_t *ret_len)
{
	struct http_request q = { 0 };
	size_t at = 0, fields = 0, looked = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;

	for (;;) {
		const char *line = bytes + at, *eol = memchr(line, '\n', looked - at);
		size_t line_len = eol ? (size_t)(eol - line) : 0;
		int r;

		if (!eol)
			return len >= HTTP_HEAD_MAX ? TOO_LARGE_A_HEAD : -EAGAIN;
		if (!line_len || line[line_len - 1] != '\r') /* a bare LF ends no line here: some believe so, some do not */
			return BAD;
		line_len--;
		at = (size_t)(eol + 1 - bytes);
		if (line_len == 0 && fields == 0)
			return BAD;
		if (line_len == 0)
			break;
		if (++fields > HTTP_MAX_FIELDS)
			return TOO_LARGE_A_HEAD;
		r = fields == 1 ? read_first_line(line, line_len, &q) : read_field(line, line_len, &q);
		if (r)
			return r;
	}
	*ret = q;
	*ret_len = at;
	return 0;
}

int http_query_next(const char **query, struct http_pair *ret)
{
	const char *p = *query, *equals;
	size_t len = strcspn(p, "&");

	if (!*p)
		return 0;
	equals = memchr(p, '=', len);
	if (!equals || !decode(p, (size_t)(equals - p), true, ret->key, sizeof ret->key) ||
		!decode(equals + 1, len - (size_t)(equals + 1 - p), true, ret->value, sizeof ret->value))
		return -EINVAL;
	*query = p + len + (p[len] == '&');
	return 1;
}
