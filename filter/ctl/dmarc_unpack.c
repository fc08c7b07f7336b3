/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/dmarc_unpack.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdbool.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

#include "filter/base/ascii.h"
#include "filter/base/text.h"

#define GZIP_WINDOW    (MAX_WBITS + 16)
#define PARTS_MAX      (10 * DMARC_MEMBERS_MAX)
#define MIME_DEPTH_MAX 16

struct unpacker {
	void (*found)(void *arg, const char *xml, size_t len);
	void *arg;
	struct err *err;
	size_t left;    /* octets that may still come out */
	size_t reports; /* so far */
};

static bool begins(const char *bytes, size_t len, const char *with, size_t with_len)
{
	return len >= with_len && !memcmp(bytes, with, with_len);
}

static bool is_gzip(const char *bytes, size_t len)
{
	return begins(bytes, len, "\x1f\x8b", 2);
}

static bool is_zip(const char *bytes, size_t len)
{
	return begins(bytes, len, "PK\x03\x04", 4) || begins(bytes, len, "PK\x05\x06", 4);
}

static bool is_xml(const char *bytes, size_t len)
{
	if (begins(bytes, len, "\xef\xbb\xbf", 3) || begins(bytes, len, "\xff\xfe", 2) ||
		begins(bytes, len, "\xfe\xff", 2))
		return true;
	while (len && ascii_is_space(*bytes)) {
		bytes++;
		len--;
	}
	return len && *bytes == '<';
}

static int too_large(struct unpacker *u)
{
	return err_set(
		u->err, -EINVAL, "what is in it has more than %u MB: no report is so large", DMARC_UNPACKED_MAX >> 20);
}

static int xml(struct unpacker *u, const char *bytes, size_t len)
{
	u->reports++;
	u->found(u->arg, bytes, len);
	return 0;
}

/* What came out of a package. */
static int unpacked(struct unpacker *u, const struct text *t)
{
	if (is_gzip(text_str(t), t->len) || is_zip(text_str(t), t->len))
		return err_set(u->err, -EINVAL, "it is packed twice: unpack it once yourself, if you trust it");
	if (!is_xml(text_str(t), t->len))
		return err_set(u->err, -EINVAL, "what is packed in it is no XML");
	u->left -= t->len;
	return xml(u, text_str(t), t->len);
}

/* ---- gzip ---- */

static int gzip(struct unpacker *u, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(u->left);
	z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len };
	char buf[65536];
	int r = Z_OK;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	while (r == Z_OK && !out.failed) {
		z.next_out = (Bytef *)buf;
		z.avail_out = sizeof buf;
		r = inflate(&z, Z_NO_FLUSH);
		text_add(&out, buf, sizeof buf - z.avail_out);
		if (r == Z_STREAM_END && z.avail_in > 2 && is_gzip((const char *)z.next_in, z.avail_in))
			r = inflateReset(&z); /* several streams are one file (RFC 1952 2.2) */
	}
	(void)inflateEnd(&z);
	if (out.failed)
		return too_large(u);
	if (r != Z_STREAM_END)
		return err_set(u->err, -EINVAL, "it is cut off or damaged: gzip cannot be read to its end");
	return unpacked(u, &out);
}

/* ---- zip ---- */

static int zip_failed(struct unpacker *u, const char *why)
{
	return err_set(u->err, -EINVAL, "the zip archive cannot be read: %s", why);
}

static int member(struct unpacker *u, zip_t *archive, zip_uint64_t i)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(u->left);
	zip_file_t *file = zip_fopen_index(archive, i, 0);
	char buf[65536];
	zip_int64_t n = 0;

	if (!file)
		return zip_failed(u, zip_strerror(archive));
	while (!out.failed && (n = zip_fread(file, buf, sizeof buf)) > 0) /* not as large as it says: as it is */
		text_add(&out, buf, (size_t)n);
	(void)zip_fclose(file);
	if (out.failed)
		return too_large(u);
	return n < 0 ? zip_failed(u, "a file in it is damaged") : unpacked(u, &out);
}

