/* SPDX-License-Identifier: BSD-2-Clause */
/* Notes in the place of parts, and texts at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "filter/base/text.h"
#include "filter/mail/mime_rewrite.h"

static const struct mime_limits limits = { .parts = 50, .depth = 10, .header_bytes = 4000, .content_bytes = 1 << 20, .text_bytes = 1000 };

#define LF "\r\n"
#define NOTE "Content-Type: text/plain; charset=utf-8" LF "Content-Transfer-Encoding: 7bit" LF "Content-Disposition: inline" LF LF
#define MIXED "multipart/mixed; boundary=b"

struct wanted {
	const char *type, *body; /* of the message */
	const char *sections;    /* of the parts that get the note "gone", with a blank behind each */
	const char *appended;
	const char *want_type, *want; /* NULL: the type stays */
};

static void rewrites(const struct wanted *c)
{
	struct mime *m = mime_new(&limits);
	struct arena *arena = arena_new(1 << 20);
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000), fields = TEXT_INIT(1000);
	struct sluice_text body = { c->body, strlen(c->body) };
	struct mime_note notes[20];
	struct mime_rewrite r;
	size_t count = 0;

	mime_field(m, "Content-Type", 12, c->type, strlen(c->type));
	text_addf(&fields, "Content-Type: %s" LF, c->type);
	assert_true(mime_parse(m, body.bytes, body.len, false));
	for (size_t i = mime_view(m)->count; i-- > 0;) { /* in no good order */
		SLUICE_CLEANUP(text_done) struct text section = TEXT_INIT(100);

		text_addf(&section, " %s ", mime_view(m)->parts[i].section);
		if (strstr(c->sections, text_str(&section)))
			notes[count++] = (struct mime_note){ i, "gone" };
	}
	assert_true(mime_rewrite(m, body, notes, count, c->appended, "new", fields.bytes, arena, &r));
	for (size_t i = 0; i < r.body.len; i++)
		text_add(&got, r.body.items[i].bytes, r.body.items[i].len);
	assert_string_equal(text_str(&got), c->want);
	if (c->want_type)
		assert_string_equal(r.type, c->want_type);
	else
		assert_null(r.type);
	mime_rewrite_done(&r);
	arena_free(arena);
	mime_free(m);
}

static void test_notes(void **state)
{
	static const struct wanted cases[] = {
		{ MIXED, "pre" LF "--b" LF "A: b" LF LF "one" LF "--b" LF LF "two" LF "--b--" LF "post", " 1 ", NULL, NULL,
			"pre" LF "--b" LF NOTE "gone" LF "--b" LF LF "two" LF "--b--" LF "post" },
		{ MIXED, "--b" LF LF "one" LF "--b" LF "A: b" LF LF "two" LF "--b--", " 1 2 ", NULL, NULL, "--b" LF NOTE "gone" LF "--b" LF NOTE "gone" LF "--b--" },
		{ MIXED, "--b\n\none\n--b\n\ntwo", " 2 ", NULL, NULL, "--b\n\none\n--b\n" NOTE "gone" },
		{ MIXED, "--b" LF "--b--", " 1 ", NULL, NULL, "--b" LF NOTE "gone--b--" },
		/* one in another: the outer goes, and what is in it with it */
		{ MIXED, "--b" LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF LF "x" LF "--i" LF LF "y" LF "--i--" LF "--b" LF LF "z" LF "--b--", " 1.1 ", NULL, NULL,
			"--b" LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF NOTE "gone" LF "--i" LF LF "y" LF "--i--" LF "--b" LF LF "z" LF "--b--" },
		{ MIXED, "--b" LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF LF "x" LF "--i--" LF "--b" LF LF "z" LF "--b--", " 1 1.1 ", NULL, NULL,
			"--b" LF NOTE "gone" LF "--b" LF LF "z" LF "--b--" },
		/* all of a forwarded message, and a part of one */
		{ MIXED, "--b" LF "Content-Type: message/rfc822" LF LF "Subject: x" LF LF "bad" LF "--b--", " 1.1 ", NULL, NULL, "--b" LF NOTE "gone" LF "--b--" },
		{ MIXED, "--b" LF "Content-Type: message/rfc822" LF LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF LF "bad" LF "--i--" LF "--b--", " 1.1 ", NULL, NULL,
			"--b" LF "Content-Type: message/rfc822" LF LF "Content-Type: multipart/mixed; boundary=i" LF LF "--i" LF NOTE "gone" LF "--i--" LF "--b--" },
		/* in an encoded one: that one, as it is encoded */
		{ MIXED, "--b" LF "Content-Type: message/rfc822" LF "Content-Transfer-Encoding: base64" LF LF "U3ViamVjdDogeA0KDQp0ZXh0" LF "--b--", " 1.1 ", NULL, NULL,
			"--b" LF NOTE "gone" LF "--b--" },
		/* all there is */
		{ "text/html", "bad", " 1 ", NULL, "text/plain; charset=utf-8", "gone" },
		{ MIXED, "--b" LF LF "x" LF "--b--", " 0 ", NULL, "text/plain; charset=utf-8", "gone" },
		{ "message/rfc822", "Subject: x" LF LF "bad", " 1.1 ", NULL, "text/plain; charset=utf-8", "gone" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		rewrites(&cases[i]);
}

static void test_texts_at_the_end(void **state)
{
	static const struct wanted cases[] = {
		{ "text/html; charset=x", "<p>", "", "the\nend\n", "multipart/mixed; boundary=\"new\"",
			"--new" LF "Content-Type: text/html; charset=x" LF LF "<p>" LF "--new" LF NOTE "the" LF "end" LF LF "--new--" LF },
		{ MIXED, "--b" LF LF "x" LF "--b--" LF, "", "end", NULL, "--b" LF LF "x" LF "--b" LF NOTE "end" LF "--b--" LF },
		{ MIXED, "--b" LF LF "x" LF "--b" LF LF "y" LF "--b--" LF, " 1 ", "end", NULL,
			"--b" LF NOTE "gone" LF "--b" LF LF "y" LF "--b" LF NOTE "end" LF "--b--" LF },
		/* what is signed stays as it is; so does what has no end */
		{ "multipart/signed; boundary=b", "--b" LF LF "x" LF "--b--" LF, "", "end", "multipart/mixed; boundary=\"new\"",
			"--new" LF "Content-Type: multipart/signed; boundary=b" LF LF "--b" LF LF "x" LF "--b--" LF LF "--new" LF NOTE "end" LF "--new--" LF },
		{ MIXED, "--b" LF LF "x", "", "end", "multipart/mixed; boundary=\"new\"",
			"--new" LF "Content-Type: " MIXED LF LF "--b" LF LF "x" LF "--new" LF NOTE "end" LF "--new--" LF },
		{ "text/html", "bad", " 1 ", "end", "text/plain; charset=utf-8", "gone" LF LF "end" },
		{ "text/plain", "x", "", "Grüße", "multipart/mixed; boundary=\"new\"",
			"--new" LF "Content-Type: text/plain" LF LF "x" LF "--new" LF "Content-Type: text/plain; charset=utf-8" LF "Content-Transfer-Encoding: base64" LF
			"Content-Disposition: inline" LF LF "R3LDvMOfZQ==" LF LF "--new--" LF },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		rewrites(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_texts_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
