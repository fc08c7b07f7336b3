/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/mime_rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"

#define BASE64_LINE 57 /* octets that make a line of 76 (RFC 2045 6.8) */
#define LINE_OCTETS 998 /* RFC 5322 2.1.1 */

struct writer {
	struct mime_rewrite *out;
	struct arena *arena;
	bool failed;
};

static void add(struct writer *w, const char *bytes, size_t len)
{
	if (len && !vec_push(&w->out->body, ((struct sluice_text){ bytes, len })))
		w->failed = true;
}

static void add_between(struct writer *w, const char *from, const char *to)
{
	add(w, from, (size_t)(to - from));
}

/* What was written with printf(), or NULL: there was no memory. */
static const char *add_made(struct writer *w, const char *text)
{
	if (text)
		add(w, text, strlen(text));
	w->failed |= !text;
	return text;
}

/* ---- a text of ours ---- */

static bool is_plain(const char *text)
{
	size_t line = 0;

	for (; *text; text++) {
		line = *text == '\n' ? 0 : line + 1;
		if ((unsigned char)*text >= 0x80 || line > LINE_OCTETS)
			return false;
	}
	return true;
}

static void add_crlf(struct text *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			text_addc(out, '\r');
		text_addc(out, *text);
	}
}

static const char *encoding_of(const char *text)
{
	return is_plain(text) ? "7bit" : "base64";
}

static const char text_type[] = "text/plain; charset=utf-8";

static void add_text(struct writer *w, const char *text)
{
	SLUICE_CLEANUP(text_done) struct text crlf = TEXT_INIT(2 * strlen(text)), encoded = TEXT_INIT(4 * strlen(text) + 100);
	bool plain = is_plain(text);

	add_crlf(&crlf, text);
	for (size_t at = 0; !plain && at < crlf.len; at += BASE64_LINE) {
		base64_encode(&encoded, crlf.bytes + at, crlf.len - at < BASE64_LINE ? crlf.len - at : BASE64_LINE);
		text_adds(&encoded, "\r\n");
	}
	w->failed |= crlf.failed || encoded.failed;
	(void)add_made(w, arena_copy(w->arena, text_str(plain ? &crlf : &encoded), plain ? crlf.len : encoded.len));
}

static void add_text_part(struct writer *w, const char *text)
{
	(void)add_made(w, arena_printf(w->arena, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: inline\r\n\r\n", text_type, encoding_of(text)));
	add_text(w, text);
}

/* ---- parts ---- */

static bool is_within(const char *at, struct sluice_text body)
{
	return at >= body.bytes && at <= body.bytes + body.len;
}

/* All of a message that is within this one; a note that took its place would have the header of a mail before it, or after it. */
static bool is_whole_message(const struct mime *m, size_t part)
{
	const struct sluice_mime_part *parts = mime_view(m)->parts;

	return part && strncmp(parts[parts[part].parent].type, "multipart/", strlen("multipart/")) != 0;
}

/* The part itself, or the message that it is all of, or the encoded one that it is in. */
static size_t in_place(const struct mime *m, struct sluice_text body, size_t part)
{
	while (part && (is_whole_message(m, part) || !is_within(mime_header(m, part), body)))
		part = mime_view(m)->parts[part].parent;
	return part;
}

static const char *begin_of(const struct mime *m, size_t part)
{
	return part ? mime_header(m, part) : mime_view(m)->parts[0].bytes;
}

/* The note for the part that comes first from `at` on; NULL: none does. */
static const struct mime_note *next_note(const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count, const char *at)
{
	const struct mime_note *next = NULL;
	const char *least = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *begin = begin_of(m, in_place(m, body, notes[i].part));

		if (begin < at || (next && begin >= least))
			continue;
		next = &notes[i];
		least = begin;
	}
	return next;
}

static const char *end_of(const struct mime *m, size_t part)
{
	return mime_view(m)->parts[part].bytes + mime_view(m)->parts[part].len;
}

/* The body from `from` to `to`, with notes for the parts that begin in it. */
static void add_body(struct writer *w, const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count, const char *from, const char *to)
{
	const struct mime_note *note;
	const char *search = from;

	while ((note = next_note(m, body, notes, count, search))) {
		size_t part = in_place(m, body, note->part);

		if (begin_of(m, part) >= to)
			break;
		add_between(w, from, begin_of(m, part));
		add_text_part(w, note->text);
		from = end_of(m, part);
		search = from > begin_of(m, part) ? from : from + 1; /* a part may be nothing at all */
	}
	add_between(w, from, to);
}

/* All of the message is in a part, and the text in another one behind it. */
static void wrap(struct writer *w, const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count, const char *appended,
	const char *boundary, const char *content_fields)
{
	w->out->type = arena_printf(w->arena, "multipart/mixed; boundary=\"%s\"", boundary);
	w->out->encoding = "8bit";
	w->failed |= !w->out->type;
	(void)add_made(w, arena_printf(w->arena, "--%s\r\n%s\r\n", boundary, content_fields));
	add_body(w, m, body, notes, count, body.bytes, body.bytes + body.len);
	(void)add_made(w, arena_printf(w->arena, "\r\n--%s\r\n", boundary));
	add_text_part(w, appended);
	(void)add_made(w, arena_printf(w->arena, "\r\n--%s--\r\n", boundary));
}

static const struct mime_note *note_for_all(const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_place(m, body, notes[i].part) == 0)
			return &notes[i];
	return NULL;
}

bool mime_rewrite(const struct mime *m, struct sluice_text body, const struct mime_note *notes, size_t count, const char *appended, const char *boundary,
	const char *content_fields, struct arena *arena, struct mime_rewrite *ret)
{
	struct writer w = { ret, arena, false };
	const struct mime_note *whole = note_for_all(m, body, notes, count);
	const char *last = mime_last_boundary(m);

	*ret = (struct mime_rewrite){ .type = NULL };
	if (whole) {
		const char *text = appended ? arena_printf(arena, "%s\n\n%s", whole->text, appended) : whole->text;

		if (!text)
			return false;
		ret->type = text_type;
		ret->encoding = encoding_of(text);
		add_text(&w, text);
	} else if (!appended) {
		add_body(&w, m, body, notes, count, body.bytes, body.bytes + body.len);
	} else if (last && !strcmp(mime_view(m)->parts[0].type, "multipart/mixed")) {
		const char *own = mime_boundary(m);

		add_body(&w, m, body, notes, count, body.bytes, last);
		(void)add_made(&w, arena_printf(arena, "--%s\r\n", own));
		add_text_part(&w, appended);
		(void)add_made(&w, "\r\n");
		add_between(&w, last, body.bytes + body.len);
	} else {
		wrap(&w, m, body, notes, count, appended, boundary, content_fields);
	}
	return !w.failed;
}

void mime_rewrite_done(struct mime_rewrite *r)
{
	vec_done(&r->body);
}
