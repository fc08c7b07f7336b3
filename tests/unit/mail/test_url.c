/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/url.h"

static void a_url_leads_where_a_browser_goes(void **state)
{
	static const struct {
		const char *bytes;
		const char *want; /* "scheme host rest"; "": it is no URL */
		unsigned tricks;
	} rows[] = {
		{ "http://example.org", "http example.org ", 0 },
		{ "http://example.org/", "http example.org /", 0 },
		{ "HTTPS://WWW.Example.ORG:8443/A?b=c#d", "https www.example.org /A?b=c#d", 0 },
		{ "  https://example.org/ \r\n", "https example.org /", 0 },
		{ "ftp://example.org/x", "ftp example.org /x", 0 },
		{ "http://example.org.", "http example.org ", 0 },
		{ "http://example.org../x", "http example.org /x", 0 },
		{ "http://example.org?x", "http example.org ?x", 0 },
		{ "http://example.org#x", "http example.org #x", 0 },
		{ "http://example.org:80", "http example.org ", 0 },
		{ "http://example.org:", "http example.org ", 0 },
		{ "http://a_b.example.org/", "http a_b.example.org /", 0 },
		{ "http://localhost/", "http localhost /", 0 },
		/* slashes */
		{ "http:example.org", "http example.org ", 0 },
		{ "http:/example.org", "http example.org ", 0 },
		{ "http:///example.org/x", "http example.org /x", 0 },
		{ "http:\\\\example.org\\x", "http example.org \\x", URL_BACKSLASH },
		{ "http:/\\example.org/x", "http example.org /x", URL_BACKSLASH },
		{ "http://evil.example\\@bank.example/", "http evil.example \\@bank.example/", URL_BACKSLASH },
		{ "//example.org/x", "http example.org /x", 0 },
		{ "\\\\example.org\\x", "http example.org \\x", URL_BACKSLASH },
		{ "/\\example.org", "http example.org ", URL_BACKSLASH },
		/* what browsers leave out */
		{ "ht\ntp://example.org", "http example.org ", URL_CONTROL },
		{ "http://exam\tple.org/", "http example.org /", URL_CONTROL },
		{ "http:/\n/example.org/", "http example.org /", URL_CONTROL },
		{ "http://example.org/a\tb", "http example.org /a\tb", 0 },
		{ "\x01\x1fhttp://example.org\x02", "http example.org ", 0 },
		/* userinfo */
		{ "http://bank.example@evil.example/", "http evil.example /", URL_USERINFO },
		{ "http://user:secret@evil.example:80/", "http evil.example /", URL_USERINFO },
		{ "http://a@b@evil.example/", "http evil.example /", URL_USERINFO },
		{ "http://bank.example%2f@evil.example/", "http evil.example /", URL_USERINFO },
		{ "http://@evil.example/", "http evil.example /", URL_USERINFO },
		{ "http://evil.example/@bank.example", "http evil.example /@bank.example", 0 },
		{ "http://evil.example?@bank.example", "http evil.example ?@bank.example", 0 },
		{ "http://evil.example#@bank.example", "http evil.example #@bank.example", 0 },
		/* escapes */
		{ "http://%65vil.example/", "http evil.example /", URL_PERCENT_HOST },
		{ "http://evil%2Eexample/", "http evil.example /", URL_PERCENT_HOST },
		{ "http://b%C3%BCcher.example/", "http xn--bcher-kva.example /", URL_PERCENT_HOST | URL_IDN },
		{ "http://evil.example%2f.bank.example/", "http  /", URL_PERCENT_HOST | URL_BAD_HOST },
		{ "http://evil%00.example/", "http  /", URL_PERCENT_HOST | URL_BAD_HOST },
		{ "http://evil%.example/", "http  /", URL_BAD_HOST },
		{ "http://evil%zz.example/", "http  /", URL_BAD_HOST },
		/* IDN */
		{ "http://b\u00fccher.example/", "http xn--bcher-kva.example /", URL_IDN },
		{ "http://B\u00dcCHER.example/", "http xn--bcher-kva.example /", URL_IDN },
		{ "http://xn--bcher-kva.example/", "http xn--bcher-kva.example /", URL_IDN },
		{ "http://www.xn--bcher-kva.example/", "http www.xn--bcher-kva.example /", URL_IDN },
		{ "http://p\u0430ypal.example/", "http xn--pypal-4ve.example /", URL_IDN | URL_MIXED_SCRIPT },
		{ "http://xn--pypal-4ve.example/", "http xn--pypal-4ve.example /", URL_IDN | URL_MIXED_SCRIPT },
		{ "http://\u0440\u0430\u0443.example/", "http xn--80a5ak.example /", URL_IDN },
		{ "http://\u03b1bc.example/", "http xn--bc-b9b.example /", URL_IDN | URL_MIXED_SCRIPT },
		{ "http://\u4f8b\u3048.example/", "http xn--r8jz45g.example /", URL_IDN },
		{ "http://xn--a.example/", "http xn--a.example /", URL_IDN },
		{ "http://\uff45\uff56\uff49\uff4c.example/", "http evil.example /", 0 },
		{ "http://evil\u3002example/", "http evil.example /", URL_ODD_DOT },
		{ "http://evil\uff0eexample\uff61/", "http evil.example /", URL_ODD_DOT },
		{ "http://evil\u00ad.example/", "http evil.example /", 0 },
		{ "http://evil\xff.example/", "http  /", URL_BAD_HOST },
		/* addresses */
		{ "http://192.0.2.1/", "http 192.0.2.1 /", 0 },
		{ "http://192.0.2.1./", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://3221225985/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://0xc0000201/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://0xC0.0x00.0x02.0x01/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://0300.0.02.01/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://192.513/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://192.0.513/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://0x.0x.0/", "http 0.0.0.0 /", URL_ODD_IP },
		{ "http://%31%39%32.0.2.1/", "http 192.0.2.1 /", URL_PERCENT_HOST | URL_ODD_IP },
		{ "http://\uff11\uff19\uff12.0.2.1/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://192\u30020\u30022\u30021/", "http 192.0.2.1 /", URL_ODD_IP | URL_ODD_DOT },
		{ "http://192.0.2.256/", "http  /", URL_BAD_HOST },
		{ "http://192.0.2.1.5/", "http  /", URL_BAD_HOST },
		{ "http://4294967296/", "http  /", URL_BAD_HOST },
		{ "http://256.1/", "http  /", URL_BAD_HOST },
		{ "http://1.16777216/", "http  /", URL_BAD_HOST },
		{ "http://09.1/", "http  /", URL_BAD_HOST },
		{ "http://example.09/", "http  /", URL_BAD_HOST },
		{ "http://99999999999999999999999/", "http  /", URL_BAD_HOST },
		{ "http://1.2.3.example/", "http 1.2.3.example /", 0 },
		{ "http://0xfg/", "http 0xfg /", 0 },
		{ "http://[2001:db8::1]/", "http 2001:db8::1 /", 0 },
		{ "http://[2001:DB8::1]:8080/x", "http 2001:db8::1 /x", 0 },
		{ "http://[2001:db8:0::1]/", "http 2001:db8::1 /", URL_ODD_IP },
		{ "http://[::ffff:192.0.2.1]/", "http 192.0.2.1 /", URL_ODD_IP },
		{ "http://u@[2001:db8::1]/", "http 2001:db8::1 /", URL_USERINFO },
		{ "http://[2001:db8::1/", "http  /", URL_BAD_HOST },
		{ "http://[192.0.2.1]/", "http  /", URL_BAD_HOST },
		{ "http://[fe80::1%25eth0]/", "http  /", URL_BAD_HOST },
		{ "http://[]/", "http  /", URL_BAD_HOST },
		/* no hosts */
		{ "http://exa mple.org/", "http  /", URL_BAD_HOST },
		{ "http://exa<mple.org/", "http  /", URL_BAD_HOST },
		{ "http://.example.org/", "http  /", URL_BAD_HOST },
		{ "http://example..org/", "http  /", URL_BAD_HOST },
		{ "http://./", "http  /", URL_BAD_HOST },
		{ "http://:80/", "http  /", URL_BAD_HOST },
		{ "http://?x", "http  ?x", URL_BAD_HOST },
		{ "http://", "", 0 },
		{ "http:", "", 0 },
		{ "//", "", 0 },
		/* other schemes */
		{ "mailto:user@example.org?subject=x", "mailto  user@example.org?subject=x", 0 },
		{ "javascript:alert(1)", "javascript  alert(1)", 0 },
		{ "java\nscript:alert(1)", "javascript  alert(1)", URL_CONTROL },
		{ "data:text/html,<b>", "data  text/html,<b>", 0 },
		{ "VBScript:x", "vbscript  x", 0 },
		{ "ms-msdt:/id PCWDiagnostic", "ms-msdt  /id PCWDiagnostic", 0 },
		{ "search-ms:query=x&crumb=location:\\\\evil.example@80\\x", "search-ms  query=x&crumb=location:\\\\evil.example@80\\x", 0 },
		{ "file://evil.example/share", "file evil.example /share", 0 },
		{ "file:\\\\evil.example\\share", "file evil.example \\share", URL_BACKSLASH },
		{ "file:///C:/x", "file  ///C:/x", 0 },
		{ "xmpp://User@Example.org/x", "xmpp example.org /x", URL_USERINFO },
		{ "tel:+123", "tel  +123", 0 },
		/* relative */
		{ "", "", 0 },
		{ "  ", "", 0 },
		{ "index.html", "", 0 },
		{ "/path", "", 0 },
		{ "\\path", "", 0 },
		{ "#here", "", 0 },
		{ "?a=b:c", "", 0 },
		{ "a/b:c", "", 0 },
		{ ":80", "", 0 },
		{ "1http://example.org", "", 0 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdd:x", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);
		struct url u;

		if (url_read(rows[i].bytes, strlen(rows[i].bytes), &u))
			text_addf(&got, "%s %s %.*s", u.scheme, u.host, (int)u.rest_len, u.rest);
		if (strcmp(text_str(&got), rows[i].want) != 0 || (got.len && u.tricks != rows[i].tricks))
			fail_msg("'%s': got '%s' %x, want '%s' %x", rows[i].bytes, text_str(&got), got.len ? u.tricks : 0, rows[i].want, rows[i].tricks);
	}
}

static void a_host_of_any_length_is_read(void **state)
{
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(200000);
	struct url u;

	(void)state;
	text_adds(&bytes, "http://");
	for (unsigned i = 0; i < 100000; i++)
		text_addc(&bytes, 'a');
	assert_true(url_read(bytes.bytes, bytes.len, &u));
	assert_int_equal(u.tricks, URL_BAD_HOST);
	text_adds(&bytes, "@evil.example/");
	assert_true(url_read(bytes.bytes, bytes.len, &u));
	assert_string_equal(u.host, "evil.example");
}

static void the_registrable_domain_is_that_of_the_list(void **state)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
		{ "http://example.com", "example.com" },
		{ "http://a.b.example.com", "example.com" },
		{ "http://a.b.example.co.uk", "example.co.uk" },
		{ "http://co.uk", "co.uk" },
		{ "http://someone.github.io", "someone.github.io" },
		{ "http://github.io", "github.io" },
		{ "http://a.b.nosuchtld", "b.nosuchtld" },
		{ "http://www.b\u00fccher.de", "xn--bcher-kva.de" },
		{ "http://localhost", NULL },
		{ "http://192.0.2.1", NULL },
		{ "http://[2001:db8::1]", NULL },
		{ "http://bad host.example", NULL },
		{ "javascript:x", NULL },
	};
	psl_ctx_t *psl = psl_latest(NULL);

	(void)state;
	assert_non_null(psl);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got;
		struct url u;

		assert_true(url_read(rows[i].bytes, strlen(rows[i].bytes), &u));
		got = url_domain(psl, &u);
		if ((!got) != (!rows[i].want) || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("'%s': got '%s', want '%s'", rows[i].bytes, got ? got : "none", rows[i].want ? rows[i].want : "none");
	}
	psl_free(psl);
}

