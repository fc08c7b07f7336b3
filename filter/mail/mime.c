/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/arena.h"
#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/base/vec.h"
#include "filter/mail/charset.h"
#include "filter/mail/header_field.h"
#include "filter/mail/mime_param.h"
#include "filter/mail/transfer.h"

#define ARENA_BYTES   (16u << 20) /* of all that is short: types, names, sections */
#define TYPE_MAX      127         /* octets of a type or subtype (RFC 6838 4.2) */
#define BOUNDARY_MAX  70          /* RFC 2046 5.1.1; up to READ_MAX are read */
#define READ_MAX      250
#define NAMES_MAX     8 /* of one part */

enum field { TYPE, ENCODING, DISPOSITION, FIELDS };

/* What is known of a part besides what checks see. */
struct inside {
	struct sluice_text fields[FIELDS]; /* the first of each; bytes NULL: there is none */
	bool digest, message;              /* the kind of container that it is */
	const char *header;                /* where it begins; NULL: it is the message's own */
	const char *last;                  /* of a multipart: where the line of its last boundary begins; NULL: it has none */
	const char *boundary;              /* NULL: it is no multipart that is open or was */
	size_t boundary_len;
	unsigned children;
	enum transfer_encoding encoding;
	bool decoded, has_text;
	struct text content, text; /* where they are not what stands in the body */
};

struct mime {
	struct mime_limits limits;
	struct arena *arena;
	VEC(struct sluice_mime_part) parts;
	VEC(struct inside) inside; /* of each */
	struct sluice_mime view;
	size_t decoded_bytes;
	bool failed; /* there is no memory */
};

/* Where a body is read; those that have their last boundary still before them are open, the outermost first. */
struct scan {
	struct mime *m;
	const char *at, *end;
	VEC(unsigned) open;
};

struct delimiter {
	const char *line, *after; /* where its line begins, and the next one */
	size_t level;             /* of those that are open */
	bool last;
};

/* ---- one part ---- */

static bool add_part(struct mime *m, unsigned parent)
{
	struct sluice_mime_part part = { .section = "", .parent = parent, .type = "", .charset = "", .encoding = "", .bytes = "" };
	struct inside inside = { .boundary = NULL };

	if (m->parts.len >= m->limits.parts) {
		m->view.too_many = true;
		return false;
	}
	if (m->parts.len) {
		part.depth = m->parts.items[parent].depth + 1;
		m->inside.items[parent].children++;
	}
	if (vec_push(&m->parts, part) && vec_push(&m->inside, inside))
		return true;
	m->failed = true;
	return false;
}

static void see_field(struct mime *m, unsigned i, const char *name, size_t name_len, const char *value, size_t len)
{
	static const char *const names[FIELDS] = { "Content-Type", "Content-Transfer-Encoding", "Content-Disposition" };
	static const unsigned twice[FIELDS] = { SLUICE_MIME_TWO_TYPES, SLUICE_MIME_TWO_ENCODINGS, 0 };

	for (unsigned k = 0; k < FIELDS; k++) {
		struct sluice_text *field = &m->inside.items[i].fields[k];

		if (!header_field_is(name, name_len, names[k]))
			continue;
		if (field->bytes)
			m->parts.items[i].odd |= twice[k];
		else
			*field = (struct sluice_text){ value, len };
	}
}

static const char *copy(struct mime *m, const char *bytes, size_t len)
{
	const char *text = arena_copy(m->arena, bytes, len);

	m->failed |= !text;
	return text ? text : "";
}

static const char *copy_lower(struct mime *m, const char *bytes, size_t len)
{
	char *text = arena_copy(m->arena, bytes, len);

	m->failed |= !text;
	for (size_t i = 0; text && i < len; i++)
		text[i] = ascii_lower(text[i]);
	return text ? text : "";
}

/* TYPE "/" SUBTYPE. */
static bool read_type(const struct sluice_text *value, struct text *out)
{
	struct header_lexer l = { value->bytes, value->bytes + value->len };
	struct header_token type = header_lexer_next(&l, "/;=,"), slash = header_lexer_next(&l, "/;=,"), subtype = header_lexer_next(&l, "/;=,");

	if (type.type != HEADER_TOKEN_ATOM || slash.type != HEADER_TOKEN_SPECIAL || *slash.bytes != '/' || subtype.type != HEADER_TOKEN_ATOM ||
		type.len > TYPE_MAX || subtype.len > TYPE_MAX)
		return false;
	text_add(out, type.bytes, type.len);
	text_addc(out, '/');
	text_add(out, subtype.bytes, subtype.len);
	return ascii_only(text_str(out), out->len);
}

