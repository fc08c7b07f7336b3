/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_cfb.h"

#include <stdint.h>
#include <string.h>

#include "filter/base/cleanup.h"

#define HEADER_LEN      512
#define HEADER_SECTORS  109 /* of the FAT that the header names itself */
#define ENTRY_LEN       128
#define NAME_MAX_LEN    31
#define LAST_SECTOR     0xfffffffau /* greater ones are ends and marks */
#define STREAMS_MAX     16
#define RECORDS_MAX     20000       /* of a workbook, looked at for its sheets: these are among the first */
#define BIFF_FILEPASS   0x2f
#define BIFF_BOUNDSHEET 0x85
#define BIFF_EOF        0x0a
#define SHEET_MACRO     1

struct cfb {
	const unsigned char *bytes;
	size_t len;
	uint32_t shift; /* a sector has 1 << shift octets; sector 0 follows the header */
	uint32_t difat;
	unsigned streams; /* that were looked at */
};

static uint32_t le16(const unsigned char *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t le32(const unsigned char *b)
{
	return le16(b) | le16(b + 2) << 16;
}

/* NULL: it is not in the file. The last one may be cut. */
static const unsigned char *sector(const struct cfb *c, uint32_t i, size_t *ret_len)
{
	size_t size = (size_t)1 << c->shift, at = ((size_t)i + 1) << c->shift;

	if (i > LAST_SECTOR || at >= c->len)
		return NULL;
	*ret_len = c->len - at < size ? c->len - at : size;
	return c->bytes + at;
}

/* The 32 bits at index i of sector s. */
static bool entry(const struct cfb *c, uint32_t s, size_t i, uint32_t *ret)
{
	size_t len;
	const unsigned char *b = sector(c, s, &len);

	if (!b || i * 4 + 4 > len)
		return false;
	*ret = le32(b + i * 4);
	return true;
}

/* The sector that is part i of the FAT: from the header, or from the chain of sectors that lists the others. */
static bool fat_sector(const struct cfb *c, uint32_t i, uint32_t *ret)
{
	uint32_t each = (1u << c->shift) / 4 - 1, at = c->difat;

	if (i < HEADER_SECTORS) {
		*ret = le32(c->bytes + 76 + (size_t)i * 4);
		return true;
	}
	for (i -= HEADER_SECTORS; i >= each; i -= each)
		if (!entry(c, at, each, &at))
			return false;
	return entry(c, at, i, ret);
}

static bool next_sector(const struct cfb *c, uint32_t s, uint32_t *ret)
{
	uint32_t per = (1u << c->shift) / 4, fat;

	return fat_sector(c, s / per, &fat) && entry(c, fat, s % per, ret);
}

/* ---- streams ---- */

/* The stream that begins at sector s, octet by octet, as far as its chain goes. */
struct stream {
	const struct cfb *c;
	uint32_t at;
	size_t offset, steps;
};

static bool take(struct stream *s, unsigned char *out, size_t n)
{
	size_t len;
	const unsigned char *b = sector(s->c, s->at, &len);

	while (n) {
		size_t some;

		if (!b)
			return false;
		if (s->offset == (size_t)1 << s->c->shift) {
			if (++s->steps > s->c->len >> s->c->shift || !next_sector(s->c, s->at, &s->at))
				return false;
			s->offset = 0;
			b = sector(s->c, s->at, &len);
			continue;
		}
		if (s->offset >= len)
			return false;
		some = len - s->offset < n ? len - s->offset : n;
		if (out) {
			memcpy(out, b + s->offset, some);
			out += some;
		}
		s->offset += some;
		n -= some;
	}
	return true;
}

/* The records at the start of a workbook ([MS-XLS] 2.1.4): is it encrypted, has it a sheet of Excel 4.0 macros? */
static void read_workbook(const struct cfb *c, uint32_t start, struct scan_cfb *ret)
{
	struct stream s = { .c = c, .at = start };
	unsigned char head[4], sheet[6];

	for (unsigned i = 0; i < RECORDS_MAX && take(&s, head, 4); i++) {
		uint32_t type = le16(head);
		size_t len = le16(head + 2), looked = 0;

		if (type == BIFF_EOF)
			return;
		if (type == BIFF_FILEPASS)
			ret->encrypted = "the workbook is encrypted";
		if (type == BIFF_BOUNDSHEET && len >= sizeof sheet) {
			looked = sizeof sheet;
			if (!take(&s, sheet, looked))
				return;
			if (sheet[5] == SHEET_MACRO)
				ret->macro = "Excel 4.0 macros";
		}
		if (!take(&s, NULL, len - looked))
			return;
	}
}

/* The first of a document of Word ([MS-DOC] 2.5.2): fEncrypted. */
static void read_document(const struct cfb *c, uint32_t start, struct scan_cfb *ret)
{
	struct stream s = { .c = c, .at = start };
	unsigned char fib[12];

	if (take(&s, fib, sizeof fib) && fib[0] == 0xec && fib[1] == 0xa5 && fib[11] & 1)
		ret->encrypted = "the document is encrypted";
}

/* ---- the directory ---- */

/* What the presence of an entry says. */
static const struct {
	const char *name, *macro, *encrypted, *embedded;
} marks[] = {
	{ "_VBA_PROJECT", .macro = "VBA macros" },
	{ "_VBA_PROJECT_CUR", .macro = "VBA macros" },
	{ "VBA", .macro = "VBA macros" },
	{ "Macros", .macro = "VBA macros" },
	{ "EncryptedPackage", .encrypted = "the document is encrypted" },
	{ "EncryptedSummary", .encrypted = "the document is encrypted" },
	{ "\x01Ole10Native", .embedded = "a packed file" },
	{ "ObjectPool", .embedded = "embedded objects" },
};

static const unsigned char installer_class[16] = { 0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 };

/* The name in ASCII; "" when it is none, or the entry is not used. */
static void entry_name(const unsigned char *e, char out[NAME_MAX_LEN + 1])
{
	size_t len = le16(e + 64);

	out[0] = '\0';
	if (e[66] == 0 || len < 2 || len > 64 || len % 2)
		return;
	len = len / 2 - 1;
	for (size_t i = 0; i < len; i++) {
		if (e[2 * i + 1] || !e[2 * i] || e[2 * i] > 0x7f) {
			out[0] = '\0';
			return;
		}
		out[i] = (char)e[2 * i];
	}
	out[len] = '\0';
}

static void read_entry(struct cfb *c, const unsigned char *e, struct scan_cfb *ret)
{
	char name[NAME_MAX_LEN + 1];

	entry_name(e, name);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (strcasecmp(marks[i].name, name) != 0)
			continue;
		ret->macro = marks[i].macro ? marks[i].macro : ret->macro;
		ret->encrypted = marks[i].encrypted ? marks[i].encrypted : ret->encrypted;
		ret->embedded = marks[i].embedded ? marks[i].embedded : ret->embedded;
	}
	if ((!strcasecmp(name, "Workbook") || !strcasecmp(name, "Book")) && c->streams++ < STREAMS_MAX)
		read_workbook(c, le32(e + 116), ret);
	if (!strcasecmp(name, "WordDocument") && c->streams++ < STREAMS_MAX)
		read_document(c, le32(e + 116), ret);
	if (!strcasecmp(name, "Root Entry") && !memcmp(e + 80, installer_class, sizeof installer_class))
		ret->installer = true;
}

