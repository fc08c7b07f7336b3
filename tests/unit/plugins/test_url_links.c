/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "plugins/url/url_links.h"

static psl_ctx_t *psl;

static int load_suffixes(void **state)
{
	(void)state;
	psl = psl_latest(NULL);
	return psl ? 0 : -1;
}

static int free_suffixes(void **state)
{
	(void)state;
	psl_free(psl);
	return 0;
}

static bool redirects(const void *arg, const char *host, size_t len)
{
	return ascii_equals(host, len, arg);
}

static void write_names(struct text *out, const char *what, const struct text_set *set)
{
	const char *name;
	size_t at = 0, len;

	while ((name = text_set_next(set, &at, &len)))
		text_addf(out, " %s=%.*s", what, (int)len, name);
}

static void write_links(struct text *out, const struct url_links *l)
{
	text_addf(out, "%zu", l->count);
	if (l->mailto)
		text_addf(out, " mailto=%zu", l->mailto);
	write_names(out, "host", &l->hosts);
	write_names(out, "domain", &l->domains);
	write_names(out, "scheme", &l->schemes);
	write_names(out, "address", &l->addresses);
	write_names(out, "shown", &l->shown);
	text_addf(out, "%s%s%s", l->ip ? " ip" : "", l->form ? " form" : "", l->too_many ? " too_many" : "");
	if (l->tricks)
		text_addf(out, " tricks=%x", l->tricks);
}

struct row {
	const char *bytes, *want;
};

static void check(const struct row *rows, size_t count, void (*see)(struct url_links *l, const char *bytes, size_t len))
{
	for (size_t i = 0; i < count; i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4096);
		SLUICE_CLEANUP(url_links_done) struct url_links l;

		url_links_init(&l, psl, redirects, "r.example");
		see(&l, rows[i].bytes, strlen(rows[i].bytes));
		write_links(&got, &l);
		if (l.no_memory || strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", rows[i].bytes, text_str(&got), rows[i].want);
	}
}

static void text_has_links(void **state)
{
	static const struct row rows[] = {
		{ "", "0" },
		{ "nothing", "0" },
		{ "http://a.example.com/ and http://b.example.com/", "2 host=a.example.com host=b.example.com domain=example.com" },
		{ "http://a.example/ http://A.example./x", "2 host=a.example domain=a.example" },
		{ "www.example.com or example.net, http://192.0.2.1/", "3 host=www.example.com host=example.net host=192.0.2.1 domain=example.com domain=example.net ip" },
		{ "http://0x7f.1/", "1 host=127.0.0.1 ip tricks=80" },
		{ "write to a@example.net or mailto:b@example.net,c@example.net?x", "1 mailto=1 address=a@example.net address=b@example.net address=c@example.net" },
		{ "file://evil.example/share ftp://x.example/", "2 host=evil.example host=x.example domain=evil.example domain=x.example scheme=file scheme=ftp" },
		{ "http://bad..host/", "1 tricks=100" },
		{ "http://", "0" },
		{ "http://localhost/", "1 host=localhost" },
		/* r.example leads on; nobody else does */
		{ "http://r.example/?u=http://evil.example/", "2 host=r.example host=evil.example domain=r.example domain=evil.example" },
		{ "http://x.example/?u=http://evil.example/", "1 host=x.example domain=x.example" },
		{ "http://r.example/?u=http%3A%2F%2Fr.example%2F%3Fu%3Dhttp%3A%2F%2Fevil.example", "3 host=r.example host=evil.example domain=r.example domain=evil.example" },
		{ "http://r.example/http://r.example/http://r.example/http://r.example/http://r.example/http://r.example/http://deep.example/", "5 host=r.example domain=r.example" },
		{ "http://r.example/?a=http:/&b=http%2", "1 host=r.example domain=r.example" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), url_links_see_text);
}