static void set_type(struct mime *m, unsigned i)
{
	const struct sluice_text *value = &m->inside.items[i].fields[TYPE];
	bool in_digest = i && m->inside.items[m->parts.items[i].parent].digest;
	SLUICE_CLEANUP(text_done) struct text type = TEXT_INIT(2 * TYPE_MAX + 1);

	if (value->bytes && read_type(value, &type)) {
		m->parts.items[i].type = copy_lower(m, type.bytes, type.len);
		return;
	}
	m->parts.items[i].type = in_digest ? "message/rfc822" : "text/plain";
	if (value->bytes)
		m->parts.items[i].odd |= SLUICE_MIME_BAD_TYPE;
}

/* What is before the parameters. END: there is no such field, or nothing in it. */
static struct header_token first_word(const struct mime *m, unsigned i, enum field field)
{
	const struct sluice_text *value = &m->inside.items[i].fields[field];
	struct header_lexer l = { value->bytes };

	if (!value->bytes)
		return (struct header_token){ .type = HEADER_TOKEN_END };
	l.end = value->bytes + value->len;
	return header_lexer_next(&l, ";");
}

static void set_encoding(struct mime *m, unsigned i)
{
	struct header_token word = first_word(m, i, ENCODING);

	if (word.type == HEADER_TOKEN_END)
		return;
	if (word.len > TYPE_MAX)
		word.len = TYPE_MAX;
	m->parts.items[i].encoding = copy_lower(m, word.bytes, word.len);
	m->inside.items[i].encoding = transfer_encoding_of(word.bytes, word.len);
	if (m->inside.items[i].encoding == TRANSFER_UNKNOWN)
		m->parts.items[i].odd |= SLUICE_MIME_BAD_ENCODING;
}

static void keep_first(void *arg, const char *text, size_t len)
{
	struct text *first = arg;

	if (!first->len)
		text_add(first, text, len);
}

static void set_charset(struct mime *m, unsigned i)
{
	const struct sluice_text *value = &m->inside.items[i].fields[TYPE];
	SLUICE_CLEANUP(text_done) struct text charset = TEXT_INIT(TYPE_MAX);

	if (value->bytes)
		(void)mime_param_find(value->bytes, value->len, "charset", false, keep_first, &charset);
	if (charset.len)
		m->parts.items[i].charset = copy(m, charset.bytes, charset.len);
}

/* ---- names ---- */

struct names {
	struct sluice_text items[NAMES_MAX];
	size_t count;
	struct mime *m;
	unsigned odd;
};

/* U+202D and U+202E, which turn any letters. What embeds, isolates and marks leaves them as they are, and is in honest names. */
static bool turns_direction(const char *s, size_t len)
{
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): it is what is looked for */
	return memmem(s, len, "\xe2\x80\xad", 3) || memmem(s, len, "\xe2\x80\xae", 3);
}

static void add_name(void *arg, const char *text, size_t len)
{
	struct names *n = arg;

	if (turns_direction(text, len))
		n->odd |= SLUICE_MIME_NAME_BIDI;
	for (size_t i = 0; i < n->count; i++)
		if (n->items[i].len == len && !memcmp(n->items[i].bytes, text, len))
			return;
	if (n->count < NAMES_MAX)
		n->items[n->count++] = (struct sluice_text){ copy(n->m, text, len), len };
	else
		n->odd |= SLUICE_MIME_NAME_REPEATED;
}

static struct sluice_text extension_of(const struct sluice_text *name)
{
	const char *dot = memrchr(name->bytes, '.', name->len);

	return dot ? (struct sluice_text){ dot, (size_t)(name->bytes + name->len - dot) } : (struct sluice_text){ "", 0 };
}

static unsigned odd_names(unsigned param)
{
	static const struct {
		unsigned param, mime;
	} same[] = {
		{ MIME_PARAM_REPEATED, SLUICE_MIME_NAME_REPEATED },
		{ MIME_PARAM_EIGHT_BIT, SLUICE_MIME_NAME_EIGHT_BIT },
		{ MIME_PARAM_BOTH, SLUICE_MIME_NAME_ENCODED_TWICE },
		{ MIME_PARAM_CONTROL, SLUICE_MIME_NAME_CONTROL },
		{ MIME_PARAM_OPEN, SLUICE_MIME_NAME_OPEN },
		{ MIME_PARAM_LONG, SLUICE_MIME_NAME_LONG },
	};
	unsigned odd = 0;

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		odd |= param & same[i].param ? same[i].mime : 0;
	return odd;
}

