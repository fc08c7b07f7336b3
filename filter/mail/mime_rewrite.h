/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mime_rewrite.h - a message with some of its parts replaced by notes, or with a text at its end: all else stays, octet for octet. The new
 * body is a list of pieces, those of the old one where they stand. Pure.
 */
#ifndef MAIL_MIME_REWRITE_H
#define MAIL_MIME_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/arena.h"
#include "filter/base/vec.h"
#include "filter/mail/mime.h"

struct mime_note {
	size_t part;
	const char *text; /* UTF-8, lines end in LF */
};

struct mime_rewrite {
	VEC(struct sluice_text) body;
	/*
	 * The Content-Type that the message itself has to have from now on, and its Content-Transfer-Encoding; all its own fields Content-... then
	 * go. NULL: they stay as they are.
	 */
	const char *type, *encoding;
};

/*
 * Put each note in the place of its part, and `appended` (UTF-8, lines end in LF; NULL: nothing) at the end: as a part of its own, so that what
 * there is, be it signed or encrypted, stays what it is. Where two notes are for one part, or for one in the other, the first in the message counts. A part of
 * a message that is encoded goes with all of that message. m was parsed from this body, and not cut.
 *
 * boundary: a word that is nowhere in the message. content_fields: the fields Content-... of the message as lines. What is made is in the arena.
 * False: no memory.
 */
bool mime_rewrite(const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count, const char *appended, const char *boundary,
	const char *content_fields, struct arena *arena, struct mime_rewrite *ret);
void mime_rewrite_done(struct mime_rewrite *r);

#endif
