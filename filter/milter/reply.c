/* SPDX-License-Identifier: BSD-2-Clause */
/* reply.c - an SMTP reply for the MTA, which takes % in it for the beginning of a format: it is doubled. No CR, LF or 8-bit octets. */
#include <stdio.h>
#include <string.h>

#include "filter/milter/conn.h"
#include "filter/milter/protocol.h"

#define REF_ROOM 32 /* for " (ref=...)" */

/* How much of the text goes into one line: up to a blank, where there is one in its second half. */
static size_t line_len(const char *text)
{
	size_t len = strnlen(text, REPLY_LINE_MAX + 1);

	if (len <= REPLY_LINE_MAX)
		return len;
	for (len = REPLY_LINE_MAX; len > REPLY_LINE_MAX / 2; len--)
		if (text[len] == ' ')
			return len;
	return REPLY_LINE_MAX;
}

void reply_send(struct text *out, const struct verdict *v)
{
	char text[REPLY_TEXT_MAX + REF_ROOM];
	const char *at = text;
	size_t begun = packet_begin(out, SMFIR_REPLYCODE);

	(void)snprintf(text, sizeof text, "%s (ref=%s)", v->text, v->ref);
	for (size_t line = 1; *at; line++) {
		size_t len = line_len(at);
		const char *next = at + len + (at[len] == ' ');
		bool last = !*next || line == REPLY_MAX_LINES;

		text_addf(out, "%s%u%c%s ", line > 1 ? "\r\n" : "", v->code, last ? ' ' : '-', v->dsn);
		for (size_t i = 0; i < len; i++) {
			unsigned char b = (unsigned char)at[i];

			text_addc(out, b < 0x20 || b >= 0x7f ? '?' : at[i]);
			if (b == '%')
				text_addc(out, '%');
		}
		if (last)
			break;
		at = next;
	}
	text_addc(out, '\0');
	packet_end(out, begun);
}
