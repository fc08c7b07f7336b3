/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_archive.c - archives and compressed streams, by libarchive. */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "filter/scan/scan_name.h"
#include "filter/scan/scan_walk.h"

#define BLOCK_BYTES (64u << 10)
#define ERRORS_MAX  100 /* entries in a row that cannot be read */

/*
 * Those that libarchive reads itself, on one thread. What it would start a program for is not among them, nor what looks like a text.
 * Raw is what a stream is that was compressed and is no archive: it counts where no other does.
 */
static bool support(struct archive *a, bool streams_alone)
{
	static int (*const filters[])(struct archive *) = {
		archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_xz, archive_read_support_filter_lzma,
		archive_read_support_filter_lzip, archive_read_support_filter_zstd, archive_read_support_filter_lz4, archive_read_support_filter_compress,
	};
	static int (*const formats[])(struct archive *) = {
		archive_read_support_format_raw, archive_read_support_format_zip, archive_read_support_format_7zip, archive_read_support_format_tar, archive_read_support_format_rar,
		archive_read_support_format_rar5, archive_read_support_format_cab, archive_read_support_format_iso9660, archive_read_support_format_lha,
		archive_read_support_format_ar, archive_read_support_format_cpio,
	};
	bool good = true;

	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		good &= filters[i](a) >= ARCHIVE_WARN;
	for (size_t i = 0; i < (streams_alone ? 1 : ARRAY_LEN(formats)); i++)
		good &= formats[i](a) >= ARCHIVE_WARN;
	return good;
}

/* What libarchive takes for a compressed stream may be anything: is it one by its first octets? */
static bool is_stream(const char *b, size_t len)
{
	static const struct {
		const char *octets;
		size_t len;
	} starts[] = { { "\x1f\x8b", 2 }, { "BZh", 3 }, { "\xfd" "7zXZ", 5 }, { "\x28\xb5\x2f\xfd", 4 }, { "\x04\x22\x4d\x18", 4 }, { "LZIP", 4 } };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (len >= starts[i].len && !memcmp(b, starts[i].octets, starts[i].len))
			return true;
	return false;
}

/* How many entries the directory of a zip says there are, in the record at its end (APPNOTE 4.3.16). 0: it is none, or does not say. */
static unsigned zip_entries(const char *b, size_t len)
{
	const size_t record = 22, comment = 65535;

	for (size_t i = len >= record ? len - record + 1 : 0, n = 0; i-- > 0 && n <= comment; n++)
		if (!memcmp(b + i, "PK\5\6", 4)) {
			unsigned count = (unsigned)(unsigned char)b[i + 10] | (unsigned)(unsigned char)b[i + 11] << 8;

			return count < 0xffff ? count : 0;
		}
	return 0;
}

/* ---- the content of an entry ---- */

struct content {
	char *bytes;
	size_t len, capacity;
};

enum reading { READ_ALL, READ_BROKEN, READ_STOPPED };

static bool room(struct content *c)
{
	size_t capacity = c->capacity ? c->capacity * 2 : BLOCK_BYTES;
	char *more;

	if (c->capacity - c->len >= BLOCK_BYTES)
		return true;
	more = realloc(c->bytes, capacity);
	if (!more)
		return false;
	c->bytes = more;
	c->capacity = capacity;
	return true;
}

/* Of the whole, and of this archive, which has brought forth so much until now. NULL: none is reached. */
static const char *limit_reached(const struct scan_walk *w, const struct scan_node *n, uint64_t from_here)
{
	if (w->unpacked_bytes > w->limits->unpacked_bytes)
		return "more is unpacked than is looked at";
	if (from_here > SCAN_RATIO_BYTES && from_here / w->limits->ratio > n->len)
		return "it unpacks to many times its size";
	return NULL;
}

static enum reading read_content(struct scan_walk *w, const struct scan_node *n, struct archive *a, uint64_t *from_here, struct content *c)
{
	for (;;) {
		const char *reached;
		la_ssize_t got;

		if (!room(c)) {
			scan_walk_bomb(w, n, "it takes too much memory");
			return READ_STOPPED;
		}
		got = archive_read_data(a, c->bytes + c->len, BLOCK_BYTES);
		if (got <= 0)
			return got == 0 ? READ_ALL : READ_BROKEN;
		c->len += (size_t)got;
		*from_here += (uint64_t)got;
		w->unpacked_bytes += (uint64_t)got;
		reached = limit_reached(w, n, *from_here);
		if (reached)
			scan_walk_bomb(w, n, reached);
		if (scan_walk_is_late(w, n))
			return READ_STOPPED;
	}
}

/* ---- entries ---- */

/* Of a compressed stream: the name without ".gz". */
static void stream_name(const struct scan_node *n, struct scan_node *inner)
{
	char extension[SCAN_EXTENSION_MAX + 1];

	scan_name_extension(n->name, n->name_len, extension);
	inner->name = n->name;
	inner->name_len = *extension && n->name_len > strlen(extension) + 1 ? n->name_len - strlen(extension) - 1 : n->name_len;
}

static void entry_name(struct archive_entry *e, struct scan_node *inner)
{
	const char *name = archive_entry_pathname_utf8(e);

	if (!name)
		name = archive_entry_pathname(e);
	inner->name = name ? name : "";
	inner->name_len = strlen(inner->name);
}

static void look_at_link(struct scan_walk *w, const struct scan_node *inner, struct archive_entry *e)
{
	const char *to = archive_entry_symlink(e) ? archive_entry_symlink(e) : archive_entry_hardlink(e);

	if (to && scan_name_slips(to, strlen(to)))
		scan_walk_found(w, inner, SLUICE_SCAN_SLIP, "it is a link that leaves the folder where it is unpacked");
}