static void finds_urls_within_urls(void **state)
{
	static const struct {
		const char *bytes, *want; /* each with a blank behind it */
	} rows[] = {
		{ "https://r.example/", "" },
		{ "https://r.example/?url=https://evil.example/x", "https://evil.example/x " },
		{ "https://r.example/?a=1&url=https%3A%2F%2Fevil.example%2F%3Fb%3D2&c=3", "https://evil.example/?b=2 " },
		{ "https://r.example/?u=https%253A%252F%252Fevil.example", "https://evil.example " },
		{ "https://r.example/?u=https%25253A%25252F%25252Fevil.example", "https://evil.example " },
		{ "https://r.example/https://evil.example/x", "https://evil.example/x " },
		{ "https://r.example/l/http%3A%5C%5Cevil.example/x", "http:\\\\evil.example/x " },
		{ "https://r.example/amp/s/HTTP:/evil.example", "HTTP:/evil.example " },
		{ "https://r.example/#https://evil.example", "https://evil.example " },
		{ "https://r.example/?a=http://a.example&b=http://b.example", "http://a.example http://b.example " },
		{ "https://r.example/?a=http:&b=https:x&c=:&d=%", "" },
		{ "https://r.example/?u=%68%74%74%70://evil.example", "http://evil.example " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text inner = TEXT_INIT(1024);
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);
		struct url u;

		assert_true(url_read(rows[i].bytes, strlen(rows[i].bytes), &u));
		for (size_t at = 0; url_next_inner(&u, &at, &inner);)
			text_addf(&got, "%s ", inner.bytes);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].bytes, text_str(&got), rows[i].want);
	}
}

