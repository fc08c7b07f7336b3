/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/mail/html.h"

static const char *const type_words[] = { "click", "load", "submit", "refresh", "base" }; /* in the order of enum html_link_type */

/* "click https://a.example [shown]\n" for each link */
static void write_links(struct text *out, const struct html *h)
{
	for (size_t i = 0; i < h->links.len; i++) {
		const struct html_link *l = &h->links.items[i];

		text_addf(out, "%s%s %.*s", i ? "\n" : "", type_words[l->type], (int)l->url_len, html_url(h, l));
		if (l->shown_len)
			text_addf(out, " [%.*s]", (int)l->shown_len, html_shown(h, l));
	}
}

struct row {
	const char *bytes, *text, *links, *aside;
};

static void check(const struct row *row)
{
	SLUICE_CLEANUP(text_done) struct text links = TEXT_INIT(4096);
	SLUICE_CLEANUP(html_done) struct html h;

	assert_true(html_read(&h, row->bytes, strlen(row->bytes)));
	write_links(&links, &h);
	if (strcmp(text_str(&h.text), row->text) != 0)
		fail_msg("'%s': shows '%s', want '%s'", row->bytes, text_str(&h.text), row->text);
	if (strcmp(text_str(&links), row->links) != 0)
		fail_msg("'%s': leads to '%s', want '%s'", row->bytes, text_str(&links), row->links);
	if (row->aside && strcmp(text_str(&h.aside), row->aside) != 0)
		fail_msg("'%s': aside is '%s', want '%s'", row->bytes, text_str(&h.aside), row->aside);
	assert_false(h.cut);
}