static void set_names(struct mime *m, unsigned i)
{
	const struct sluice_text *fields = m->inside.items[i].fields;
	struct names n = { .m = m };
	struct sluice_text first, *names;

	if (fields[DISPOSITION].bytes)
		n.odd |= odd_names(mime_param_find(fields[DISPOSITION].bytes, fields[DISPOSITION].len, "filename", true, add_name, &n));
	if (fields[TYPE].bytes)
		n.odd |= odd_names(mime_param_find(fields[TYPE].bytes, fields[TYPE].len, "name", true, add_name, &n));
	m->parts.items[i].odd |= n.odd;
	if (!n.count)
		return;
	first = extension_of(&n.items[0]);
	for (size_t k = 1; k < n.count; k++) {
		struct sluice_text other = extension_of(&n.items[k]);

		if (!ascii_equal(first.bytes, first.len, other.bytes, other.len))
			m->parts.items[i].odd |= SLUICE_MIME_NAMES_DIFFER;
	}
	names = arena_alloc(m->arena, n.count * sizeof *names);
	if (!names) {
		m->failed = true;
		return;
	}
	memcpy(names, n.items, n.count * sizeof *names);
	m->parts.items[i].names = names;
	m->parts.items[i].name_count = n.count;
}

static void set_disposition(struct mime *m, unsigned i)
{
	struct header_token word = first_word(m, i, DISPOSITION);

	m->parts.items[i].attachment = word.type == HEADER_TOKEN_ATOM && ascii_equals(word.bytes, word.len, "attachment");
}

/* ---- containers ---- */

static bool has_prefix(const char *type, const char *prefix)
{
	return !strncmp(type, prefix, strlen(prefix));
}

static bool boundary_is_fine(const struct text *boundary)
{
	for (size_t i = 0; i < boundary->len; i++)
		if (!ascii_is_alnum(boundary->bytes[i]) && (!boundary->bytes[i] || !strchr("'()+_,-./:=? ", boundary->bytes[i])))
			return false;
	return boundary->len <= BOUNDARY_MAX && boundary->bytes[boundary->len - 1] != ' ';
}

/* Make it a multipart; false: its boundary cannot be read. */
static bool set_boundary(struct scan *s, unsigned i)
{
	struct mime *m = s->m;
	const struct sluice_text *value = &m->inside.items[i].fields[TYPE];
	SLUICE_CLEANUP(text_done) struct text boundary = TEXT_INIT(READ_MAX);
	unsigned odd = mime_param_find(value->bytes, value->len, "boundary", false, keep_first, &boundary);

	if (!boundary.len || !boundary_is_fine(&boundary) || odd & (MIME_PARAM_REPEATED | MIME_PARAM_OPEN | MIME_PARAM_CONTROL))
		m->parts.items[i].odd |= SLUICE_MIME_BAD_BOUNDARY;
	if (!boundary.len)
		return false;
	m->inside.items[i].boundary_len = boundary.len;
	m->inside.items[i].boundary = copy(m, boundary.bytes, boundary.len);
	for (size_t k = 0; k < s->open.len; k++) {
		const struct inside *outer = &m->inside.items[s->open.items[k]];

		if (outer->boundary_len == boundary.len && !memcmp(outer->boundary, boundary.bytes, boundary.len))
			m->parts.items[i].odd |= SLUICE_MIME_BAD_BOUNDARY;
	}
	return true;
}

/* Its last number is 0. */
static bool is_whole_message(const char *section)
{
	size_t len = strlen(section);

	return !strcmp(section, "0") || (len > 1 && !strcmp(section + len - 2, ".0"));
}

static void set_section(struct mime *m, unsigned i)
{
	const char *outer = m->parts.items[m->parts.items[i].parent].section, *section;
	const struct inside *parent = &m->inside.items[m->parts.items[i].parent];
	const char *whole = m->inside.items[i].boundary ? "0" : "1";

	if (i == 0)
		section = whole;
	else if (parent->message)
		section = arena_printf(m->arena, "%s.%s", outer, whole);
	else if (is_whole_message(outer))
		section = arena_printf(m->arena, "%.*s%u", (int)strlen(outer) - 1, outer, parent->children);
	else
		section = arena_printf(m->arena, "%s.%u", outer, parent->children);
	m->failed |= !section;
	m->parts.items[i].section = section ? section : "";
}

