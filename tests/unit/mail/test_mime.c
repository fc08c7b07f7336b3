/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of a message, and the ways to have them seen otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/text.h"
#include "filter/mail/mime.h"
#include "filter/mail/mime_param.h"

static const struct mime_limits limits = { .parts = 50, .depth = 10, .header_bytes = 4000, .content_bytes = 1 << 20, .text_bytes = 1000 };

#define LF "\r\n"

static struct mime *parse_cut(const char *type, const char *encoding, const char *body, size_t len, bool cut)
{
	struct mime *m = mime_new(&limits);

	assert_non_null(m);
	mime_field(m, "Subject", 7, " x", 2);
	if (type)
		mime_field(m, "content-type", 12, type, strlen(type));
	if (encoding)
		mime_field(m, "Content-Transfer-Encoding ", 26, encoding, strlen(encoding));
	assert_true(mime_parse(m, body, len, cut));
	return m;
}

static struct mime *parse(const char *type, const char *body)
{
	return parse_cut(type, NULL, body, strlen(body), false);
}

/* "SECTION TYPE [content]" of each part, and " odd" with its bits. */
static void is(struct mime *m, const char *want)
{
	const struct sluice_mime *v = mime_view(m);
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(10000);

	for (size_t i = 0; i < v->count; i++) {
		size_t len;
		const char *content = mime_content(m, i, &len);

		text_addf(&got, "%s%s %s", i ? " | " : "", v->parts[i].section, v->parts[i].type);
		if (content) {
			text_adds(&got, " [");
			text_add(&got, content, len);
			text_addc(&got, ']');
		}
		if (v->parts[i].odd)
			text_addf(&got, " %x", v->parts[i].odd);
	}
	assert_string_equal(text_str(&got), want);
	mime_free(m);
}

static void test_simple(void **state)
{
	(void)state;
	is(parse(NULL, "text"), "1 text/plain [text]");
	is(parse(NULL, ""), "1 text/plain []");
	is(parse(" Text/HTML; charset=utf-8", "<p>"), "1 text/html [<p>]");
	is(parse("text/plain (comment) ; x=y", "a"), "1 text/plain [a]");
	is(parse("text", "a"), "1 text/plain [a] 4");
	is(parse("", "a"), "1 text/plain [a] 4");
	is(parse_cut("text/plain", "Base64 (so)", "aGVsbG8=", 8, false), "1 text/plain [hello]");
	is(parse_cut("text/plain", "base-64", "aGVsbG8=", 8, false), "1 text/plain [aGVsbG8=] 8");
}

static void test_multiparts(void **state)
{
	(void)state;
	is(parse("multipart/mixed; boundary=b", "preamble" LF "--b" LF LF "one" LF "--b" LF "Content-Type: text/html" LF LF "two" LF "--b--" LF),
		"0 multipart/mixed | 1 text/plain [one] | 2 text/html [two]");
	/* no header, no content; blanks behind a boundary; lines that end in LF alone; no line's end at the end */
	is(parse("multipart/mixed; boundary=\"b c\"", "--b c" LF "--b c \t" LF LF "--b c\n\nx\n--b c--"),
		"0 multipart/mixed | 1 text/plain [] | 2 text/plain [] | 3 text/plain [x]");
	is(parse("multipart/mixed; boundary=o", "--o" LF "Content-Type: multipart/alternative;" LF "\tboundary=\"i\"" LF LF "--i" LF LF "a" LF "--i" LF LF "b" LF "--i--" LF LF "--o" LF LF "c" LF "--o--" LF),
		"0 multipart/mixed | 1 multipart/alternative | 1.1 text/plain [a] | 1.2 text/plain [b] | 2 text/plain [c]");
	is(parse("multipart/digest; boundary=b", "--b" LF LF "Subject: in" LF LF "text" LF "--b--"), "0 multipart/digest | 1 message/rfc822 | 1.1 text/plain [text]");
	is(parse("message/rfc822", "Content-Type: multipart/mixed; boundary=b" LF LF "--b" LF LF "x" LF "--b" LF "Content-Type: message/rfc822" LF LF LF "y" LF "--b--"),
		"1 message/rfc822 | 1.0 multipart/mixed | 1.1 text/plain [x] | 1.2 message/rfc822 | 1.2.1 text/plain [y]");
	is(parse("message/rfc822", "Content-Type: message/rfc822" LF LF LF "x"), "1 message/rfc822 | 1.1 message/rfc822 | 1.1.1 text/plain [x]");
	/* one boundary begins as the other does */
	is(parse("multipart/mixed; boundary=b-1", "--b-1" LF "Content-Type: multipart/mixed; boundary=b-10" LF LF "--b-10" LF LF "x" LF "--b-10--" LF "--b-1--"),
		"0 multipart/mixed | 1 multipart/mixed | 1.1 text/plain [x]");
}