static void look_at_entry(struct scan_walk *w, const struct scan_node *n, struct archive *a, struct archive_entry *e, const struct scan_node *of,
	uint64_t *from_here, bool is_document, struct scan_office *ret)
{
	struct content c = { 0 };
	struct scan_node inner = *of;
	enum reading r;

	look_at_link(w, &inner, e);
	if (archive_entry_filetype(e) != AE_IFREG && archive_entry_filetype(e) != 0) {
		if (scan_name_slips(inner.name, inner.name_len))
			scan_walk_found(w, &inner, SLUICE_SCAN_SLIP, "its name leaves the folder where it is unpacked");
		return;
	}
	if (archive_entry_is_data_encrypted(e) == 1) {
		scan_walk_found(w, &inner, SLUICE_SCAN_ENCRYPTED, "an entry is encrypted");
		scan_walk_head(w, &inner);
		return;
	}
	r = read_content(w, n, a, from_here, &c);
	inner.bytes = c.bytes ? c.bytes : "";
	inner.len = c.len;
	if (r == READ_BROKEN)
		scan_walk_found(w, &inner, SLUICE_SCAN_UNREAD, "an entry is broken, or packed in a way that is not read");
	if (r == READ_STOPPED) { /* a program is known by its beginning, however many zeros it goes on with */
		scan_walk_head(w, &inner);
	} else {
		scan_office_part(ret, inner.name, inner.name_len, inner.bytes, inner.len);
		if (!is_document || !scan_office_markup(inner.name, inner.name_len, inner.bytes, inner.len))
			scan_walk_file(w, &inner);
	}
	free(c.bytes);
}

/* Has it been given up because it is encrypted as a whole? */
static bool is_encrypted(struct archive *a)
{
	const char *why = archive_error_string(a);

	return archive_read_has_encrypted_entries(a) == 1 || (why && strstr(why, "ncrypt"));
}

static bool is_of(struct archive *a, int format)
{
	return (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == format;
}

/* Of ar: the table of symbols and that of long names, "/" and "//". */
static bool is_table(struct archive *a, const char *name)
{
	return is_of(a, ARCHIVE_FORMAT_AR) && name[0] == '/';
}

/* False: there are none at all. */
static bool look_at_entries(struct scan_walk *w, const struct scan_node *n, struct archive *a, bool is_document, struct scan_office *ret)
{
	struct archive_entry *e;
	uint64_t from_here = 0;
	unsigned errors = 0, count = 0;
	bool any = false;

	while (!w->full) {
		struct scan_node inner = { .parent = n, .depth = n->depth + 1 };
		int r = archive_read_next_header(a, &e);

		if (!any && r >= ARCHIVE_WARN && r != ARCHIVE_EOF) {
			if (archive_format(a) == ARCHIVE_FORMAT_RAW && archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE)
				return true; /* no archive */
			if (!is_document)
				scan_walk_found(w, n, SLUICE_SCAN_ARCHIVE, archive_format(a) == ARCHIVE_FORMAT_RAW ? archive_filter_name(a, 0) : archive_format_name(a));
			if (n->depth >= w->limits->depth) {
				scan_walk_found(w, n, SLUICE_SCAN_BOMB, "archives within archives go deeper than is looked at");
				return true;
			}
			any = true;
		}
		if (r == ARCHIVE_EOF) {
			if (any && !errors && is_of(a, ARCHIVE_FORMAT_ZIP) && zip_entries(n->bytes, n->len) > count)
				scan_walk_bomb(w, n, "its directory has more entries than it has content for");
			return any;
		}
		if (r < ARCHIVE_WARN) {
			if (is_encrypted(a))
				scan_walk_found(w, n, SLUICE_SCAN_ENCRYPTED, "it is encrypted");
			else
				scan_walk_found(w, n, SLUICE_SCAN_UNREAD, "an archive that is broken, or packed in a way that is not read");
			if (r == ARCHIVE_FATAL || ++errors >= ERRORS_MAX)
				return true;
			continue;
		}
		if (w->entries++ >= w->limits->entries) {
			scan_walk_bomb(w, n, "it has more entries than are looked at");
			return true;
		}
		count++;
		if (archive_format(a) == ARCHIVE_FORMAT_RAW)
			stream_name(n, &inner);
		else
			entry_name(e, &inner);
		if (is_table(a, inner.name))
			continue;
		look_at_entry(w, n, a, e, &inner, &from_here, is_document, ret);
		(void)scan_walk_is_late(w, n);
	}
	return true;
}

/* False: it has no entries, as what begins with zeros is for tar. */
static bool read_as(struct scan_walk *w, const struct scan_node *n, bool streams_alone, bool is_document, struct scan_office *ret)
{
	struct archive *a = archive_read_new();
	bool any = true;

	if (!a || !support(a, streams_alone))
		scan_walk_found(w, n, SLUICE_SCAN_UNREAD, "there is no memory to unpack it");
	else if (archive_read_open_memory(a, n->bytes, n->len) == ARCHIVE_OK)
		any = look_at_entries(w, n, a, is_document, ret);
	else if (is_stream(n->bytes, n->len))
		scan_walk_found(w, n, SLUICE_SCAN_UNREAD, "a compressed file that is broken, or packed in a way that is not read");
	if (a)
		(void)archive_read_free(a);
	return any;
}

void scan_archive(struct scan_walk *w, const struct scan_node *n, bool is_document, struct scan_office *ret)
{
	if (n->len && !read_as(w, n, false, is_document, ret))
		(void)read_as(w, n, true, is_document, ret);
}
