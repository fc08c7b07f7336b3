/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/vec.h"
#include "filter/mail/dkim_signature.h"

#define BH   "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define GOOD "v=1; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000000000"

static void judges_signatures(void **state)
{
	static const struct {
		const char *value;
		enum dkim_result result; /* NONE: no flaw */
		const char *why;
	} rows[] = {
		{ GOOD, DKIM_NONE, NULL },
		{ GOOD ";", DKIM_NONE, NULL },
		{ " " GOOD "; t=1700000000; x=1700000001; l=0; q=dns/txt; c=relaxed; i=@example.net; z=any", DKIM_NONE,
			NULL },
		{ GOOD "; l=9223372036854775807", DKIM_NONE, NULL },
		{ GOOD "; l=9223372036854775808", DKIM_NONE, NULL }, /* that no body is so long is seen at its end */
		{ GOOD "; l=" ZEROS "000001", DKIM_NONE, NULL }, /* 76 digits */
		{ GOOD "; l=" ZEROS "9999999", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=+1", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=1 0", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; x=1", DKIM_NONE, NULL }, /* that it is over is for the time to say */
		{ GOOD "; x=99999999999999999999999", DKIM_NONE, NULL },
		{ GOOD "; x=-1", DKIM_NEUTRAL, "x= is no time" },
		{ GOOD "; t=1700000000; x=1700000000", DKIM_NEUTRAL, "x= is not after t=" },
		{ GOOD "; t=0", DKIM_NONE, NULL },
		{ GOOD "; t=9999999999999", DKIM_NONE, NULL }, /* for ever in the future: that is for the time to say */
		{ GOOD "; t=", DKIM_NEUTRAL, "t= is no time" },
		{ GOOD "; t=-1", DKIM_NEUTRAL, "t= is no time" },
		{ GOOD "; i=example.net", DKIM_NEUTRAL, "i= is no identity" },
		{ GOOD "; i=@badexample.net", DKIM_PERMERROR, "i= is not within d=" },
		{ GOOD "; i=a@b@sub.example.net", DKIM_NONE, NULL },
		{ GOOD "; i=a@example.net.", DKIM_NEUTRAL, "i= is no identity" },
		{ GOOD "; c=", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; c=relaxed/", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; c=Relaxed", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; q=", DKIM_NEUTRAL, "q= is not dns/txt" },
		{ GOOD "; v=1", DKIM_NEUTRAL, "the field breaks the grammar" },
		{ GOOD " junk", DKIM_NEUTRAL, "bh= is no hash" },
		{ "", DKIM_NEUTRAL, "the field breaks the grammar" },
		{ "v=1; a=rsa-sha1; d=example.net; s=sel; h=from; b=AAAA; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", DKIM_POLICY,
			"rsa-sha1 proves nothing any more (RFC 8301)" },
		{ "v=1; a=RSA-SHA256; d=example.net; s=sel; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "a= is unknown" },
		{ "v=1; d=example.net; s=sel; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "no a= tag" },
		{ "v=1; a=rsa-sha256; d=exa mple.net; s=s_l.a-1; h=from:; b=AAAA; " BH, DKIM_NEUTRAL,
			"h= has an empty name" },
		{ "v=1; a=rsa-sha256; d=example.net; s=sel; h=; b=AAAA; " BH, DKIM_NEUTRAL, "h= has an empty name" },
		{ "v=1; a=rsa-sha256; d=example.net; s=sel; h=to : fro m; b=AAAA; " BH, DKIM_PERMERROR,
			"From is not signed" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s\\046; h=from; b=AAAA; " BH, DKIM_NEUTRAL,
			"s= is no selector" },
		{ "v=1; a=rsa-sha256; d=.example.net; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "d= is no domain" },
		{ "v=1; a=rsa-sha256; d=example.net.; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "d= is no domain" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=A; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=AA%A; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1.0; a=rsa-sha256; d=example.net; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL,
			"another version than v=1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dkim_signature sig;

		dkim_signature_parse(DKIM_SIGNATURE, rows[i].value, strlen(rows[i].value), &sig);
		if (sig.flaw.result != rows[i].result || !sig.flaw.why != !rows[i].why ||
			(rows[i].why && strcmp(sig.flaw.why, rows[i].why) != 0))
			fail_msg("'%s': got %s '%s'", rows[i].value, dkim_result_words[sig.flaw.result],
				sig.flaw.why ? sig.flaw.why : "");
	}
}

static void reads_what_is_in_it(void **state)
{
	static const char value[] =
		" v=1; a=ed25519-sha256; c=simple/relaxed; d=Example.\r\n NET; s=Sel; i=ann@Sub.example.net; h=From;"
		" t=1700000000; x=1800000000; l=77; b=/abc def\r\n\tghi==; " BH;
	struct dkim_signature sig;

	(void)state;
	dkim_signature_parse(DKIM_SIGNATURE, value, strlen(value), &sig);
	assert_null(sig.flaw.why);
	assert_string_equal(sig.domain, "example.net");
	assert_string_equal(sig.selector, "Sel");
	assert_string_equal(sig.algorithm_text, "ed25519-sha256");
	assert_int_equal(sig.algorithm, DKIM_ED25519_SHA256);
	assert_string_equal(sig.b, "/abcdefghi==");
	assert_string_equal(sig.identity, "ann@Sub.example.net");
	assert_true(sig.subdomain && sig.has_length);
	assert_int_equal(sig.header_canon, DKIM_SIMPLE);
	assert_int_equal(sig.body_canon, DKIM_RELAXED);
	assert_int_equal(sig.length, 77);
	assert_int_equal(sig.signed_s, 1700000000);
	assert_int_equal(sig.expires_s, 1800000000);
}

static void a_broken_one_still_says_whose_it_is(void **state)
{
	static const char value[] = "d=example.net; s=sel; a=rsa-sha256; v=1; v=1; h=from";
	struct dkim_signature sig;

	(void)state;
	dkim_signature_parse(DKIM_SIGNATURE, value, strlen(value), &sig);
	assert_string_equal(sig.flaw.why, "the field breaks the grammar");
	assert_string_equal(sig.domain, "example.net");
	assert_string_equal(sig.selector, "sel");
}

static void names_are_as_the_dns_has_them(void **state)
{
	static const char value[] = "v=1; a=rsa-sha256; d=B\xc3\xbc" "cher.example; s=\xc3\xa4; i=ann@post.b\xc3\xbc" "cher.example; h=from; b=AAAA; " BH;
	struct dkim_signature sig;

	(void)state;
	dkim_signature_parse(DKIM_SIGNATURE, value, strlen(value), &sig);
	assert_null(sig.flaw.why);
	assert_string_equal(sig.domain, "xn--bcher-kva.example");
	assert_string_equal(sig.selector, "xn--4ca");
	assert_true(sig.subdomain);
}

static void time_is_an_argument(void **state)
{
	static const struct {
		const char *tags;
		int64_t now_s;
		const char *why;
	} rows[] = {
		{ "", 1, NULL },
		{ "; t=1700000000", 1700000000 - DKIM_CLOCK_DRIFT_S, NULL },
		{ "; t=1700000000", 1700000000 - DKIM_CLOCK_DRIFT_S - 1, "signed in the future" },
		{ "; x=1700000000", 1699999999, NULL },
		{ "; x=1700000000", 1700000000, "expired" },
		{ "; x=0", 1700000000, "expired" },
		{ "; x=9999999999999999999999999", INT64_MAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1000);
		struct dkim_signature sig;

		text_addf(&value, "%s%s", GOOD, rows[i].tags);
		dkim_signature_parse(DKIM_SIGNATURE, value.bytes, value.len, &sig);
		dkim_signature_check_time(&sig, rows[i].now_s);
		assert_int_equal(sig.flaw.why != NULL, rows[i].why != NULL);
		if (rows[i].why)
			assert_string_equal(sig.flaw.why, rows[i].why);
	}
}

static void judges_the_fields_of_arc(void **state)
{
	static const struct {
		enum dkim_kind kind;
		const char *value, *why; /* NULL: no flaw */
	} rows[] = {
		{ DKIM_ARC_MESSAGE, "i=1; a=rsa-sha256; d=example.net; s=sel; h=; b=AAAA; " BH, NULL },
		{ DKIM_ARC_MESSAGE, "i=50; v=2; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH, NULL },
		{ DKIM_ARC_MESSAGE, "i=1; a=rsa-sha256; d=example.net; s=sel; h=from:arc-seal; b=AAAA; " BH, "h= names ARC-Seal" },
		{ DKIM_ARC_MESSAGE, "i=1; a=rsa-sha256; d=example.net; s=sel; b=AAAA; " BH, "no h= tag" },
		{ DKIM_ARC_MESSAGE, "a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH, "no i= tag" },
		{ DKIM_ARC_MESSAGE, "i=0; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH, "i= is no instance" },
		{ DKIM_ARC_MESSAGE, "i=51; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH, "i= is no instance" },
		{ DKIM_ARC_MESSAGE, "i=001; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH, "i= is no instance" },
		{ DKIM_ARC_MESSAGE, "i=1; a=rsa-sha1; d=example.net; s=sel; h=from; b=AAAA; " BH,
			"rsa-sha1 proves nothing any more (RFC 8301)" },
		{ DKIM_ARC_SEAL, "i=1; cv=none; a=rsa-sha256; d=example.net; s=sel; b=AAAA", NULL },
		{ DKIM_ARC_SEAL, "i=1; cv=none; a=rsa-sha256; d=example.net; s=sel; b=AAAA; x=1; l=y", NULL },
		{ DKIM_ARC_SEAL, "i=1; cv=none; a=rsa-sha256; d=example.net; s=sel; b=AAAA; h=from", "a seal has no h=" },
		{ DKIM_ARC_SEAL, "i=1; a=rsa-sha256; d=example.net; s=sel; b=AAAA", "no cv= tag" },
		{ DKIM_ARC_SEAL, "i=1; cv=NONE; a=rsa-sha256; d=example.net; s=sel; b=AAAA", "cv= is unknown" },
		{ DKIM_ARC_SEAL, "i=1; cv=; a=rsa-sha256; d=example.net; s=sel; b=AAAA", "cv= is unknown" },
		{ DKIM_ARC_SEAL, "i=1; cv=none; a=rsa-sha256; d=example.net; s=sel; b=AAAA; t=x", "t= is no time" },
	};
	struct dkim_signature sig;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dkim_signature_parse(rows[i].kind, rows[i].value, strlen(rows[i].value), &sig);
		if (!sig.flaw.why != !rows[i].why || (rows[i].why && strcmp(sig.flaw.why, rows[i].why) != 0))
			fail_msg("'%s': got '%s'", rows[i].value, sig.flaw.why ? sig.flaw.why : "no flaw");
	}
	dkim_signature_parse(rows[0].kind, rows[0].value, strlen(rows[0].value), &sig);
	assert_int_equal(sig.header_canon, DKIM_RELAXED);
	assert_int_equal(sig.body_canon, DKIM_RELAXED);
}

static void blanks_what_a_signature_does_not_sign(void **state)
{
	static const char *const rows[][2] = {
		{ " v=1; b=AA\r\n BB ; d=x", " v=1; b=; d=x" },
		{ " v=1; b = AAAA", " v=1; b =" },
		{ " b=", " b=" },
		{ " bh=AA; b=BB; x=b=CC", " bh=AA; b=; x=b=CC" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(256);

		dkim_signature_blank(&out, rows[i][0], strlen(rows[i][0]));
		assert_string_equal(text_str(&out), rows[i][1]);
	}
}

static void too_much_is_said_to_be_so(void **state)
{
	SLUICE_CLEANUP(text_done) struct text names = TEXT_INIT(10000);
	struct dkim_signature sig;

	(void)state;
	text_adds(&names, "v=1; a=rsa-sha256; d=example.net; s=s; b=AAAA; " BH "; h=from");
	for (int i = 1; i < DKIM_FIELDS_MAX; i++)
		text_adds(&names, ":a");
	dkim_signature_parse(DKIM_SIGNATURE, names.bytes, names.len, &sig);
	assert_null(sig.flaw.why);
	text_adds(&names, ":a");
	dkim_signature_parse(DKIM_SIGNATURE, names.bytes, names.len, &sig);
	assert_string_equal(sig.flaw.why, "h= names too many fields");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_signatures),
		cmocka_unit_test(reads_what_is_in_it),
		cmocka_unit_test(a_broken_one_still_says_whose_it_is),
		cmocka_unit_test(names_are_as_the_dns_has_them),
		cmocka_unit_test(time_is_an_argument),
		cmocka_unit_test(judges_the_fields_of_arc),
		cmocka_unit_test(blanks_what_a_signature_does_not_sign),
		cmocka_unit_test(too_much_is_said_to_be_so),
	};

	return cmocka_run_group_tests_name("dkim_signature", tests, NULL, NULL);
}