static void test_where_containers_end(void **state)
{
	struct mime *m = parse("multipart/mixed; boundary=b", "--b" LF "Content-Type: message/rfc822" LF LF "A: b" LF LF "text" LF "--b" LF LF "x" LF "--b--");
	const struct sluice_mime *v = mime_view(m);

	(void)state;
	assert_int_equal(v->count, 4);
	assert_int_equal(v->parts[1].len, strlen("A: b" LF LF "text"));
	assert_memory_equal(v->parts[1].bytes, "A: b" LF LF "text", v->parts[1].len);
	assert_true(v->parts[1].container);
	assert_int_equal(v->parts[2].parent, 1);
	assert_int_equal(v->parts[2].depth, 2);
	assert_int_equal(v->parts[3].parent, 0);
	mime_free(m);
}

static void test_tricks(void **state)
{
	(void)state;
	is(parse("multipart/mixed", "--b" LF LF "x" LF "--b--"), "1 multipart/mixed [--b" LF LF "x" LF "--b--] 20");
	is(parse("multipart/mixed; boundary=\"\"", "x"), "1 multipart/mixed [x] 20");
	is(parse("multipart/mixed; boundary=b; boundary=c", "--b" LF LF "x" LF "--b--"), "0 multipart/mixed 20 | 1 text/plain [x]");
	is(parse("multipart/mixed; boundary=\"b", "--b" LF LF "x" LF "--b--"), "0 multipart/mixed 20 | 1 text/plain [x]");
	is(parse("multipart/mixed; boundary*0=a; boundary*1=b", "--ab" LF LF "x" LF "--ab--"), "0 multipart/mixed | 1 text/plain [x]");
	is(parse("multipart/mixed; boundary=b", "--b" LF "Content-Type: multipart/mixed; boundary=b" LF LF "--b" LF LF "x" LF "--b--"),
		"0 multipart/mixed 80 | 1 multipart/mixed 20 | 1.1 text/plain [x]");
	is(parse("multipart/mixed; boundary=b", "--b" LF LF "x" LF "--bx" LF "y" LF "--b--"), "0 multipart/mixed 40 | 1 text/plain [x" LF "--bx" LF "y]");
	is(parse("multipart/mixed; boundary=b", "--b" LF LF "x"), "0 multipart/mixed 80 | 1 text/plain [x]");
	is(parse_cut("multipart/mixed; boundary=b", NULL, "--b" LF LF "x", 8, true), "0 multipart/mixed | 1 text/plain [x]");
	is(parse("multipart/mixed; boundary=b", "--b" LF LF "x" LF "--b--" LF LF " y"), "0 multipart/mixed 100 | 1 text/plain [x]");
	is(parse("multipart/mixed; boundary=o", "--o" LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF LF "x" LF "--o--"),
		"0 multipart/mixed | 1 multipart/mixed 80 | 1.1 text/plain [x]");
	is(parse("multipart/mixed; boundary=b", "--b" LF "Content-Type: text/html" LF "Content-Type: text/plain" LF "Content-Transfer-Encoding: base64" LF "Content-Transfer-Encoding: 7bit" LF LF "YQ==" LF "--b--"),
		"0 multipart/mixed | 1 text/html [a] 3");
	is(parse("multipart/mixed; boundary=b", "--b" LF "no field" LF "Content-Type: text/html" LF LF "x" LF "--b--"), "0 multipart/mixed | 1 text/html [x] 10");
	/* a multipart has no encoding, whatever it says; a message that has one is opened none the less */
	is(parse_cut("multipart/mixed; boundary=b", "base64", "--b" LF LF "x" LF "--b--", 15, false), "0 multipart/mixed 8 | 1 text/plain [x]");
	is(parse_cut("message/rfc822", "base64", "U3ViamVjdDogeA0KDQp0ZXh0", 24, false), "1 message/rfc822 8 | 1.1 text/plain [text]");
}

