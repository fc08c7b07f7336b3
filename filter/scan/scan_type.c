/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_type.h"

#include <stdint.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

#define MARKUP_LOOKED_AT 4096 /* octets at the start of a text */

static uint32_t be32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ---- programs ---- */

static const struct {
	const char *octets;
	size_t len;
	const char *what;
} starts[] = {
	{ "\x7f" "ELF", 4, "a program for Unix" },
	{ "\xfe\xed\xfa\xce", 4, "a program for macOS" },
	{ "\xfe\xed\xfa\xcf", 4, "a program for macOS" },
	{ "\xce\xfa\xed\xfe", 4, "a program for macOS" },
	{ "\xcf\xfa\xed\xfe", 4, "a program for macOS" },
	{ "L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", 20, "a shortcut" },
	{ "ITSF", 4, "a compiled help file" },
	{ "dex\n", 4, "a program for Android" },
	{ "#@~^", 4, "an encoded script of the Windows Script Host" },
};

/* By what libmagic says; but for application/x-dosexec, as which it takes any octets that begin with a jump: text in some languages does. */
static const struct {
	const char *type, *what;
} types[] = {
	{ "application/vnd.microsoft.portable-executable", "a program for Windows" },
	{ "application/x-msi", "an installer" },
	{ "application/x-executable", "a program for Unix" },
	{ "application/x-pie-executable", "a program for Unix" },
	{ "application/x-sharedlib", "a program for Unix" },
	{ "application/x-mach-binary", "a program for macOS" },
	{ "application/x-java-applet", "a Java program" },
	{ "application/java-archive", "a Java program" },
	{ "application/vnd.android.package-archive", "a program for Android" },
	{ "application/vnd.debian.binary-package", "an installer" },
	{ "application/x-rpm", "an installer" },
	{ "application/x-ms-shortcut", "a shortcut" },
	{ "text/x-msdos-batch", "a batch file" },
};

/* Of a text: what makes an HTML file an application, or XML a script. */
static const struct {
	const char *tag;
	bool script; /* only together with <script: the word is a common one */
	const char *what;
} markup[] = {
	{ "<hta:application", false, "an HTML application" },
	{ "<job", true, "a script of the Windows Script Host" },
	{ "<scriptlet", true, "a script of the Windows Script Host" },
	{ "<component", true, "a script of the Windows Script Host" },
	{ "[internetshortcut]", false, "a shortcut" },
};

/* A program of Windows has a second header where the first says; without it, it is one for DOS, or a text that begins with MZ. */
static const char *windows_program(const char *b, size_t len)
{
	uint32_t at;

	if (len < 64 || b[0] != 'M' || b[1] != 'Z')
		return NULL;
	at = (uint32_t)(unsigned char)b[60] | (uint32_t)(unsigned char)b[61] << 8 | (uint32_t)(unsigned char)b[62] << 16 | (uint32_t)(unsigned char)b[63] << 24;
	if (at < len && len - at >= 4 && (!memcmp(b + at, "PE\0\0", 4) || !memcmp(b + at, "NE", 2) || !memcmp(b + at, "LE", 2)))
		return "a program for Windows";
	return memchr(b, '\0', 64) ? "a program for DOS" : NULL;
}

/* tag: in lower case, with the < that it begins with. */
static bool has_tag(const char *b, size_t len, const char *tag)
{
	size_t n = strlen(tag);

	for (size_t i = 0; i + n < len; i++)
		if (b[i] == *tag && ascii_equal(b + i, n, tag, n) && !ascii_is_alnum(b[i + n]))
			return true;
	return false;
}

static const char *by_markup(const char *b, size_t len)
{
	size_t n = len < MARKUP_LOOKED_AT ? len : MARKUP_LOOKED_AT;

	for (size_t k = 0; k < ARRAY_LEN(markup); k++)
		if (has_tag(b, n, markup[k].tag) && (!markup[k].script || has_tag(b, n, "<script")))
			return markup[k].what;
	return NULL;
}

/* The whole of a file: a page may well tell of these tags further down, or within other text. */
static bool is_markup(const char *b, size_t len)
{
	size_t i = len >= 3 && !memcmp(b, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < len && ascii_is_space(b[i]))
		i++;
	return i < len && (b[i] == '<' || b[i] == '[');
}

const char *scan_type_program(const char *b, size_t len, const char *type)
{
	const char *what = windows_program(b, len);

	for (size_t i = 0; !what && i < ARRAY_LEN(starts); i++)
		if (len >= starts[i].len && !memcmp(b, starts[i].octets, starts[i].len))
			what = starts[i].what;
	if (!what && len >= 8 && be32(b) == 0xcafebabe) /* a class, with its version, or a few programs of macOS in one */
		what = be32(b + 4) < 30 ? "a program for macOS" : "a Java program";
	for (size_t i = 0; !what && i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].type, type))
			what = types[i].what;
	if (!what && is_markup(b, len))
		what = by_markup(b, len);
	return what;
}

