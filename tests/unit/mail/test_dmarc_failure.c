/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/mail/dmarc_failure.h"

/* ---- fo ---- */

static const struct {
	const char *fo;
	bool spf_aligned, dkim_aligned, spf, dkim, want;
} asked[] = {
	/* by default when nothing passes */
	{ NULL, false, false, false, false, true },
	{ NULL, true, false, true, true, false },
	{ "", false, false, false, false, true },
	{ "0", false, false, false, false, true },
	{ "0", true, false, false, true, false },
	{ "0", false, true, true, false, false },
	/* when one does not */
	{ "1", true, true, false, false, false },
	{ "1", true, false, false, false, true },
	{ "1", false, true, false, false, true },
	{ "1", false, false, false, false, true },
	/* when a signature failed, whatever it is of */
	{ "d", false, false, true, false, false },
	{ "d", true, true, false, true, true },
	/* when SPF failed */
	{ "s", false, false, false, true, false },
	{ "s", true, true, true, false, true },
	/* any of several */
	{ "d:s", false, false, true, false, true },
	{ "0:d:s", true, false, false, true, true },
	{ "d:1", true, false, false, false, true },
	{ "d:0", false, false, false, false, true },
	/* what is not known does not count */
	{ "x", false, false, false, false, true },
	{ "x", true, false, false, false, false },
	{ "x:d", false, false, false, false, false },
	{ "dd", false, false, false, false, true },
	{ "10", true, false, false, false, false },
	{ ":::", true, false, true, true, false },
};

static void is_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct dmarc_failed f = { .spf_aligned = asked[i].spf_aligned,
			.dkim_aligned = asked[i].dkim_aligned,
			.spf = asked[i].spf,
			.dkim = asked[i].dkim };

		if (dmarc_failure_wanted(asked[i].fo, asked[i].fo ? strlen(asked[i].fo) : 0, &f) != asked[i].want)
			fail_msg("row %zu: fo=%s", i, asked[i].fo ? asked[i].fo : "(none)");
	}
}

/* ---- the report ---- */

static const struct dmarc_failure least = {
	.reporter = "example.org",
	.authserv_id = "mx.example.org",
	.generator = "Sluice/1",
	.arrived_s = 1700006400,
	.source_ip = "192.0.2.1",
	.header_from = "example.net",
	.delivery = "reject",
};

static void the_least_that_a_report_has(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000);

	(void)state;
	dmarc_failure_write(&got, &least, "=_b");
	assert_false(got.failed);
	assert_string_equal(text_str(&got),
		"--=_b\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
		"This is a DMARC failure report (RFC 9991) by example.org.\r\n\r\n"
		"A message that says that it is from example.net\r\ncame in from 192.0.2.1\r\n"
		"on Wed, 15 Nov 2023 00:00:00 +0000.\r\n"
		"DMARC fails: what was found is in the next part. The last one has some\r\n"
		"of the header of the message, without who it is from and to.\r\n\r\n"
		"--=_b\r\nContent-Type: message/feedback-report\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
		"Feedback-Type: auth-failure\r\nUser-Agent: Sluice/1\r\nVersion: 1\r\nAuth-Failure: dmarc\r\n"
		"Authentication-Results: mx.example.org;\r\n dmarc=fail\r\n  header.from=example.net\r\n"
		"Identity-Alignment: dkim, spf\r\nDelivery-Result: reject\r\n"
		"Arrival-Date: Wed, 15 Nov 2023 00:00:00 +0000\r\nSource-IP: 192.0.2.1\r\n"
		"Reported-Domain: example.net\r\n\r\n"
		"--=_b\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
		"\r\n--=_b--\r\n");
}

static const char *write(struct text *out, struct dmarc_failure f)
{
	text_clear(out);
	dmarc_failure_write(out, &f, "=_b");
	assert_false(out->failed);
	return text_str(out);
}

static void all_that_is_known_is_told(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000);
	struct dmarc_failure f = least;
	const char *s;

	(void)state;
	f.envelope_from = "";
	f.envelope_to = "example.com";
	f.spf_domain = "host.example";
	f.spf_result = "softfail";
	f.spf_record = "v=spf1 exp=\"x\\y\" ~all";
	f.dkim_domain = "example.net";
	f.dkim_selector = "s;1";
	f.dkim_result = "fail";
	f.header = "From: redacted@example.net\r\n";
	s = write(&got, f);
	assert_non_null(strstr(s, ";\r\n spf=softfail\r\n  smtp.helo=host.example;\r\n dkim=fail\r\n  "
	                          "header.d=example.net\r\n  header.s=\"s;1\"\r\n"));
	assert_non_null(strstr(s, "Original-Mail-From: <>\r\nOriginal-Rcpt-To: <redacted@example.com>\r\n"
				  "DKIM-Domain: example.net\r\nDKIM-Identity: @example.net\r\nDKIM-Selector: s;1\r\n"
				  "SPF-DNS: txt : host.example :\r\n \"v=spf1 exp=\\\"x\\\\y\\\" ~all\"\r\n"));
	assert_non_null(strstr(s, "7bit\r\n\r\nFrom: redacted@example.net\r\n\r\n--=_b--\r\n"));
	f.dkim_identity = "@sub.example.net";
	f.dkim_aligned = true;
	s = write(&got, f);
	assert_non_null(strstr(s, "DKIM-Identity: @sub.example.net\r\n"));
	assert_non_null(strstr(s, "Identity-Alignment: spf\r\n"));
	f.dkim_aligned = false;
	f.spf_aligned = true;
	s = write(&got, f);
	assert_non_null(strstr(s, "Identity-Alignment: dkim\r\n"));
	assert_null(strstr(s, "SPF-DNS"));
}

/* Whatever the store has: nothing makes a field, a part or a long line of its own. */
static void texts_stay_in_their_place(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000), many = TEXT_INIT(20000);
	static const char *const bad[] = { "From: x", "From: x\r\n\r\n", "--=_b\r\n", "\r\n", "A: \x80\r\n",
		"A: b\nC: d\r\n" };
	struct dmarc_failure f = least;
	const char *s;

	(void)state;
	for (size_t i = 0; i < 15000; i++)
		text_addc(&many, 'x');
	f.header_from = f.envelope_from = f.envelope_to = f.dkim_domain = f.dkim_selector = f.dkim_identity =
		f.spf_domain = "a\r\nX-Evil: \xc3\xa4\r\n\r\n--=_b";
	f.spf_record = f.source_ip = text_str(&many);
	f.dkim_result = f.spf_result = "fail";
	s = write(&got, f);
	assert_null(strstr(s, "\nX-Evil"));
	for (const char *p = s, *end; (end = strstr(p, "\r\n")) != NULL; p = end + 2) {
		assert_in_range(end - p, 0, 998);
		for (; p < end; p++)
			assert_in_range((unsigned char)*p, ' ', '~');
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		f = least;
		f.header = bad[i];
		s = write(&got, f);
		if (!strstr(s, "text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\r\n--=_b--\r\n"))
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_asked_for),
		cmocka_unit_test(the_least_that_a_report_has),
		cmocka_unit_test(all_that_is_known_is_told),
		cmocka_unit_test(texts_stay_in_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