static void test_limits(void **state)
{
	SLUICE_CLEANUP(text_done) struct text body = TEXT_INIT(1 << 20);
	struct mime *m;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		text_adds(&body, "--b" LF LF);
	m = parse("multipart/mixed; boundary=b", body.bytes);
	assert_int_equal(mime_view(m)->count, limits.parts);
	assert_true(mime_view(m)->too_many);
	mime_free(m);

	text_clear(&body);
	for (unsigned i = 0; i < 10000; i++)
		text_addf(&body, "Content-Type: message/rfc822" LF LF);
	m = parse("message/rfc822", body.bytes);
	assert_int_equal(mime_view(m)->count, limits.depth + 1);
	assert_true(mime_view(m)->too_deep);
	assert_false(mime_view(m)->parts[limits.depth].container);
	mime_free(m);

	text_clear(&body);
	for (unsigned i = 0; i < 10000; i++)
		text_addf(&body, "--b%u" LF "Content-Type: multipart/mixed; boundary=b%u" LF LF, i, i + 1);
	m = parse("multipart/mixed; boundary=b0", body.bytes);
	assert_int_equal(mime_view(m)->count, limits.depth + 1);
	assert_true(mime_view(m)->too_deep);
	mime_free(m);

	text_clear(&body);
	text_adds(&body, "--b" LF);
	for (unsigned i = 0; i < 1000; i++)
		text_adds(&body, "X: y" LF);
	text_adds(&body, "Content-Type: text/html" LF LF "x" LF "--b--");
	m = parse("multipart/mixed; boundary=b", body.bytes);
	assert_true(mime_view(m)->header_cut);
	is(m, "0 multipart/mixed | 1 text/plain [x]");
}

static void has_names(const char *part_header, const char *want, unsigned odd)
{
	SLUICE_CLEANUP(text_done) struct text body = TEXT_INIT(10000), got = TEXT_INIT(10000);
	const struct sluice_mime_part *p;
	struct mime *m;

	text_addf(&body, "--b" LF "%s" LF LF LF "--b--", part_header);
	m = parse("multipart/mixed; boundary=b", body.bytes);
	p = &mime_view(m)->parts[1];
	for (size_t i = 0; i < p->name_count; i++) {
		text_adds(&got, i ? "|" : "");
		text_add(&got, p->names[i].bytes, p->names[i].len);
	}
	assert_string_equal(text_str(&got), want);
	assert_int_equal(p->odd, odd);
	mime_free(m);
}

#define D "Content-Disposition: attachment; "
#define T "Content-Type: application/octet-stream; "

static void test_names(void **state)
{
	SLUICE_CLEANUP(text_done) struct text length = TEXT_INIT(5000);

	(void)state;
	has_names("X: y", "", 0);
	has_names(D "filename=a.txt", "a.txt", 0);
	has_names(D "FileName = \"a \\\"b\\\".txt\"; size=3", "a \"b\".txt", 0);
	has_names(D LF "\tfilename=\"a" LF " b.txt\"", "a b.txt", 0);
	has_names(D "filename=two words.txt; x=y", "two words.txt", 0);
	has_names(D "filename*=UTF-8''%C3%9C.pdf", "Ü.pdf", 0);
	has_names(D "filename*=iso-8859-1'de'%DC.pdf; filename=\"_.pdf\"", "Ü.pdf|_.pdf", 0);
	has_names(D "filename*0=\"one.\"; filename*1=\"two\"; filename*2=.exe", "one.two.exe", 0);
	has_names(D "filename*1*=%C3%BC.exe; filename*0*=utf-8''g", "gü.exe", 0);
	has_names(D "filename*0*=utf-8''%41; filename*1=%41", "A%41", 0);
	has_names(T "name=\"=?utf-8?Q?=C3=9C.pdf?=\"", "Ü.pdf", 0);
	has_names(T "name==?utf-8?B?w5wucGRm?=", "Ü.pdf", 0);
	has_names(T "name=\"=?utf-8?q?a?=" LF " =?utf-8?q?b.exe?=\"", "ab.exe", 0);
	has_names(T "name=a.txt" LF D "filename=b.TXT", "b.TXT|a.txt", 0);
	/* each oddity */
	has_names(T "name=a.txt" LF D "filename=b.exe", "b.exe|a.txt", SLUICE_MIME_NAMES_DIFFER);
	has_names(D "filename=a.txt; filename=b.txt", "a.txt|b.txt", SLUICE_MIME_NAME_REPEATED);
	has_names(D "filename*0=a; filename*0=b.txt", "a", SLUICE_MIME_NAME_REPEATED);
	has_names(D "filename=\"\xc3\x9c.pdf\"", "Ü.pdf", SLUICE_MIME_NAME_EIGHT_BIT);
	has_names(D "filename=\"\xdc.pdf\"", "Ü.pdf", SLUICE_MIME_NAME_EIGHT_BIT);
	has_names(D "filename*=utf-8''=%3Futf-8%3Fq%3Fa%3F=", "a", SLUICE_MIME_NAME_ENCODED_TWICE);
	has_names(D "filename*=utf-8''a%0D.exe", "a\r.exe", SLUICE_MIME_NAME_CONTROL);
	has_names(D "filename*=utf-8''gnp%E2%80%AEexe.txt", "gnp\xe2\x80\xae" "exe.txt", SLUICE_MIME_NAME_BIDI);
	has_names(D "filename*=utf-8''a%E2%80%ADb", "a\xe2\x80\xad" "b", SLUICE_MIME_NAME_BIDI);
	has_names(D "filename*=utf-8''%E2%81%A8a%E2%81%A9.txt", "\xe2\x81\xa8" "a\xe2\x81\xa9.txt", 0); /* phones isolate names so */
	has_names(D "filename*=utf-8''%E2%80%ABa%E2%80%AC.txt", "\xe2\x80\xab" "a\xe2\x80\xac.txt", 0);
	has_names(D "filename*=iso-2022-jp''%1B%24B%248%1B%28B.pdf", "\xe3\x81\x98.pdf", 0);
	has_names(D "filename*=utf-8''%1B%5B2Ja.pdf", "\x1b[2Ja.pdf", SLUICE_MIME_NAME_CONTROL);
	has_names(D "filename=\"a.exe", "a.exe", SLUICE_MIME_NAME_OPEN);
	for (unsigned i = 0; i < 300; i++)
		text_adds(&length, "name");
	{
		SLUICE_CLEANUP(text_done) struct text header = TEXT_INIT(6000), cut = TEXT_INIT(1000);

		text_addf(&header, D "filename=%s.exe", length.bytes);
		text_add(&cut, length.bytes, 1000);
		has_names(header.bytes, cut.bytes, SLUICE_MIME_NAME_LONG);
	}
}