static void finds_addresses_within_urls(void **state)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
		{ "mailto:a@example.org", "a@example.org " },
		{ "mailto:a@example.org,b%40example.net?subject=c@example.com", "a@example.org b@example.net " },
		{ "MAILTO:a@example.org?x", "a@example.org " },
		{ "mailto:?to=a@example.org", "" },
		{ "mailto:a,b@,@c,d@e", "" },
		{ "mailto:", "" },
		{ "mailto:,,a@example.org,", "a@example.org " },
		{ "http:a@example.org", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(1024);
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);
		struct url u;

		assert_true(url_read(rows[i].bytes, strlen(rows[i].bytes), &u));
		for (size_t at = 0; url_next_address(&u, &at, &address);)
			text_addf(&got, "%s ", address.bytes);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].bytes, text_str(&got), rows[i].want);
	}
}

static void finds_what_a_mail_program_makes_a_link_of(void **state)
{
	static const struct {
		const char *text, *want; /* each in brackets: [url], <domain>, (address) */
	} rows[] = {
		{ "", "" },
		{ "no links here. None at all: really", "" },
		{ "see http://example.org/ now", "[http://example.org/]" },
		{ "http://example.org", "[http://example.org]" },
		{ "(http://example.org/a_(b))", "[http://example.org/a_(b)]" },
		{ "(see http://example.org/a).", "[http://example.org/a]" },
		{ "http://example.org/a)b]", "[http://example.org/a]" },
		{ "<http://example.org/a>", "[http://example.org/a]" },
		{ "\"http://example.org/a\"", "[http://example.org/a]" },
		{ "'http://example.org/a'.", "[http://example.org/a]" },
		{ "\u201chttp://example.org/a\u201d", "[http://example.org/a]" },
		{ "http://example.org/a, http://example.net/b; http://example.com/c!", "[http://example.org/a][http://example.net/b][http://example.com/c]" },
		{ "http://example.org/a,http://example.net/b", "[http://example.org/a][http://example.net/b]" },
		{ "[text](http://example.org/a)", "[http://example.org/a]" },
		{ "[http://example.org/a](https://example.net/b)", "[http://example.org/a][https://example.net/b]" },
		{ "http://[2001:db8::1]/x]", "[http://[2001:db8::1]/x]" },
		{ "http://example.org/?u=http://example.net/", "[http://example.org/?u=http://example.net/]" },
		{ "> http://example.org/a", "[http://example.org/a]" },
		{ "text:http://example.org", "[http://example.org]" },
		{ "clickhttp://example.org", "[http://example.org]" },
		{ "HTTP:\\\\example.org\\a", "[HTTP:\\\\example.org\\a]" },
		{ "http://u:p@example.org/", "[http://u:p@example.org/]" },
		{ "http://example\u3002org\u3002", "[http://example\u3002org]" },
		{ "http://b\u00fccher.example/\u00e4", "[http://b\u00fccher.example/\u00e4]" },
		{ "\u300chttp://example.org/\u300d", "[http://example.org/]" },
		{ "http:// http: http:/ https", "[http://][http:/]" },
		{ "ftp://example.org/x file://evil.example/y", "[ftp://example.org/x][file://evil.example/y]" },
		{ "mailto:a@example.org", "[mailto:a@example.org]" },
		{ "javascript:alert(1) 12:30 a:b", "" },
		{ "url(http://example.org/a.png);background:url('http://example.net/b')", "[http://example.org/a.png][http://example.net/b]" },
		/* without a scheme */
		{ "www.example.nosuchtld", "<www.example.nosuchtld>" },
		{ "Visit WWW.EXAMPLE.COM today", "<WWW.EXAMPLE.COM>" },
		{ "www.example.com/a?b=c.", "<www.example.com/a?b=c>" },
		{ "www. www.com", "<www.com>" },
		{ "go to example.com now", "<example.com>" },
		{ "example.com.", "<example.com>" },
		{ "(example.com)", "<example.com>" },
		{ "example.com/a b", "<example.com/a>" },
		{ "example.com:8080/a", "<example.com:8080/a>" },
		{ "example.com:", "<example.com>" },
		{ "example.co.uk,example.net", "<example.co.uk><example.net>" },
		{ "b\u00fccher.de", "<b\u00fccher.de>" },
		{ "the end.In fact Mr.Smith", "" },
		{ "the end.nosuchtld e.g. i.e. 1.5 3.14 10.000", "" },
		{ "a/b/example.com x=example.com #example.com", "" },
		{ "192.0.2.1", "" },
		{ "...example.com...", "<example.com>" },
		{ "com org .com", "" },
		{ "exa_mple.com", "" },
		/* addresses */
		{ "write to user@example.org.", "(user@example.org)" },
		{ "<user+tag@example.org>", "(user+tag@example.org)" },
		{ "a.b-c@mail.example.org, d@example.net", "(a.b-c@mail.example.org)(d@example.net)" },
		{ "@handle user@ a@b a@@b.example a@b@c.example", "" },
		{ "user@example.org/x", "(user@example.org)" },
	};
	psl_ctx_t *psl = psl_latest(NULL);

	(void)state;
	assert_non_null(psl);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char *const brackets[] = { "[]", "<>", "()" }; /* in the order of enum url_span_type */
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);
		struct url_span span;

		for (size_t at = 0; url_find(psl, rows[i].text, strlen(rows[i].text), &at, &span);)
			text_addf(&got, "%c%.*s%c", brackets[span.type][0], (int)span.len, span.bytes, brackets[span.type][1]);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].text, text_str(&got), rows[i].want);
	}
	psl_free(psl);
}

