/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_pdf.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

#define HEADER_WITHIN  1024 /* octets: where readers still find %PDF */
#define WORD_MAX_LEN       24   /* octets of a name, its escapes resolved; no name that counts is longer */
#define DICTIONARY_MAX 2048 /* octets before `stream` that may be its dictionary */
#define STREAMS_MAX    20000
#define FIRST_BYTES    (64u << 10) /* of what is inflated */

enum name { NAME_OTHER, NAME_SCRIPT, NAME_LAUNCH, NAME_OPENS, NAME_EMBEDDED, NAME_ENCRYPT, NAME_OBJECTS, NAME_FLATE, NAME_FILTER };

static const struct {
	const char *word;
	enum name name;
	bool brief; /* chance may bring it forth within a stream of anything */
} words[] = {
	{ "JavaScript", NAME_SCRIPT, false },
	{ "JS", NAME_SCRIPT, true },
	{ "Launch", NAME_LAUNCH, false },
	{ "OpenAction", NAME_OPENS, false },
	{ "AA", NAME_OPENS, true },
	{ "EmbeddedFile", NAME_EMBEDDED, false },
	{ "Encrypt", NAME_ENCRYPT, false },
	{ "ObjStm", NAME_OBJECTS, false },
	{ "FlateDecode", NAME_FLATE, false },
	{ "Fl", NAME_FLATE, true },
	{ "Filter", NAME_FILTER, false },
};

static bool is_delimiter(char c)
{
	return c == '\0' || c == '\f' || ascii_is_space(c) || strchr("()<>[]{}/%", c);
}

static int hex(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The name behind the slash at b; *ret_brief: it is a short one. */
static enum name read_name(const char *b, size_t len, bool *ret_brief)
{
	char name[WORD_MAX_LEN + 1];
	size_t n = 0;

	for (size_t i = 1; i < len && !is_delimiter(b[i]); i++) {
		char c = b[i];

		if (n == WORD_MAX_LEN)
			return NAME_OTHER;
		if (c == '#' && len - i > 2 && hex(b[i + 1]) >= 0 && hex(b[i + 2]) >= 0) {
			c = (char)(hex(b[i + 1]) << 4 | hex(b[i + 2]));
			i += 2;
		}
		name[n++] = c;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		*ret_brief = words[i].brief;
		if (n == strlen(words[i].word) && !memcmp(name, words[i].word, n))
			return words[i].name;
	}
	return NAME_OTHER;
}

static void note(struct scan_pdf *pdf, enum name name)
{
	switch (name) {
	case NAME_SCRIPT:
		pdf->script = true;
		break;
	case NAME_LAUNCH:
		pdf->launch = true;
		break;
	case NAME_OPENS:
		pdf->opens = true;
		break;
	case NAME_EMBEDDED:
		pdf->embedded = true;
		break;
	case NAME_ENCRYPT:
		pdf->encrypted = true;
		break;
	case NAME_OBJECTS:
	case NAME_FLATE:
	case NAME_FILTER:
	case NAME_OTHER:
		break;
	}
}

/* All names of some octets that are no stream. */
static void read_objects(struct scan_pdf *pdf, const char *b, size_t len)
{
	bool brief;

	for (const char *at = memchr(b, '/', len); at; at = memchr(at + 1, '/', len - (size_t)(at + 1 - b)))
		note(pdf, read_name(at, len - (size_t)(at - b), &brief));
}

/* ---- streams of objects ---- */

static void inflate_objects(struct scan_pdf *pdf, const char *b, size_t len)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)b, .avail_in = (uInt)(len < UINT32_MAX ? len : UINT32_MAX) };
	size_t room = SCAN_PDF_INFLATED_MAX - pdf->inflated_bytes, capacity = 0;
	char *out = NULL;
	int r = room && inflateInit(&z) == Z_OK ? Z_OK : Z_MEM_ERROR;

	while (r == Z_OK && z.total_out < room) {
		if (z.total_out == capacity) {
			size_t more = capacity ? capacity * 2 : FIRST_BYTES;
			char *larger = realloc(out, more < room ? more : room);

			if (!larger)
				break;
			out = larger;
			capacity = more < room ? more : room;
		}
		z.next_out = (Bytef *)out + z.total_out;
		z.avail_out = (uInt)(capacity - z.total_out);
		r = inflate(&z, Z_NO_FLUSH);
	}
	pdf->unread |= r != Z_STREAM_END;
	pdf->inflated_bytes += z.total_out;
	if (out)
		read_objects(pdf, out, z.total_out);
	free(out);
	(void)inflateEnd(&z);
}

/* The dictionary before the `stream` at b + at: does it say that objects are in it? */
static void read_stream(struct scan_pdf *pdf, const char *b, size_t at, size_t len)
{
	size_t start = at > DICTIONARY_MAX ? at - DICTIONARY_MAX : 0, data = at + strlen("stream");
	bool objects = false, flate = false, filter = false, brief;

	for (size_t i = at; i-- > start;) { /* back to the end of the object before */
		if (b[i] == 'e' && at - i >= 6 && !memcmp(b + i, "endobj", 6))
			break;
		if (b[i] != '/')
			continue;
		switch (read_name(b + i, at - i, &brief)) {
		case NAME_OBJECTS:
			objects = true;
			break;
		case NAME_FLATE:
			flate = true;
			break;
		case NAME_FILTER:
			filter = true;
			break;
		case NAME_SCRIPT:
		case NAME_LAUNCH:
		case NAME_OPENS:
		case NAME_EMBEDDED:
		case NAME_ENCRYPT:
		case NAME_OTHER:
			break;
		}
	}
	while (data < len && (b[data] == '\r' || b[data] == '\n'))
		data++;
	if (!objects)
		return;
	if (flate)
		inflate_objects(pdf, b + data, len - data);
	else if (filter)
		pdf->unread = true;
	else /* as it is: also its short names count */
		read_objects(pdf, b + data, len - data);
}

bool scan_pdf_read(const char *b, size_t len, struct scan_pdf *ret)
{
	bool within = false; /* a stream */
	unsigned streams = 0;

	*ret = (struct scan_pdf){ 0 };
	if (!memmem(b, len < HEADER_WITHIN ? len : HEADER_WITHIN, "%PDF", 4))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool brief = false;
		enum name name;

		if (b[i] == '/') {
			name = read_name(b + i, len - i, &brief);
			if (!within || !brief)
				note(ret, name);
		} else if (b[i] == 'e' && len - i >= 9 && !memcmp(b + i, "endstream", 9)) {
			within = false;
			i += 8;
		} else if (b[i] == 's' && len - i >= 8 && !memcmp(b + i, "stream", 6) && (b[i + 6] == '\r' || b[i + 6] == '\n')) {
			if (streams++ < STREAMS_MAX)
				read_stream(ret, b, i, len);
			else
				ret->unread = true;
			within = true;
			i += 5;
		}
	}
	return true;
}
