/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/mail/tokens.h"

static psl_ctx_t *psl;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "[a] [a b] [subject:c]", in the order of the alphabet. */
static void write_tokens(struct text *out, const struct tokens *t)
{
	char *shown[TOKENS_MAX];
	size_t count;

	(void)tokens_ids(t, &count);
	for (size_t i = 0; i < count; i++) {
		size_t len;
		const char *bytes = tokens_shown(t, i, &len);

		shown[i] = strndup(bytes, len);
		assert_non_null(shown[i]);
	}
	qsort(shown, count, sizeof shown[0], by_text);
	for (size_t i = 0; i < count; i++) {
		text_addf(out, "%s[%s]", out->len ? " " : "", shown[i]);
		free(shown[i]);
	}
}

static struct tokens *take(const char *bytes, size_t len)
{
	struct tokens *t = tokens_new(psl);

	assert_non_null(t);
	assert_true(tokens_of_message(t, bytes, len));
	return t;
}

/* Ends of lines as SMTP has them. */
static void with_crlf(struct text *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			text_addc(out, '\r');
		text_addc(out, bytes[i]);
	}
}

static void expect(const char *message, const char *want)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1 << 20), crlf = TEXT_INIT(1 << 20), got_crlf = TEXT_INIT(1 << 20);
	struct tokens *t = take(message, strlen(message));

	with_crlf(&crlf, message, strlen(message));
	write_tokens(&got, t);
	tokens_free(t);
	t = take(crlf.bytes, crlf.len);
	write_tokens(&got_crlf, t);
	tokens_free(t);
	if (strcmp(text_str(&got), want) != 0)
		fail_msg("'%s':\n got %s\nwant %s", message, text_str(&got), want);
	if (strcmp(text_str(&got_crlf), want) != 0)
		fail_msg("'%s' with CRLF: got %s", message, text_str(&got_crlf));
}

/* Of a text alone. */
#define REST "[charset:utf-8] [to:none] [type:text/plain]"
static const struct {
	const char *text, *want;
} texts[] = {
	{ "", REST },
	{ "Cheap PILLS", "[charset:utf-8] [cheap] [cheap pills] [pills] [to:none] [type:text/plain]" },
	{ "cheap,\n   pills! cheap\npills", "[charset:utf-8] [cheap] [cheap pills] [pills] [pills cheap] [to:none] [type:text/plain]" },
	{ "such a deal", "[charset:utf-8] [deal] [such] [such deal] [to:none] [type:text/plain]" },
	{ "don't", "[charset:utf-8] [dont] [to:none] [type:text/plain]" },
	{ "$100 1,250,000.50 50% 2026", "[#########] [######### 50%] [$100] [$100 #########] [2026] [50%] [50% 2026] " REST },
	{ "r\xc3\xa9sum\xc3\xa9 re\xcc\x81sume\xcc\x81", "[charset:utf-8] [resume] [resume resume] [to:none] [type:text/plain]" },
	{ "v\xc2\xadi\xe2\x80\x8b" "agra", "[charset:utf-8] [to:none] [type:text/plain] [viagra]" },
	{ "\xef\xbc\xb6\xef\xbd\x89\xef\xbd\x90 \xf0\x9d\x90\x85\xf0\x9d\x90\x91\xf0\x9d\x90\x84\xf0\x9d\x90\x84",
		"[charset:utf-8] [free] [to:none] [type:text/plain] [vip] [vip free]" },
	{ "\xd0\x9c\xd0\x9e\xd0\x99", REST " [\xd0\xbc\xd0\xbe\xd0\xb8]" },
	{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", REST " [\xe6\x97\xa5\xe6\x9c\xac] [\xe6\x9c\xac\xe8\xaa\x9e]" },
	{ "\xe6\x97\xa5 x \xe0\xb8\x81\xe0\xb8\x82", REST " [\xe0\xb8\x81\xe0\xb8\x82] [\xe6\x97\xa5]" },
	{ "buy \xf0\x9f\x94\xa5 now", "[buy] [buy now] [charset:utf-8] [now] [to:none] [type:text/plain] [\xf0\x9f\x94\xa5]" },
	{ "abcdefghijklmnopqrstuvwxyzabcdefghij", "[a..30] [charset:utf-8] [to:none] [type:text/plain]" },
	{ "see https://www.shop.Example.co.uk/cheap/pills?id=7. now",
		"[charset:utf-8] [now] [path:cheap] [path:pills] [see] [see now] [to:none] [type:text/plain] [url:example.co.uk] [url:www.shop.example.co.uk]" },
	{ "www.example.org/", "[charset:utf-8] [to:none] [type:text/plain] [url:example.org] [url:www.example.org]" },
	{ "\xff\xfe bad \xc3", "[bad] [charset:utf-8] [to:none] [type:text/plain]" },
};

static void reads_words_as_people_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(4096);

		text_addf(&message, "Content-Type: text/plain; charset=UTF-8\n\n%s", texts[i].text);
		expect(text_str(&message), texts[i].want);
	}
}