static bool is_message(const char *type)
{
	return !strcmp(type, "message/rfc822") || !strcmp(type, "message/global");
}

/* Its header has been read: what is it? */
static void settle(struct scan *s, unsigned i)
{
	struct mime *m = s->m;
	const char *type;
	bool multipart, message;

	set_type(m, i);
	set_encoding(m, i);
	set_charset(m, i);
	set_names(m, i);
	set_disposition(m, i);
	type = m->parts.items[i].type;
	multipart = has_prefix(type, "multipart/");
	message = is_message(type);
	if ((multipart || message) && m->inside.items[i].encoding != TRANSFER_IDENTITY)
		m->parts.items[i].odd |= SLUICE_MIME_BAD_ENCODING;
	if ((multipart || message) && m->parts.items[i].depth >= m->limits.depth) {
		m->view.too_deep = true;
		multipart = message = false;
	}
	if (m->inside.items[i].encoding == TRANSFER_UNKNOWN)
		m->inside.items[i].encoding = TRANSFER_IDENTITY;
	if (multipart && set_boundary(s, i)) {
		m->inside.items[i].encoding = TRANSFER_IDENTITY; /* as nobody looks for an encoding there */
		m->inside.items[i].digest = !strcmp(type, "multipart/digest");
		m->parts.items[i].container = true;
	}
	m->inside.items[i].message = message;
	m->parts.items[i].container |= message;
	set_section(m, i);
}

/* ---- lines ---- */

/* Does a line here end or begin a part? One that only begins as the boundary is noted. */
static bool is_delimiter(struct scan *s, const char *line, struct delimiter *ret)
{
	const char *end, *rest;

	if (s->end - line < 2 || line[0] != '-' || line[1] != '-')
		return false;
	end = memchr(line, '\n', (size_t)(s->end - line));
	ret->line = line;
	ret->after = end ? end + 1 : s->end;
	end = end ? end : s->end;
	for (size_t k = s->open.len; k-- > 0;) {
		unsigned i = s->open.items[k];
		const struct inside *multipart = &s->m->inside.items[i];

		rest = line + 2 + multipart->boundary_len;
		if (rest > end || memcmp(line + 2, multipart->boundary, multipart->boundary_len) != 0)
			continue;
		ret->last = end - rest >= 2 && rest[0] == '-' && rest[1] == '-';
		rest += ret->last ? 2 : 0;
		while (rest < end && ascii_is_space(*rest))
			rest++;
		ret->level = k;
		if (rest == end)
			return true;
		s->m->parts.items[i].odd |= SLUICE_MIME_NEAR_BOUNDARY;
	}
	return false;
}

/* From a line's beginning on. */
static bool find_delimiter(struct scan *s, const char *line, struct delimiter *ret)
{
	while (s->open.len && line < s->end) {
		if (is_delimiter(s, line, ret))
			return true;
		line = memmem(line, (size_t)(s->end - line), "\n--", 3);
		if (!line)
			return false;
		line++;
	}
	return false;
}

/* The end of the content before a delimiter: the line's end in front of it belongs to it (RFC 2046 5.1.1). */
static const char *before(const char *line, const char *least)
{
	if (line > least && line[-1] == '\n')
		line--;
	if (line > least && line[-1] == '\r')
		line--;
	return line;
}

/* A field, with its folded lines, begins here; leaves s->at behind it. */
static void read_field(struct scan *s, unsigned i, const char *line_end)
{
	const char *line = s->at, *end = line_end, *colon, *value_end;
	struct delimiter d;

	while (end < s->end && (*end == ' ' || *end == '\t') && !is_delimiter(s, end, &d)) {
		const char *next = memchr(end, '\n', (size_t)(s->end - end));

		end = next ? next + 1 : s->end;
	}
	s->at = end;
	value_end = before(end, line);
	colon = memchr(line, ':', (size_t)(value_end - line));
	if (!colon || colon == line || memchr(line, '\0', (size_t)(value_end - line)))
		s->m->parts.items[i].odd |= SLUICE_MIME_BAD_HEADER;
	if (colon)
		see_field(s->m, i, line, (size_t)(colon - line), colon + 1, (size_t)(value_end - colon) - 1);
}

