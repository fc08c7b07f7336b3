/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/*
 * Names in mail, and what iconv calls the charset that is meant: who writes ISO-8859-1 sends windows-1252 (so says the WHATWG's Encoding
 * Standard, after what readers do), and KS_C_5601-1987 is the name that Outlook has for its code page 949.
 */
static const struct {
	const char *name, *iconv;
} charsets[] = {
	{ "ansi_x3.4-1968", NULL },
	{ "ascii", NULL },
	{ "us-ascii", NULL },
	{ "utf-8", NULL },
	{ "utf8", NULL },
	{ "big5", "BIG5-HKSCS" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "cp1250", "CP1250" },
	{ "cp1251", "CP1251" },
	{ "cp1252", "CP1252" },
	{ "cp932", "CP932" },
	{ "cp936", "GB18030" },
	{ "cp949", "CP949" },
	{ "euc-jp", "EUC-JP" },
	{ "euc-kr", "CP949" },
	{ "gb18030", "GB18030" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "ibm437", "IBM437" },
	{ "ibm850", "IBM850" },
	{ "ibm866", "IBM866" },
	{ "iso-2022-jp", "ISO-2022-JP" },
	{ "iso-2022-kr", "ISO-2022-KR" },
	{ "iso-8859-1", "CP1252" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-11", "CP874" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "CP1254" },
	{ "iso8859-1", "CP1252" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "ks_c_5601-1987", "CP949" },
	{ "latin1", "CP1252" },
	{ "macintosh", "MACINTOSH" },
	{ "shift-jis", "CP932" },
	{ "shift_jis", "CP932" },
	{ "tis-620", "CP874" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "utf-16", "UTF-16" },
	{ "utf-16be", "UTF-16BE" },
	{ "utf-16le", "UTF-16LE" },
	{ "utf-32", "UTF-32" },
	{ "utf-7", "UTF-7" },
	{ "windows-1250", "CP1250" },
	{ "windows-1251", "CP1251" },
	{ "windows-1252", "CP1252" },
	{ "windows-1253", "CP1253" },
	{ "windows-1254", "CP1254" },
	{ "windows-1255", "CP1255" },
	{ "windows-1256", "CP1256" },
	{ "windows-1257", "CP1257" },
	{ "windows-1258", "CP1258" },
	{ "windows-31j", "CP932" },
	{ "windows-874", "CP874" },
	{ "x-mac-cyrillic", "MAC-CYRILLIC" },
	{ "x-sjis", "CP932" },
};

static const char *find(const char *name, size_t len, bool *ret_known)
{
	for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
		*ret_known = ascii_equals(name, len, charsets[i].name);
		if (*ret_known)
			return charsets[i].iconv;
	}
	return NULL;
}

bool charset_is_known(const char *name, size_t len)
{
	bool known;

	(void)find(name, len, &known);
	return known;
}

bool charset_is_utf8_already(const char *name, size_t name_len, const char *bytes, size_t len)
{
	bool known;

	return !find(name, name_len, &known) && utf8_valid(bytes, len);
}

/* What fits of them, up to the end of a character. */
static void add(struct text *out, const char *bytes, size_t len)
{
	size_t room = out->max - out->len, n = len < room ? len : room;

	if (out->failed)
		return;
	while (n < len && n && ((unsigned char)bytes[n] & 0xc0) == 0x80)
		n--;
	text_add(out, bytes, n);
	out->failed |= n < len;
}

static void add_utf8(struct text *out, const char *bytes, size_t len)
{
	for (const char *run = bytes, *at = bytes, *end = bytes + len; at <= end;) {
		size_t n = at < end ? utf8_char_len(at, (size_t)(end - at)) : 0;

		if (n) {
			at += n;
			continue;
		}
		add(out, run, (size_t)(at - run));
		if (at++ == end)
			break;
		text_adds(out, REPLACEMENT);
		run = at;
	}
}

static void convert(struct text *out, iconv_t cd, const char *bytes, size_t len)
{
	char *in = (char *)(size_t)bytes; /* iconv() does not write to it, though its type says so */

	while (len && !out->failed) {
		char chunk[4096], *to = chunk;
		size_t room = sizeof chunk, r = iconv(cd, &in, &len, &to, &room);
		int error = errno;

		add(out, chunk, sizeof chunk - room);
		if (r != (size_t)-1 || error == E2BIG)
			continue;
		text_adds(out, REPLACEMENT); /* EILSEQ; or EINVAL: it ends within a character */
		if (len) {
			in++;
			len--;
		}
	}
}

void charset_to_utf8(struct text *out, const char *name, size_t name_len, const char *bytes, size_t len)
{
	bool known;
	const char *from = find(name, name_len, &known);
	iconv_t cd;

	if (!from && (utf8_valid(bytes, len) || (name_len >= 3 && ascii_equal(name, 3, "utf", 3)))) {
		add_utf8(out, bytes, len);
		return;
	}
	cd = iconv_open("UTF-8", from ? from : "CP1252");
	if (cd == (iconv_t)-1) { /* a system without the tables */
		add_utf8(out, bytes, len);
		return;
	}
	convert(out, cd, bytes, len);
	(void)iconv_close(cd);
}