static void reads_the_header(void **state)
{
	(void)state;
	expect("From: =?utf-8?q?B=C3=A9la?= Shop <Sales@News.Example.org>\nReply-To: x@example.net\nTo: a@example.com,\n b@example.com\n"
	       "Subject: =?utf-8?b?Q2hlYXA=?= pills\nMessage-ID: <1@mail.example.org>\nUser-Agent: Bulk/2.0\n\n",
		"[from-domain:example.org] [from-domain:news.example.org] [from-name:bela] [from-name:bela shop] [from-name:shop] "
		"[from:sales@news.example.org] [mailer:20] [mailer:bulk] [mailer:bulk 20] [message-id:same] [reply-to-domain:example.net] [reply-to:x@example.net] "
		"[subject:cheap] [subject:cheap pills] [subject:pills] [to:few] [type:text/plain]");
}

static void an_address_with_a_fold_in_it_is_none(void **state)
{
	(void)state;
	expect("From: \"a\n b\"@example.net\n\n", "[from-domain:example.net] [to:none] [type:text/plain]");
}

static void reads_the_parts(void **state)
{
	(void)state;
	expect("To: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html; charset=us-ascii\n\n"
	       "<p>Good <b>day</b> <a href=\"http://evil.example/x\">bank</a><img src=\"cid:1\">\n--b\nContent-Type: application/pdf; name=\"a.b.PDF\"\n\nwords\n--b--\n",
		"[bank] [charset:us-ascii] [day] [day bank] [ext:pdf] [good] [good day] [to:one] [type:application/pdf] [type:multipart/mixed] [type:text/html] "
		"[url:evil.example]");
}

/* A mail as the mail server hands it to us, and its copy in a mailbox. */
#define MAIL_TOP "Received: from mail.example.net by mx.example.org; Thu, 26 Nov 2026 09:00:00 +0100\r\n"
#define MAIL                                                                                                                            \
	"From: A <a@example.net>\nTo: undisclosed-recipients:;\nSubject: =?utf-8?q?An_offer?=\n for you\nMIME-Version: 1.0\n"          \
	"Content-Type: multipart/alternative; boundary=\"=_x\"\n\n--=_x\nContent-Type: text/plain; charset=iso-8859-1\n"              \
	"Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe aus K=F6ln, und ein sehr langer Satz, der weiter=\ngeht.\n"          \
	"--=_x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPHA+SGVsbG8sIDxhIGhyZWY9Imh0dHBzOi8vd3d3\n" \
	"LmV4YW1wbGUub3JnL29mZmVyIj53b3JsZDwvYT4K\n--=_x--\n"