/* Leaves s->at at the first line of the content, or at the delimiter that comes before it. */
static void read_header(struct scan *s, unsigned i)
{
	const char *begin = s->at;
	struct delimiter d;

	while (s->at < s->end && !is_delimiter(s, s->at, &d)) {
		const char *line = s->at, *end = memchr(line, '\n', (size_t)(s->end - line));

		end = end ? end + 1 : s->end;
		if (before(end, line) == line) { /* the empty line */
			s->at = end;
			return;
		}
		if ((size_t)(end - begin) > s->m->limits.header_bytes) {
			s->m->view.header_cut = true;
			s->at = end;
		} else {
			read_field(s, i, end);
		}
	}
}

/* ---- all of them ---- */

static void begin_content(struct scan *s, unsigned i)
{
	s->m->parts.items[i].bytes = s->at;
	s->m->parts.items[i].len = (size_t)(s->end - s->at); /* a delimiter may end it sooner */
}

/* Those from i up to `multipart`, without that one, end here. */
static void end_contents(struct mime *m, unsigned i, unsigned multipart, const char *line)
{
	for (; i != multipart; i = m->parts.items[i].parent) {
		struct sluice_mime_part *p = &m->parts.items[i];

		p->len = (size_t)(before(line, p->bytes) - p->bytes);
	}
}

static void close_down_to(struct scan *s, size_t level)
{
	while (s->open.len > level)
		s->m->parts.items[s->open.items[--s->open.len]].odd |= SLUICE_MIME_NO_END;
}

static bool is_blank(const char *at, const char *end)
{
	while (at < end && ascii_is_space(*at))
		at++;
	return at == end;
}

/* Behind the header of part i: add the one that comes next, and leave s->at at its header. False: there is none. */
static bool next_part(struct scan *s, unsigned i, bool cut)
{
	struct mime *m = s->m;
	struct delimiter d;
	bool epilogue = false;

	while (find_delimiter(s, s->at, &d)) {
		unsigned multipart = s->open.items[d.level];

		if (epilogue && !is_blank(s->at, d.line))
			m->parts.items[i].odd |= SLUICE_MIME_EPILOGUE;
		end_contents(m, i, multipart, d.line);
		close_down_to(s, d.level + 1);
		s->at = d.after;
		if (!d.last)
			return add_part(m, multipart);
		m->inside.items[multipart].last = d.line;
		s->open.len--;
		i = multipart;
		epilogue = true;
	}
	if (epilogue && !is_blank(s->at, s->end))
		m->parts.items[i].odd |= SLUICE_MIME_EPILOGUE;
	if (!cut)
		close_down_to(s, 0);
	return false;
}

/* Of part i on: what it holds, in these octets, which begin with its header unless that is known. */
static void scan_parts(struct mime *m, unsigned i, const char *bytes, size_t len, bool has_header, bool cut)
{
	struct scan s = { .m = m, .at = bytes, .end = bytes + len };
	bool more = true;

	while (more && !m->failed) {
		const struct inside *inside;

		if (has_header) {
			m->inside.items[i].header = s.at;
			read_header(&s, i);
		}
		has_header = true;
		settle(&s, i);
		begin_content(&s, i);
		inside = &m->inside.items[i];
		if (inside->boundary && !vec_push(&s.open, i))
			m->failed = true;
		more = inside->message && inside->encoding == TRANSFER_IDENTITY ? add_part(m, i) : next_part(&s, i, cut);
		i = (unsigned)m->parts.len - 1;
	}
	vec_done(&s.open);
}

/* ---- content ---- */

const char *mime_content(struct mime *m, size_t part, size_t *ret_len)
{
	struct sluice_mime_part *p = &m->parts.items[part];
	struct inside *inside = &m->inside.items[part];

	*ret_len = p->len;
	if (inside->encoding == TRANSFER_IDENTITY)
		return p->container ? NULL : p->bytes;
	if (!inside->decoded) {
		inside->decoded = true;
		inside->content = TEXT_INIT(m->limits.content_bytes - m->decoded_bytes);
		if (!transfer_decode(&inside->content, inside->encoding, p->bytes, p->len) && !inside->content.failed)
			p->odd |= SLUICE_MIME_JUNK;
		m->decoded_bytes += inside->content.len;
	}
	*ret_len = inside->content.len;
	return p->container ? NULL : text_str(&inside->content);
}