static int members(struct unpacker *u, zip_t *archive)
{
	zip_int64_t count = zip_get_num_entries(archive, 0);
	int r = 0;

	if (count > DMARC_MEMBERS_MAX)
		return err_set(u->err, -EINVAL, "the zip archive has %lld files: one with so many is no report",
			(long long)count);
	for (zip_int64_t i = 0; r == 0 && i < count; i++) {
		const char *name = zip_get_name(archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
		size_t len = name ? strlen(name) : 0;

		if (len == 0 || name[len - 1] == '/') /* a folder */
			continue;
		r = member(u, archive, (zip_uint64_t)i);
	}
	return r;
}

static int zip(struct unpacker *u, const char *bytes, size_t len)
{
	zip_error_t error;
	zip_source_t *source;
	zip_t *archive = NULL;
	int r;

	zip_error_init(&error);
	source = zip_source_buffer_create(bytes, len, 0, &error);
	if (source)
		archive = zip_open_from_source(source, ZIP_RDONLY, &error);
	r = archive ? members(u, archive) : zip_failed(u, zip_error_strerror(&error));
	if (archive)
		zip_discard(archive);
	else if (source)
		zip_source_free(source);
	zip_error_fini(&error);
	return r;
}

/* ---- mail ---- */

static int package(struct unpacker *u, const char *bytes, size_t len)
{
	if (is_gzip(bytes, len))
		return gzip(u, bytes, len);
	return is_zip(bytes, len) ? zip(u, bytes, len) : xml(u, bytes, len);
}

/* A part that is a report by its type or by its name. */
static bool may_be_report(GMimeObject *part)
{
	static const char *const types[] = { "application/gzip", "application/x-gzip", "application/zip",
		"application/x-zip-compressed", "application/xml", "text/xml" };
	static const char *const ends[] = { ".gz", ".zip", ".xml" };
	GMimeContentType *type = g_mime_object_get_content_type(part);
	const char *name = g_mime_part_get_filename(GMIME_PART(part));
	size_t len = name ? strlen(name) : 0;
	char *text = type ? g_mime_content_type_get_mime_type(type) : NULL;
	bool may = false;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		may |= text && ascii_equals(text, strlen(text), types[i]);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		may |= len > strlen(ends[i]) && ascii_equals(name + len - strlen(ends[i]), strlen(ends[i]), ends[i]);
	g_free(text);
	return may;
}

static int part(struct unpacker *u, GMimePart *p)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	GMimeStream *mem = g_mime_stream_mem_new();
	GByteArray *bytes;
	int r = 0;

	if (content && g_mime_data_wrapper_write_to_stream(content, mem) >= 0) {
		bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
		if (is_gzip((char *)bytes->data, bytes->len) || is_zip((char *)bytes->data, bytes->len) ||
			is_xml((char *)bytes->data, bytes->len))
			r = package(u, (char *)bytes->data, bytes->len);
	}
	g_object_unref(mem);
	return r;
}

static int parts(struct unpacker *u, GMimeMessage *message)
{
	GMimePartIter *iter = g_mime_part_iter_new(GMIME_OBJECT(message));
	int r = 0;
	size_t count = 0;

	while (r == 0 && count++ < PARTS_MAX && g_mime_part_iter_is_valid(iter)) {
		GMimeObject *object = g_mime_part_iter_get_current(iter);

		if (GMIME_IS_PART(object) && may_be_report(object))
			r = part(u, GMIME_PART(object));
		if (!g_mime_part_iter_next(iter))
			break;
	}
	g_mime_part_iter_free(iter);
	return r;
}

/*
 * GMime's parser calls itself for each level of nesting, and a stranger's mail may have many. Each costs a boundary of its own, or a
 * message within the message: there are no more levels than fields Content-Type that open one.
 */
static bool is_deep(const char *bytes, size_t len)
{
	static const char *const opens[] = { "multipart/", "message/" };
	unsigned levels = 0;

	for (size_t i = 0; i < len && levels <= MIME_DEPTH_MAX; i++)
		for (size_t k = 0; k < ARRAY_LEN(opens); k++)
			levels += (bytes[i] | 0x20) == 'm' && len - i >= strlen(opens[k]) &&
			          ascii_equals(bytes + i, strlen(opens[k]), opens[k]);
	return levels > MIME_DEPTH_MAX;
}

static int mail(struct unpacker *u, const char *bytes, size_t len)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;
	int r = 0;

	if (is_deep(bytes, len))
		return err_set(u->err, -EINVAL,
			"the mail has more parts within parts than one with a report: save the attachment, and read "
			"that");
	g_mime_init(); /* and no g_mime_shutdown(), which loses what the next one makes again */
	stream = g_mime_stream_mem_new_with_buffer(bytes, len);
	parser = g_mime_parser_new_with_stream(stream);
	if (begins(bytes, len, "From ", 5))
		g_mime_parser_set_format(parser, GMIME_FORMAT_MBOX);
	message = g_mime_parser_construct_message(parser, NULL);
	if (message)
		r = parts(u, message);
	if (r == 0 && u->reports == 0)
		r = err_set(u->err, -EINVAL,
			"it is no report, and no mail with one: those are XML, gzip, zip, or a mail with one of these");
	if (message)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
	return r;
}

int dmarc_unpack(const char *bytes, size_t len, void (*found)(void *arg, const char *xml, size_t len), void *arg,
	struct err *reterr)
{
	struct unpacker u = { .found = found, .arg = arg, .err = reterr, .left = DMARC_UNPACKED_MAX };
	int r;

	if (is_gzip(bytes, len) || is_zip(bytes, len) || is_xml(bytes, len)) {
		r = package(&u, bytes, len);
		if (r == 0 && u.reports == 0)
			r = err_set(reterr, -EINVAL, "there is no file in the archive");
	} else {
		r = len ? mail(&u, bytes, len) : err_set(reterr, -EINVAL, "it is empty");
	}
	if (r == -ENOMEM)
		(void)err_set(reterr, r, "out of memory");
	return r;
}