static void the_copy_in_a_mailbox_has_the_same(void **state)
{
	static const char *const added[] = {
		"From a@example.net Thu Nov 26 09:00:00 2026\n", "Return-Path: <a@example.net>\n", "Delivered-To: u@example.org\n", "X-Original-To: u@example.org\n",
		"Received: by mx.example.org; Thu, 26 Nov 2026 09:00:01 +0100\n", "Authentication-Results: mx.example.org; spf=pass\n",
		"X-Spam-Status: Yes, score=9\n", "Status: RO\n", "X-UID: 7\n", "List-Id: <l.example.org>\n", "Date: Thu, 26 Nov 2026 09:00:00 +0100\n",
		"Message-Id: <202611260800.1@mx.example.org>\n",
	};
	SLUICE_CLEANUP(text_done) struct text seen = TEXT_INIT(1 << 20), copy = TEXT_INIT(1 << 20), want = TEXT_INIT(1 << 20), got = TEXT_INIT(1 << 20);
	struct tokens *t;

	(void)state;
	text_adds(&seen, MAIL_TOP);
	with_crlf(&seen, MAIL, strlen(MAIL));
	t = take(seen.bytes, seen.len);
	write_tokens(&want, t);
	tokens_free(t);
	assert_non_null(strstr(text_str(&want), "[subject:offer for]"));
	assert_non_null(strstr(text_str(&want), "[weitergeht]"));
	assert_non_null(strstr(text_str(&want), "[url:example.org]"));
	for (size_t i = 0; i + 1 < sizeof added / sizeof added[0]; i++)
		text_adds(&copy, added[i]);
	text_adds(&copy, MAIL);
	t = take(copy.bytes, copy.len);
	write_tokens(&got, t);
	tokens_free(t);
	assert_string_equal(text_str(&got), text_str(&want));
}

static void check_order(const struct tokens *t)
{
	size_t count;
	const uint64_t *ids = tokens_ids(t, &count);

	assert_true(count <= TOKENS_MAX && (!count || ids[0] != 0));
	for (size_t i = 1; i < count; i++)
		assert_true(ids[i - 1] < ids[i]);
}

static void has_an_end(void **state)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(32 << 20), got = TEXT_INIT(1 << 20);
	struct tokens *t;
	size_t count;

	(void)state;
	text_adds(&message, "Subject: last\n\n");
	for (unsigned i = 0; i < 20000; i++)
		text_addf(&message, "w%ux\n", i * 7919u % 20000u);
	text_adds(&message, "https://late.example/link very end\n");
	t = take(message.bytes, message.len);
	(void)tokens_ids(t, &count);
	assert_in_range(count, TOKENS_MAX * 3 / 4, TOKENS_MAX);
	check_order(t);
	write_tokens(&got, t);
	assert_non_null(strstr(text_str(&got), "[subject:last]"));
	assert_non_null(strstr(text_str(&got), "[w0x]"));
	assert_non_null(strstr(text_str(&got), "[very end]"));
	tokens_free(t);

	text_clear(&message);
	text_adds(&message, "\n\n");
	for (unsigned i = 0; i < 10000000; i++)
		text_addc(&message, 'a');
	t = take(message.bytes, message.len);
	check_order(t);
	text_clear(&got);
	write_tokens(&got, t);
	assert_string_equal(text_str(&got), "[a..100] [to:none] [type:text/plain]");
	tokens_free(t);

	text_clear(&message);
	text_adds(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (unsigned i = 0; i < 100000; i++)
		text_addf(&message, "--b\nContent-Type: a/b%u\n\nx\n", i);
	t = take(message.bytes, message.len);
	check_order(t);
	tokens_free(t);
}

/* So much is read of a text, however its lines end. */
static void a_text_is_cut_at_the_same_word(void **state)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(1 << 20), crlf = TEXT_INIT(1 << 20), got = TEXT_INIT(1 << 20), got_crlf = TEXT_INIT(1 << 20);
	struct tokens *t;

	(void)state;
	text_adds(&message, "\n\n");
	while (message.len < TOKENS_MAX_TEXT_BYTES)
		text_adds(&message, "the same again\n");
	text_adds(&message, "beyond the end\n");
	t = take(message.bytes, message.len);
	write_tokens(&got, t);
	tokens_free(t);
	with_crlf(&crlf, message.bytes, message.len);
	t = take(crlf.bytes, crlf.len);
	write_tokens(&got_crlf, t);
	tokens_free(t);
	assert_string_equal(text_str(&got), text_str(&got_crlf));
	assert_null(strstr(text_str(&got), "beyond"));
}