/* What a page of HTML says of itself, at its beginning: in its first 1024 octets (WHATWG HTML, 13.2.3.2), carriage returns apart, which a copy of it may have lost. */
static struct sluice_text charset_of_page(const char *bytes, size_t len)
{
	static const char key[] = "charset=";
	const char *end = bytes;

	for (unsigned left = 1024; left && end < bytes + len; end++)
		left -= *end != '\r';
	for (const char *at = bytes; end - at > (ptrdiff_t)sizeof key; at++) {
		struct sluice_text name = { at + sizeof key - 1, 0 };

		if (!ascii_equal(at, sizeof key - 1, key, sizeof key - 1))
			continue;
		if (*name.bytes == '"' || *name.bytes == '\'')
			name.bytes++;
		while (name.bytes + name.len < end && !ascii_is_space(name.bytes[name.len]) && !strchr("\"'/;>", name.bytes[name.len]))
			name.len++;
		return name;
	}
	return (struct sluice_text){ "", 0 };
}

const char *mime_text(struct mime *m, size_t part, size_t *ret_len)
{
	const struct sluice_mime_part *p = &m->parts.items[part];
	struct inside *inside = &m->inside.items[part];
	struct sluice_text charset = { p->charset, strlen(p->charset) };
	size_t len;
	const char *bytes = has_prefix(p->type, "text/") ? mime_content(m, part, &len) : NULL;

	if (!bytes)
		return NULL;
	if (len > m->limits.text_bytes)
		for (len = m->limits.text_bytes; len && ((unsigned char)bytes[len] & 0xc0) == 0x80;)
			len--;
	if (!charset.len && !strcmp(p->type, "text/html") && !charset_is_utf8_already("", 0, bytes, len))
		charset = charset_of_page(bytes, len);
	if (!inside->has_text && !charset_is_utf8_already(charset.bytes, charset.len, bytes, len)) {
		inside->text = TEXT_INIT(m->limits.text_bytes);
		charset_to_utf8(&inside->text, charset.bytes, charset.len, bytes, len);
	}
	inside->has_text = true;
	*ret_len = inside->text.bytes ? inside->text.len : len;
	return inside->text.bytes ? inside->text.bytes : bytes;
}

/* ---- all of it ---- */

struct mime *mime_new(const struct mime_limits *limits)
{
	struct mime *m = shortage_zalloc(sizeof *m);

	if (!m)
		return NULL;
	m->limits = *limits;
	m->arena = arena_new(ARENA_BYTES);
	if (!m->arena || !add_part(m, 0)) {
		mime_free(m);
		return NULL;
	}
	return m;
}

void mime_free(struct mime *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->inside.len; i++) {
		text_done(&m->inside.items[i].content);
		text_done(&m->inside.items[i].text);
	}
	arena_free(m->arena);
	vec_done(&m->parts);
	vec_done(&m->inside);
	free(m);
}

void mime_field(struct mime *m, const char *name, size_t name_len, const char *value, size_t len)
{
	see_field(m, 0, name, name_len, value, len);
}

/* Messages that are encoded, though RFC 2046 5.2.1 forbids it: readers open them. */
static void open_encoded(struct mime *m, unsigned i)
{
	size_t len;

	if (!m->inside.items[i].message || m->inside.items[i].encoding == TRANSFER_IDENTITY || !add_part(m, i))
		return;
	(void)mime_content(m, i, &len);
	scan_parts(m, (unsigned)m->parts.len - 1, text_str(&m->inside.items[i].content), len, true, false);
}

bool mime_parse(struct mime *m, const char *body, size_t len, bool cut)
{
	scan_parts(m, 0, body, len, false, cut);
	for (unsigned i = 0; i < m->parts.len && !m->failed; i++)
		open_encoded(m, i);
	m->view.parts = m->parts.items;
	m->view.count = m->parts.len;
	return !m->failed;
}

const char *mime_header(const struct mime *m, size_t part)
{
	return m->inside.items[part].header;
}

const char *mime_boundary(const struct mime *m)
{
	return m->inside.items[0].boundary;
}

const char *mime_last_boundary(const struct mime *m)
{
	return m->inside.items[0].last;
}

const struct sluice_mime *mime_view(const struct mime *m)
{
	return &m->view;
}
