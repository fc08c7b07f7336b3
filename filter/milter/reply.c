/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply.c - an SMTP reply through libmilter, with its traps: % is doubled; no CR or LF; a 5xx goes with SMFIS_REJECT and a 4xx
 * with SMFIS_TEMPFAIL, or it is dropped in silence.
 */
#include <stdio.h>
#include <string.h>

#include "filter/milter/edge.h"

#define REF_ROOM 32 /* for " (ref=...)" */

size_t reply_lines(const char *text, char lines[REPLY_MAX_LINES][2 * REPLY_LINE_MAX + 1])
{
	size_t count = 0;

	while (count < REPLY_MAX_LINES && (*text || count == 0)) {
		size_t len = strlen(text), at = 0;

		if (len > REPLY_LINE_MAX) {
			for (len = REPLY_LINE_MAX; len > REPLY_LINE_MAX / 2 && text[len] != ' '; len--)
				;
			if (text[len] != ' ')
				len = REPLY_LINE_MAX;
		}
		for (size_t i = 0; i < len; i++) {
			unsigned char b = (unsigned char)text[i];

			lines[count][at++] = b < 0x20 || b >= 0x7f ? '?' : text[i];
			if (b == '%')
				lines[count][at++] = '%';
		}
		lines[count++][at] = '\0';
		text += len;
		text += *text == ' ';
	}
	return count;
}

sfsistat reply_send(SMFICTX *ctx, const struct verdict *v)
{
	char text[REPLY_TEXT_MAX + REF_ROOM], code[8];
	char lines[REPLY_MAX_LINES][2 * REPLY_LINE_MAX + 1];
	char *l[REPLY_MAX_LINES] = { NULL };
	size_t count;

	(void)snprintf(text, sizeof text, "%s (ref=%s)", v->text, v->ref);
	(void)snprintf(code, sizeof code, "%u", v->code);
	count = reply_lines(text, lines);
	for (size_t i = 0; i < count; i++)
		l[i] = lines[i];
	if (count == 1)
		(void)smfi_setreply(ctx, code, (char *)(uintptr_t)v->dsn, l[0]);
	else
		(void)smfi_setmlreply(ctx, code, v->dsn, l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7], (char *)NULL);
	return v->code >= 500 ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}