/* What is behind many innocent words, or a part of many, is seen. */
static void nothing_hides_behind_many_words(void **state)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(1 << 20), got = TEXT_INIT(1 << 20), got_crlf = TEXT_INIT(1 << 20), crlf = TEXT_INIT(1 << 20);
	struct tokens *t;

	(void)state;
	text_adds(&message, "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n");
	for (unsigned i = 0; i < 3000; i++)
		text_addf(&message, "w%ux%s", i, i % 9 ? " " : "\n");
	text_adds(&message, "\ncheap pills\n--b\nContent-Type: text/html\n\n<p>enlarge it <a href=http://evil.example>now</a>\n--b--\n");
	t = take(message.bytes, message.len);
	check_order(t);
	write_tokens(&got, t);
	tokens_free(t);
	with_crlf(&crlf, message.bytes, message.len);
	t = take(crlf.bytes, crlf.len);
	write_tokens(&got_crlf, t);
	tokens_free(t);
	assert_non_null(strstr(text_str(&got), "[w0x]"));
	assert_non_null(strstr(text_str(&got), "[cheap pills]"));
	assert_non_null(strstr(text_str(&got), "[enlarge it]"));
	assert_non_null(strstr(text_str(&got), "[url:evil.example]"));
	assert_null(strstr(text_str(&got), "[w1500x]"));
	assert_string_equal(text_str(&got), text_str(&got_crlf));
}

/* So much of a page is looked at for the charset that it says it has. */
static void a_page_has_the_same_charset(void **state)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(4096);

	(void)state;
	text_adds(&message, "Content-Type: text/html\n\n");
	for (unsigned i = 0; i < 900; i++)
		text_addc(&message, '\n');
	text_adds(&message, "<meta charset=koi8-r><p>\xcd\xc9\xd2");
	expect(text_str(&message), "[to:none] [type:text/html] [\xd0\xbc\xd0\xb8\xd1\x80]");
}

static void a_field_is_cut_at_the_same_word(void **state)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(20000);

	(void)state;
	text_adds(&message, "Subject: x");
	for (unsigned i = 0; i < 2000; i++)
		text_adds(&message, "\n aa");
	text_adds(&message, "\n beyond\n\n");
	expect(text_str(&message), "[subject:aa] [subject:aa aa] [to:none] [type:text/plain]");
}

/* What was learned is found again after an update only if these do not change; if they have to, TOKENS_VERSION does, too. */
static void ids_are_for_ever(void **state)
{
	static const struct {
		const char *shown;
		uint64_t id;
	} want[] = {
		{ "cheap", UINT64_C(0x2adb7e16c206fa81) },
		{ "cheap pills", UINT64_C(0x34bb124784f27832) },
		{ "subject:pills", UINT64_C(0xf0141b270d47cf9f) },
		{ "to:none", UINT64_C(0x76179c79e7452dd2) },
	};
	struct tokens *t = take("Subject: pills\n\ncheap pills", 27);
	size_t count, found = 0;
	const uint64_t *ids = tokens_ids(t, &count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
			size_t len;
			const char *shown = tokens_shown(t, i, &len);

			if (len != strlen(want[k].shown) || memcmp(shown, want[k].shown, len) != 0)
				continue;
			if (ids[i] != want[k].id)
				fail_msg("%s is 0x%016llx", want[k].shown, (unsigned long long)ids[i]);
			found++;
		}
	assert_int_equal(found, sizeof want / sizeof want[0]);
	tokens_free(t);
}

static void one_message_leaves_nothing_to_the_next(void **state)
{
	static const char one[] = "Subject: one\n\nwords of the first", other[] = "Subject: other\n\nwords";
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1 << 20);
	struct tokens *t = take(one, sizeof one - 1);

	(void)state;
	assert_true(tokens_of_message(t, other, sizeof other - 1));
	write_tokens(&got, t);
	assert_string_equal(text_str(&got), "[subject:other] [to:none] [type:text/plain] [words]");
	tokens_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_words_as_people_do),
		cmocka_unit_test(reads_the_header),
		cmocka_unit_test(an_address_with_a_fold_in_it_is_none),
		cmocka_unit_test(reads_the_parts),
		cmocka_unit_test(the_copy_in_a_mailbox_has_the_same),
		cmocka_unit_test(has_an_end),
		cmocka_unit_test(a_text_is_cut_at_the_same_word),
		cmocka_unit_test(nothing_hides_behind_many_words),
		cmocka_unit_test(a_page_has_the_same_charset),
		cmocka_unit_test(a_field_is_cut_at_the_same_word),
		cmocka_unit_test(ids_are_for_ever),
		cmocka_unit_test(one_message_leaves_nothing_to_the_next),
	};
	int failed;

	psl = psl_latest(NULL);
	failed = psl ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
	psl_free(psl);
	return failed;
}