static void keep(void *arg, const char *text, size_t len)
{
	struct text *all = arg;

	text_addc(all, '<');
	text_add(all, text, len);
	text_addc(all, '>');
}

static void test_nul_in_names(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *want;
		size_t want_len;
	} cases[] = {
		{ "x; f*=utf-8''a%00.exe", 21, "<a\0.exe>", 8 },
		{ "x; f==?utf-8?q?a=00.exe?=", 25, "<a\0.exe>", 8 },
		{ "x; f=a\0.exe", 11, "<a .exe>", 8 }, /* as any control that is there as it is */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		SLUICE_CLEANUP(text_done) struct text all = TEXT_INIT(100);

		assert_int_equal(mime_param_find(cases[i].value, cases[i].len, "f", true, keep, &all), MIME_PARAM_CONTROL);
		assert_int_equal(all.len, cases[i].want_len);
		assert_memory_equal(all.bytes, cases[i].want, all.len);
	}
}

static void reads(const char *type, const char *body, size_t len, const char *want)
{
	struct mime *m = parse_cut(type, NULL, body, len, false);
	size_t got_len;
	const char *got = mime_text(m, 0, &got_len);

	assert_non_null(got);
	assert_int_equal(got_len, strlen(want));
	assert_memory_equal(got, want, got_len);
	assert_ptr_equal(got, mime_text(m, 0, &got_len)); /* the second time it is there */
	mime_free(m);
}

static void test_text(void **state)
{
	char much[2000];
	struct mime *m;
	size_t len;

	(void)state;
	reads("text/plain; charset=utf-8", "Gr\xc3\xbc\xc3\x9f" "e", 7, "Grüße");
	reads("text/plain; charset=\"ISO-8859-15\"", "\xa4", 1, "€");
	reads("text/plain", "Gr\xfc\xdf" "e", 5, "Grüße");
	reads("text/html", "<meta charset=\"koi8-r\">\xf0", 24, "<meta charset=\"koi8-r\">П");
	reads("text/html; charset=koi8-u", "<meta charset=utf-8>\xf0", 21, "<meta charset=utf-8>П");
	memset(much, 'a', sizeof much);
	memcpy(much + limits.text_bytes - 1, "\xc3\xbc", 2);
	m = parse_cut("text/plain", NULL, much, sizeof much, false);
	assert_non_null(mime_text(m, 0, &len));
	assert_int_equal(len, limits.text_bytes - 1);
	mime_free(m);
	m = parse("image/png", "x");
	assert_null(mime_text(m, 0, &len));
	mime_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_multiparts),
		cmocka_unit_test(test_where_containers_end),
		cmocka_unit_test(test_tricks),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nul_in_names),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