bool scan_type_script(const char *b, size_t len, const char *type)
{
	return (len > 2 && b[0] == '#' && b[1] == '!' && memchr(b, '/', len < 80 ? len : 80)) || !strcmp(type, "text/x-shellscript");
}

/* ---- does it fit? ---- */

#define ZIP    "application/zip"
#define OOXML  "application/vnd.openxmlformats-officedocument.*"
#define OLE    "application/cdfv2", "application/x-ole-storage"
#define MARKUP "text/html", "text/xml", "application/xml", "application/xhtml+xml", "text/plain"

/* What may be in a file of these names, of declared types and extensions alike; a * at the end stands for anything. */
static const struct {
	const char *names[6], *types[8];
} fits[] = {
	{ { "application/pdf", "pdf" }, { "application/pdf" } },
	{ { "image/jpeg", "image/jpg", "image/pjpeg", "jpg", "jpeg" }, { "image/jpeg" } },
	{ { "image/png", "png" }, { "image/png", "image/apng" } },
	{ { "image/gif", "gif" }, { "image/gif" } },
	{ { "image/bmp", "image/x-ms-bmp", "bmp" }, { "image/*" } },
	{ { "image/tiff", "tif", "tiff" }, { "image/*" } },
	{ { "image/webp", "webp" }, { "image/*" } },
	{ { "image/svg+xml", "svg" }, { "image/svg+xml", MARKUP } },
	{ { "application/zip", "application/x-zip-compressed", "zip" }, { ZIP, "application/*+zip", "application/java-archive", OOXML,
		"application/vnd.oasis.opendocument.*", "application/epub+zip" } },
	{ { "application/x-7z-compressed", "7z" }, { "application/x-7z-compressed" } },
	{ { "application/vnd.rar", "application/x-rar-compressed", "rar" }, { "application/x-rar", "application/vnd.rar" } },
	{ { "application/gzip", "application/x-gzip", "gz", "tgz" }, { "application/gzip", "application/x-gzip" } },
	{ { "application/msword", "doc", "dot" }, { "application/msword", "application/vnd.ms-*", OLE, OOXML, "text/rtf", "application/rtf" } },
	{ { "application/vnd.ms-excel", "xls", "xlt" }, { "application/vnd.ms-*", "application/msword", OLE, OOXML, ZIP, "text/csv" } },
	{ { "application/vnd.ms-powerpoint", "ppt", "pps" }, { "application/vnd.ms-*", "application/msword", OLE, OOXML, ZIP } },
	{ { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", "docm", "dotx", "dotm" },
		{ OOXML, ZIP, OLE, "application/encrypted", "application/vnd.ms-*" } },
	{ { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", "xlsm", "xlsb", "xltx", "xltm" },
		{ OOXML, ZIP, OLE, "application/encrypted", "application/vnd.ms-*" } },
	{ { "application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx", "pptm", "ppsx", "ppsm" },
		{ OOXML, ZIP, OLE, "application/encrypted", "application/vnd.ms-*" } },
	{ { "application/rtf", "text/rtf", "rtf" }, { "text/rtf", "application/rtf" } },
	{ { "text/html", "html", "htm", "xhtml" }, { "text/*", "application/xml", "application/xhtml+xml", "message/*" } },
	{ { "text/plain", "text/csv", "txt", "csv", "log" }, { "text/*", "application/json", "application/csv", "application/x-ndjson", "message/*",
		"application/xml", "application/pgp-*" } },
	{ { "text/xml", "application/xml", "xml" }, { "text/*", "application/xml", "application/*+xml", "image/svg+xml" } },
	{ { "text/calendar", "ics" }, { "text/*" } },
	{ { "audio/mpeg", "mp3" }, { "audio/*" } },
	{ { "audio/wav", "audio/x-wav", "wav" }, { "audio/*" } },
	{ { "video/mp4", "mp4", "m4v" }, { "video/*", "audio/*" } },
	{ { "video/x-msvideo", "avi" }, { "video/*" } },
};

/* One * at most in a pattern. */
static bool matches(const char *pattern, const char *type)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0, after = star ? strlen(star + 1) : 0, len = strlen(type);

	if (!star)
		return !strcmp(pattern, type);
	return len >= before + after && !strncmp(pattern, type, before) && !strcmp(star + 1, type + len - after);
}

static bool fit(const char *type, const char *name)
{
	if (!strcmp(type, "application/octet-stream") || !strcmp(type, "application/x-dosexec") || !strncmp(type, "inode/", 6))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(fits); i++) {
		bool known = false, good = false;

		for (size_t k = 0; k < ARRAY_LEN(fits[i].names) && fits[i].names[k]; k++)
			known |= !strcmp(fits[i].names[k], name);
		for (size_t k = 0; known && k < ARRAY_LEN(fits[i].types) && fits[i].types[k]; k++)
			good |= matches(fits[i].types[k], type);
		if (known)
			return good;
	}
	return true;
}

bool scan_type_fits_declared(const char *type, const char *declared)
{
	return !declared || !strchr(declared, '/') || fit(type, declared);
}

bool scan_type_fits_extension(const char *type, const char *extension)
{
	return strchr(extension, '/') || fit(type, extension);
}
