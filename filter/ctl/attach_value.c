/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/attach.h"

static bool separates(char c)
{
	return c == ',' || ascii_is_space(c);
}

const char *attach_next_item(const char **at, size_t *ret_len)
{
	const char *start = *at;
	size_t depth = 0, len = 0;

	while (separates(*start))
		start++;
	for (; start[len] && (depth || !separates(start[len])); len++) {
		depth += start[len] == '{';
		depth -= start[len] == '}' && depth;
	}
	*at = start + len;
	*ret_len = len;
	return len ? start : NULL;
}

void attach_compact(struct text *out, const char *list)
{
	bool blank = false;
	size_t start = out->len;

	for (; *list; list++) {
		char last = out->len > start ? out->bytes[out->len - 1] : ',';

		if (ascii_is_space(*list)) {
			blank = true;
			continue;
		}
		if (blank && !strchr("{,=", last) && !strchr("},=", *list))
			text_addc(out, ',');
		blank = false;
		text_addc(out, *list);
	}
}

int64_t attach_time_ms(const char *value)
{
	static const struct { char unit; int64_t ms; } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 }, { 'w', 604800000 } };
	size_t digits = strspn(value, "0123456789");
	uint64_t n;

	if (!ascii_to_u64(value, digits, INT32_MAX, &n))
		return -1;
	if (!value[digits])
		return (int64_t)n * 1000;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (value[digits] == units[i].unit && !value[digits + 1])
			return (int64_t)n * units[i].ms;
	return -1;
}

const char *attach_same_work(const char *what)
{
	static const struct { const char *part, *work; } known[] = { { "opendkim", "DKIM" }, { "opendmarc", "DMARC" }, { "openarc", "ARC" }, { "spf", "SPF" },
		{ "grey", "greylisting" }, { "rspamd", "what Sluice does and its own rules" }, { "dkimpy", "DKIM" }, { "clamav", "the search for viruses" } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(what, known[i].part))
			return known[i].work;
	return NULL;
}
