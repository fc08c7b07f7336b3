/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_office.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

#define TAG_MAX 8192 /* octets of a tag that is looked into */

/* XML may be in UTF-16: every second octet is then passed over, which is enough for what is looked for. */
struct view {
	const char *bytes;
	size_t len;  /* characters */
	size_t step; /* octets of one */
};

static struct view view_of(const char *b, size_t len)
{
	if (len >= 2 && (!memcmp(b, "\xff\xfe", 2) || (b[0] && !b[1])))
		return (struct view){ b, len / 2, 2 };
	if (len >= 2 && (!memcmp(b, "\xfe\xff", 2) || (!b[0] && b[1])))
		return (struct view){ b + 1, len / 2, 2 };
	return (struct view){ b, len, 1 };
}

static char at(const struct view *v, size_t i)
{
	return v->bytes[i * v->step];
}

static bool stands(const struct view *v, size_t i, size_t end, const char *word)
{
	size_t n = 0;

	while (word[n] && i + n < end && ascii_lower(at(v, i + n)) == word[n])
		n++;
	return !word[n];
}

/* word: in lower case. */
static bool has(const struct view *v, size_t from, size_t end, const char *word)
{
	for (size_t i = from; i < end; i++)
		if (ascii_lower(at(v, i)) == *word && stands(v, i, end, word))
			return true;
	return false;
}

static bool name_has(const char *name, size_t len, const char *word)
{
	const struct view v = { name, len, 1 };

	return has(&v, 0, len, word);
}

static bool name_ends(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && ascii_equal(name + len - n, n, end, n);
}

/* ---- relations (ECMA-376 part 2, 9.3) ---- */

static const struct {
	const char *type, *what;
} fetched[] = { /* a hyperlink is not among them: that wants a click */
	{ "/attachedtemplate\"", "a template from elsewhere" },
	{ "/oleobject\"", "an object from elsewhere" },
	{ "/frame\"", "a frame from elsewhere" },
	{ "/subdocument\"", "a part from elsewhere" },
	{ "/externallink", "data from elsewhere" },
	{ "/afchunk\"", "a part from elsewhere" },
};

static void read_relations(struct scan_office *o, const struct view *v)
{
	for (size_t i = 0; i < v->len; i++) {
		size_t end = i;

		if (at(v, i) != '<')
			continue;
		while (end < v->len && end - i < TAG_MAX && at(v, end) != '>')
			end++;
		if (has(v, i, end, "targetmode=\"external\""))
			for (size_t k = 0; k < ARRAY_LEN(fetched); k++)
				if (has(v, i, end, fetched[k].type))
					o->external = fetched[k].what;
		i = end;
	}
}

/* ---- parts ---- */

static const struct {
	const char *within, *macro, *embedded;
} names[] = {
	{ "vbaproject.bin", .macro = "VBA macros" },
	{ "/macrosheets/", .macro = "Excel 4.0 macros" },
	{ "/embeddings/", .embedded = "embedded objects" },
	{ "/activex/", .embedded = "ActiveX controls" },
	{ "basic/script-lc.xml", .macro = "macros of LibreOffice" },
	{ "/script-lb.xml", .macro = "macros of LibreOffice" },
};

static const struct {
	const char *type, *macro;
} content_types[] = {
	{ "macroenabled", "VBA macros" },
	{ "ms-office.vbaproject", "VBA macros" },
	{ "ms-excel.macrosheet", "Excel 4.0 macros" },
	{ "ms-excel.intlmacrosheet", "Excel 4.0 macros" },
};

bool scan_office_type(const char *type)
{
	return !strncmp(type, "application/vnd.openxmlformats-", 31) || !strncmp(type, "application/vnd.oasis.opendocument.", 35) ||
	       !strcmp(type, "application/epub+zip");
}

bool scan_office_markup(const char *name, size_t name_len, const char *bytes, size_t len)
{
	struct view v = view_of(bytes, len);
	size_t i = 0;

	if (!name_ends(name, name_len, ".xml") && !name_ends(name, name_len, ".rels") && !name_ends(name, name_len, ".vml"))
		return false;
	while (i < v.len && i < 4 && (unsigned char)at(&v, i) >= 0x80)
		i++; /* a mark of the order of octets */
	return v.len > i + 1 && at(&v, i) == '<' && (at(&v, i + 1) == '?' || ascii_is_alpha(at(&v, i + 1)));
}

void scan_office_part(struct scan_office *o, const char *name, size_t name_len, const char *bytes, size_t len)
{
	const struct view v = view_of(bytes, len);

	o->is_document |= name_ends(name, name_len, "[content_types].xml") || ascii_equals(name, name_len, "META-INF/manifest.xml");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!name_has(name, name_len, names[i].within))
			continue;
		o->macro = names[i].macro ? names[i].macro : o->macro;
		o->embedded = names[i].embedded ? names[i].embedded : o->embedded;
	}
	for (size_t i = 0; name_ends(name, name_len, "[content_types].xml") && i < ARRAY_LEN(content_types); i++)
		if (has(&v, 0, v.len, content_types[i].type))
			o->macro = content_types[i].macro;
	if (name_ends(name, name_len, ".rels"))
		read_relations(o, &v);
	if (name_has(name, name_len, "word/") && name_ends(name, name_len, ".xml") && (has(&v, 0, v.len, "ddeauto") || has(&v, 0, v.len, ">dde ")))
		o->external = "a field that starts a program (DDE)";
	if (name_has(name, name_len, "xl/externallinks/") && has(&v, 0, v.len, "ddelink"))
		o->external = "a field that starts a program (DDE)";
}