static void the_text_is_what_is_shown(void **state)
{
	static const struct row rows[] = {
		{ "", "", "", "" },
		{ "plain", "plain", "", "" },
		{ " two\r\n\t words ", "two words", "", "" },
		{ "<p>one</p><p>two</p>", "one\ntwo", "", "" },
		{ "<p>one<p>two", "one\ntwo", "", "" },
		{ "one<br>two<BR/>three", "one\ntwo\nthree", "", "" },
		{ "<div><div><div>deep</div></div></div>end", "deep\nend", "", "" },
		{ "v<b>ia</b><i></i>gr<!-- no -->a", "viagra", "", " no \n" },
		{ "via<span>gra</span>", "viagra", "", "" },
		{ "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc", "", "" },
		{ "<ul><li>a<li>b</ul>c", "a\nb\nc", "", "" },
		{ "a&nbsp;b\u00a0c&#160;d", "a b c d", "", "" },
		{ "&lt;b&gt; &amp;amp; &euro;5", "<b> &amp; \u20ac5", "", "" },
		{ "a &amp b & c &; d", "a & b & c &; d", "", "" },
		{ "x < y, a<3, </3", "x < y, a<3,", "", "" },
		{ "1 <", "1 <", "", "" },
		{ "1 </", "1 </", "", "" },
		{ "a<>b", "a<>b", "", "" },
		{ "a</>b", "ab", "", "" },
		{ "a<?php echo 1 ?>b", "ab", "", "" },
		{ "a<!doctype html>b", "ab", "", "" },
		{ "<![if !mso]>shown<![endif]>", "shown", "", "" },
		{ "<title>title</title><style>p { }</style><script>1 < 2</script>body", "body", "", "title\np { }\n1 < 2\n" },
		{ "<STYLE type=x>a</b></styles></style x>b", "b", "", "a</b></styles>\n" },
		{ "<script>'</script'</script >b", "b", "", "'</script'\n" },
		{ "a<script>never ends <p>", "a", "", "never ends <p>\n" },
		{ "<textarea><b>&amp;</textarea>x", "<b>&\nx", "", "" },
		{ "<xmp><a href=x></xmp>x", "<a href=x>\nx", "", "" },
		{ "a<plaintext>b<b>", "a\nb<b>", "", "" },
		{ "a<!--b-->c<!-->d<!--->e<!--f--!>g<!--h", "acdeg", "", "b\nf\nh\n" },
		{ "a<!-- > -- > --->b", "ab", "", " > -- > -\n" },
		{ "a<b title='>'>c", "ac", "", "" },
		{ "a<b title=\"x>y\" b='\"'>c", "ac", "", "" },
		{ "a<b =x>c<b =\"y>\">d", "ac\">d", "", "" },
		{ "a<b/c/d>e", "ae", "", "" },
		{ "a<b title='never", "a", "", "<b title='never\n" },
		{ "a<b", "a", "", "<b\n" },
		{ "a<p style='color:red'>b", "a\nb", "", "color:red\n" },
		{ "<svg><text>s</text></svg>", "s", "", "" },
		{ "<verylongnameofatag_br>a</verylongnameofatag>", "a", "", "" },
		{ "\xff\xc2 \xc2", "\xff\xc2 \xc2", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void links_are_found_wherever_they_are(void **state)
{
	static const struct row rows[] = {
		{ "<a href=\"https://a.example/\">go</a>", "go", "click https://a.example/ [go]", NULL },
		{ "<A HREF='https://a.example/'>go</A>", "go", "click https://a.example/ [go]", NULL },
		{ "<a href=https://a.example/>go</a>", "go", "click https://a.example/ [go]", NULL },
		{ "<a\nhref\n=\n\"https://a.example/\"\n>go</a>", "go", "click https://a.example/ [go]", NULL },
		{ "<a/href=https://a.example>go</a>", "go", "click https://a.example [go]", NULL },
		{ "<a x=1href=2 href=\"b\"href=\"c\">go</a>", "go", "click b [go]", NULL },
		{ "<a href=' \t\nhttps://a.example\n '>go</a>", "go", "click https://a.example [go]", NULL },
		{ "<a href='https://a.example/?a=1&amp;b=2&copy=3'>go</a>", "go", "click https://a.example/?a=1&b=2&copy=3 [go]", NULL },
		{ "<a href='&#104;ttps&colon;//a&period;example'>go</a>", "go", "click https://a.example [go]", NULL },
		{ "<a href='java\nscript:x'>go</a>", "go", "click java\nscript:x [go]", NULL },
		{ "<a href=''>go</a><a href>go</a><a>go</a>", "gogogo", "", NULL },
		{ "x <a href=a> <b> one </b>two<img src=i></a> y", "x one two y", "click a [one two]\nload i", NULL },
		{ "<a href=a>one<a href=b>two</a> three", "onetwo three", "click a [one]\nclick b [two]", NULL },
		{ "<a href=a>one", "one", "click a [one]", NULL },
		{ "<a href=a><p>one</p></a>", "one", "click a [one]", NULL },
		{ "x<p><a href=a>one</a>", "x\none", "click a [one]", NULL },
		{ "<map><area href=a></map>", "", "click a", NULL },
		{ "<base href=https://b.example/>", "", "base https://b.example/", NULL },
		{ "<link rel=stylesheet href=a>", "", "load a", NULL },
		{ "<img src=a srcset='b 1x, c 2x,d'>", "", "load a\nload b\nload c\nload d", NULL },
		{ "<img srcset=', ,a, b 2x,, c,'>", "", "load a\nload b\nload c", NULL },
		{ "<img srcset=', , '>", "", "", NULL },
		{ "<form action=a><input formaction=b><button formaction=c></form>", "", "submit a\nsubmit b\nsubmit c", NULL },
		{ "<iframe src=a>b</iframe><frame src=c><embed src=d><object data=e>", "", "load a\nload c\nload d\nload e", "b\n" },
		{ "<body background=a><td background=b><video poster=c src=d><source src=e>", "", "load a\nload b\nload c\nload d\nload e", NULL },
		{ "<meta http-equiv=refresh content='0; url=https://a.example/'>", "", "refresh https://a.example/", NULL },
		{ "<meta content=\"5;URL='a b' x\" http-equiv=Refresh>", "", "refresh a b", NULL },
		{ "<meta http-equiv=refresh content='1.5,url = a'>", "", "refresh a", NULL },
		{ "<meta http-equiv=refresh content='0;a'>", "", "refresh a", NULL },
		{ "<meta http-equiv=refresh content='0;urlx'>", "", "refresh urlx", NULL },
		{ "<meta http-equiv=refresh content=5>", "", "", NULL },
		{ "<meta http-equiv=refresh>", "", "", NULL },
		{ "<meta http-equiv=refresh content=''>", "", "", NULL },
		{ "<meta name=x content='0;url=a'>", "", "", NULL },
		{ "<meta http-equiv=refresh><meta content='0;url=a'>", "", "", NULL },
		{ "<svg><a xlink:href=a>s</a><image href=b></svg>", "s", "click a [s]\nload b", NULL },
		{ "<v:roundrect href=a>", "", "click a", NULL },
		{ "<a href=\"a>b\">c</a>", "c", "click a>b [c]", NULL },
		{ "<a href=\"never", "", "", "<a href=\"never\n" },
		{ "<a href=a>x<a href=\"never", "x", "click a [x]", NULL },
		{ "</a href=a>", "", "", NULL },
		{ "<!-- <a href=a> -->", "", "", " <a href=a> \n" },
		{ "<style><a href=a></style>", "", "", "<a href=a>\n" },
		{ "<noscript><a href=a>x</a></noscript>", "x", "click a [x]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

/* Octets that ends with each of the first, many times the second. */
static void repeat(struct text *out, const char *first, const char *again, size_t times)
{
	text_clear(out);
	text_adds(out, first);
	for (size_t i = 0; i < times; i++)
		text_adds(out, again);
}

static void limits_hold(void **state)
{
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(2 * HTML_MAX_BYTES);
	struct html h;

	(void)state;
	repeat(&bytes, "", "<a href=a>", HTML_MAX_LINKS);
	assert_true(html_read(&h, bytes.bytes, bytes.len));
	assert_int_equal(h.links.len, HTML_MAX_LINKS);
	assert_false(h.cut);
	html_done(&h);
	text_adds(&bytes, "<a href=b>");
	assert_true(html_read(&h, bytes.bytes, bytes.len));
	assert_int_equal(h.links.len, HTML_MAX_LINKS);
	assert_true(h.cut);
	html_done(&h);

	repeat(&bytes, "", "a", HTML_MAX_BYTES + 1);
	assert_true(html_read(&h, bytes.bytes, bytes.len));
	assert_int_equal(h.text.len, HTML_MAX_BYTES);
	assert_true(h.cut);
	html_done(&h);
}

/* What makes a parser with a tree slow, or deep, or large; here it is read as all else. The test has a time limit. */
static void nothing_is_more_than_linear(void **state)
{
	static const struct {
		const char *first, *again;
	} rows[] = {
		{ "", "<div>" }, { "", "<b>" }, { "", "<table><tr><td>" }, { "", "<a href=x>" }, { "", "<b><div></b>" }, { "<table>", "x<b>" },
		{ "<p><b a=1><b a=2><b a=3></p>", "<p>x</p>" }, { "<svg>", "<g>" }, { "<a ", "b " }, { "<a ", "href=x " }, { "<a ", "b=" },
		{ "<a href=", "&" }, { "", "&" }, { "", "&a" }, { "", "&#" }, { "", "&CounterClockwiseContourIntegra" }, { "<!--", "-" }, { "", "<!--" },
		{ "", "<" }, { "", "</" }, { "", "<!" }, { "", "<a" }, { "", "<a '" }, { "<script>", "</scrip" }, { "<script>", "<!--" },
		{ "<img srcset='", "," }, { "<img srcset='", "a," }, { "<p>", " " }, { "", "\xc2" }, { "", "<style>" }, { "<textarea>", "</textare" },
		{ "<!--", ">" }, { "", "\"'" }, { "", "nGt;&nGt;" },
	};
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(2 * HTML_MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct html h;

		repeat(&bytes, rows[i].first, rows[i].again, 1000000 / strlen(rows[i].again));
		if (!html_read(&h, bytes.bytes, bytes.len))
			fail_msg("%s%s...: no memory", rows[i].first, rows[i].again);
		html_done(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_what_is_shown),
		cmocka_unit_test(links_are_found_wherever_they_are),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(nothing_is_more_than_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