/* 1 MB of what could make it go back and forth. The test has a time limit. */
static void nothing_is_more_than_linear(void **state)
{
	static const char *const rows[] = {
		"a", "a.", ".", "@", "a@", "a@b.", "http:", "http:/", "http://", "http://a,", ",http://a", "www.", "www.a", ":", "(", ")", "http://a(", "http://a)",
		"\u3002", "\xe3", "\xc3\xa4", "a.com/", "a.com ", "%25", "a.com:1", "http://a.example,http:/", "a.com,", "-", "_.com", "a.com(", "http://x\u3002",
	};
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(1 << 20);
	SLUICE_CLEANUP(text_done) struct text inner = TEXT_INIT(1 << 20);
	psl_ctx_t *psl = psl_latest(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct url_span span;
		struct url u;

		text_clear(&bytes);
		while (!bytes.failed)
			text_adds(&bytes, rows[i]);
		for (size_t at = 0; url_find(psl, bytes.bytes, bytes.len, &at, &span);) {
			if (!url_read_span(&span, &u))
				continue;
			for (size_t within = 0; url_next_inner(&u, &within, &inner);)
				;
		}
	}
	psl_free(psl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_leads_where_a_browser_goes),
		cmocka_unit_test(a_host_of_any_length_is_read),
		cmocka_unit_test(the_registrable_domain_is_that_of_the_list),
		cmocka_unit_test(finds_urls_within_urls),
		cmocka_unit_test(finds_addresses_within_urls),
		cmocka_unit_test(finds_what_a_mail_program_makes_a_link_of),
		cmocka_unit_test(nothing_is_more_than_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
