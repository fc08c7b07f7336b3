/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/received_spf/received_spf_write.h"

#include <string.h>

#include "filter/base/ip.h"
#include "filter/base/utf8.h"

/* What the result says of the client, for people; in comments there is nothing that others have written but a domain. */
static const char *says(const char *result)
{
	static const char *const rows[][2] = {
		{ "pass", "is permitted to send mail of" },
		{ "fail", "is not permitted to send mail of" },
		{ "softfail", "is hardly permitted to send mail of" },
		{ "neutral", "is neither permitted nor denied to send mail of" },
		{ "none", "may or may not send mail of" },
		{ "permerror", "cannot be judged by the record of" },
		{ "temperror", "cannot be judged now for" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(result, rows[i][0]))
			return rows[i][1];
	return "sends mail of";
}

/* An octet, or a character, as it may stand in a field. */
static size_t add_char(struct text *out, const char *bytes, size_t len, const char *escaped, bool utf8)
{
	size_t n = utf8_char_len(bytes, len);

	if (n == 0 || (n > 1 && !utf8) || (n == 1 && (*bytes < ' ' || *bytes == 0x7f))) {
		text_addc(out, '?');
	} else {
		if (n == 1 && strchr(escaped, *bytes))
			text_addc(out, '\\');
		text_add(out, bytes, n);
	}
	return n > 0 ? n : 1;
}

static void add_escaped(struct text *out, const struct received_spf_part *part, const char *escaped, bool utf8)
{
	for (size_t i = 0; i < part->len;)
		i += add_char(out, part->bytes + i, part->len - i, escaped, utf8);
}

static void add_pair(struct text *out, const char *key, const struct received_spf_part *part, bool utf8)
{
	if (!part->bytes || part->len > RECEIVED_SPF_PART_MAX)
		return;
	text_addf(out, ";\n\t%s=\"", key);
	add_escaped(out, part, "\"\\", utf8);
	text_addc(out, '"');
}

void received_spf_write(struct text *out, const struct received_spf *r, bool utf8)
{
	char ip[IP_TEXT_MAX];

	(void)ip_format(r->client, ip);
	text_addf(out, "%s (%s: %s %s", r->result, r->receiver, ip, says(r->result));
	if (r->domain.bytes && r->domain.len > 0 && r->domain.len <= RECEIVED_SPF_PART_MAX) {
		text_addc(out, ' ');
		add_escaped(out, &r->domain, "()\\", utf8);
	} else {
		text_adds(out, " a name that is none");
	}
	text_addf(out, ")\n\tclient-ip=%s", ip);
	add_pair(out, "envelope-from", &r->envelope_from, utf8);
	add_pair(out, "helo", &r->helo, utf8);
	add_pair(out, "mechanism", &r->mechanism, utf8);
	text_addf(out, ";\n\treceiver=%s; identity=%s", r->receiver, r->identity);
}