/* False: its chain is broken. */
static bool read_directory(struct cfb *c, uint32_t s, struct scan_cfb *ret)
{
	for (size_t steps = 0; s <= LAST_SECTOR; steps++) {
		size_t len;
		const unsigned char *b = sector(c, s, &len);

		if (!b || steps > c->len >> c->shift)
			return false;
		for (size_t i = 0; i + ENTRY_LEN <= len; i += ENTRY_LEN)
			read_entry(c, b + i, ret);
		if (!next_sector(c, s, &s))
			return false;
	}
	return true;
}

bool scan_cfb_read(const char *bytes, size_t len, struct scan_cfb *ret)
{
	struct cfb c = { .bytes = (const unsigned char *)bytes, .len = len };

	*ret = (struct scan_cfb){ 0 };
	if (len < HEADER_LEN || memcmp(bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) != 0)
		return false;
	c.shift = le16(c.bytes + 30) == 12 ? 12 : 9;
	c.difat = le32(c.bytes + 68);
	ret->broken = !read_directory(&c, le32(c.bytes + 48), ret);
	/* Office repairs what it can: so a broken chain hides nothing. Entries stand at multiples of their size. */
	for (size_t i = HEADER_LEN; ret->broken && i + ENTRY_LEN <= len; i += ENTRY_LEN)
		read_entry(&c, c.bytes + i, ret);
	return true;
}