static void html_has_links(void **state)
{
	static const struct row rows[] = {
		{ "<a href='https://a.example/'>go</a>", "1 host=a.example domain=a.example" },
		{ "<img src='cid:1'><a href='tel:1'>1</a><a href='#x'>2</a>", "2" },
		{ "<a href='java\tscript:x'>go</a>", "1 scheme=javascript tricks=4" },
		{ "<a href='DATA:text/html,x'><a href='search-ms:x'><a href='ms-msdt:y'>", "3 scheme=data scheme=search-ms scheme=ms-msdt" },
		{ "<form action='https://evil.example/'>", "1 host=evil.example domain=evil.example form" },
		{ "<form action='mail.php'>", "0 form" },
		{ "<a href='mailto:a@example.net'>b@example.net</a> c@example.net", "1 mailto=1 address=a@example.net address=c@example.net" },
		{ "text http://t.example/ <a href='http://a.example/'>http://a.example/</a> http://u.example/",
			"3 host=a.example host=t.example host=u.example domain=a.example domain=t.example domain=u.example" },
		{ "<style>a.com { background: url(http://s.example/) } p@q.com</style>", "1 host=s.example domain=s.example" },
		{ "<!--[if mso]><a href='http://m.example/'><![endif]-->", "1 host=m.example domain=m.example" },
		/* what is shown */
		{ "<a href='http://evil.example/'>www.bank.example</a>", "1 host=evil.example domain=evil.example shown=www.bank.example -> evil.example" },
		{ "<a href='http://evil.example/'> <b>https://bank.example/login</b>. </a>", "1 host=evil.example domain=evil.example shown=bank.example -> evil.example" },
		{ "<a href='http://evil.example/'>bank.com</a>", "1 host=evil.example domain=evil.example shown=bank.com -> evil.example" },
		{ "<a href='http://192.0.2.1/'>bank.com</a>", "1 host=192.0.2.1 shown=bank.com -> 192.0.2.1 ip" },
		{ "<a href='http://news.bank.com/'>www.bank.com</a>", "1 host=news.bank.com domain=bank.com" },
		{ "<a href='http://evil.example/'>visit www.bank.example</a>", "1 host=evil.example domain=evil.example" },
		{ "<a href='http://evil.example/'>a@bank.example</a>", "1 host=evil.example domain=evil.example" },
		{ "<a href='mailto:a@x.example'>www.bank.example</a>", "1 mailto=1 address=a@x.example" },
		{ "<a href='http://r.example/?u=https%3A%2F%2Fbank.example'>www.bank.example</a>", "2 host=r.example host=bank.example domain=r.example domain=bank.example" },
		{ "<a href='http://r.example/?u=https%3A%2F%2Fevil.example'>www.bank.example</a>",
			"2 host=r.example host=evil.example domain=r.example domain=evil.example shown=www.bank.example -> r.example" },
		{ "<base href='http://evil.example/'><a href='x.php'>www.bank.example</a>", "1 host=evil.example domain=evil.example shown=www.bank.example -> evil.example" },
		{ "<base href='http://bank.com/'><base href='http://evil.example/'><a href='x'>www.bank.com</a>",
			"2 host=bank.com host=evil.example domain=bank.com domain=evil.example" },
		{ "<a href='x.php'>www.bank.example</a>", "0" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), url_links_see_html);
}

static void answers_go_somewhere(void **state)
{
	static const struct row rows[] = {
		{ "", "0" },
		{ " Ann <a@example.net>", "0 address=a@example.net" },
		{ " a@example.net, \"b@x\" <b@example.net>,\r\n\t nobody", "0 address=a@example.net address=b@example.net" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), url_links_see_reply_to);
}

static void limits_hold(void **state)
{
	SLUICE_CLEANUP(text_done) struct text many = TEXT_INIT(1 << 20);
	struct url_links l;

	(void)state;
	for (unsigned i = 0; i < URL_MAX_LINKS; i++)
		text_adds(&many, "http://a.example ");
	url_links_init(&l, psl, NULL, NULL);
	url_links_see_text(&l, many.bytes, many.len);
	assert_int_equal(l.count, URL_MAX_LINKS);
	assert_false(l.too_many);
	url_links_see_text(&l, many.bytes, 20);
	assert_int_equal(l.count, URL_MAX_LINKS);
	assert_true(l.too_many);
	url_links_done(&l);

	text_clear(&many);
	for (unsigned i = 0; i < URL_MAX_NAMES; i++)
		text_addf(&many, "http://a%u.example ", i);
	url_links_init(&l, psl, NULL, NULL);
	url_links_see_text(&l, many.bytes, many.len);
	assert_int_equal(l.hosts.len, URL_MAX_NAMES);
	assert_false(l.too_many);
	url_links_see_text(&l, "http://b.example", 16);
	assert_int_equal(l.hosts.len, URL_MAX_NAMES);
	assert_true(l.too_many);
	url_links_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_links),
		cmocka_unit_test(html_has_links),
		cmocka_unit_test(answers_go_somewhere),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, load_suffixes, free_suffixes);
}
