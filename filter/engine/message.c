/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/message.h"

#include <string.h>

#define FIELD_MAX_BYTES (256u << 20) /* of a header field: as much as a message that is read can have */

/* One field at the start of s, folded lines among it: its octets with the end of the last line. */
static size_t field_len(const char *s, size_t len)
{
	size_t at = 0;

	do {
		const char *eol = memchr(s + at, '\n', len - at);

		at = eol ? (size_t)(eol - s) + 1 : len;
	} while (at < len && (s[at] == ' ' || s[at] == '\t'));
	return at;
}

/* As a milter would get them: ends of lines within a value as LF, the blank after the colon still there. */
static void give_field(struct dialogue *d, const char *s, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(FIELD_MAX_BYTES), value = TEXT_INIT(FIELD_MAX_BYTES);
	const char *colon = memchr(s, ':', len);

	if (!colon)
		return;
	text_add(&name, s, (size_t)(colon - s));
	for (const char *p = colon + 1; p < s + len; p++)
		if (*p != '\r' || p + 1 == s + len || p[1] != '\n')
			text_addc(&value, *p ? *p : ' ');
	while (value.len && value.bytes[value.len - 1] == '\n')
		value.bytes[--value.len] = '\0';
	dialogue_header(d, text_str(&name), text_str(&value), true);
}

/* As SMTP has it: each line ends with CRLF. */
static void give_body(struct dialogue *d, const char *s, size_t len)
{
	const char *run = s;

	for (const char *p = s; p < s + len; p++) {
		if (*p != '\n' || (p > s && p[-1] == '\r'))
			continue;
		dialogue_body(d, run, (size_t)(p - run));
		dialogue_body(d, "\r", 1);
		run = p;
	}
	dialogue_body(d, run, (size_t)(s + len - run));
}

void message_give(struct dialogue *d, const struct text *message)
{
	const char *s = text_str(message);
	size_t len = message->len;

	while (len && *s != '\n' && !(len > 1 && s[0] == '\r' && s[1] == '\n')) {
		size_t n = field_len(s, len);

		give_field(d, s, n);
		s += n;
		len -= n;
	}
	if (len && *s == '\r') {
		s++;
		len--;
	}
	if (len)
		give_body(d, s + 1, len - 1);
}
