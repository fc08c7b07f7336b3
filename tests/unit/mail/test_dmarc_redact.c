/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/mail/dmarc_redact.h"

static const struct {
	const char *name, *value, *want; /* want "": nothing is shown */
} shown[] = {
	{ "From", " \"Alice Doe\" <alice@example.net>", "From: redacted@example.net\r\n" },
	{ "FROM", " alice@Example.NET (at home)", "From: redacted@Example.NET\r\n" },
	{ "From", " \"a@b.example\"@example.net, c@d.example", "From: redacted@example.net\r\n" },
	{ "From",
		" a@b\xc3\xbc"
		"cher.example",
		"From: redacted@xn--bcher-kva.example\r\n" },
	{ "From", " alice", "" },
	{ "From", " <alice@[192.0.2.1]>", "" },
	{ "From", "", "" },
	{ "Date", " Wed, 25 Nov 2026\r\n 20:00:00 +0000 (Alice's)", "Date: Wed, 25 Nov 2026 20:00:00 +0000\r\n" },
	{ "Date", " alice@example.net", "" },
	{ "Date", " Wed, 25 Nov 2026 20:00:00 +0000 and more and more and more and more and more", "" },
	{ "Date", " (x)", "" },
	{ "Message-ID", " <1@host.example>", "Message-ID: <1@host.example>\r\n" },
	{ "Message-Id", " <1@host.example> of Alice", "" },
	{ "Message-ID", " <1 2@x>", "" },
	{ "Message-ID", " <\xc3\xa4@x>", "" },
	{ "Message-ID", " <>", "" },
	{ "DKIM-Signature",
		" v=1; d=example.net; s=sel; i=alice@sub.example.net; z=Subject:secret; bh=a b\r\n c=; b=x=; r=y",
		"DKIM-Signature:\r\n v=1;\r\n d=example.net;\r\n s=sel;\r\n i=@sub.example.net;\r\n bh=abc=;\r\n "
	        "b=x=\r\n" },
	{ "DKIM-Signature", " d=example.net; i=alice", "DKIM-Signature:\r\n d=example.net\r\n" },
	{ "DKIM-Signature",
		" d=b\xc3\xbc"
		"cher.example; s=x",
		"DKIM-Signature:\r\n s=x\r\n" },
	{ "DKIM-Signature", " nothing", "" },
	{ "DKIM-Signature", " z=a", "" },
	{ "Subject", " hello", "" },
	{ "To", " bob@example.org", "" },
	{ "Received", " from x by y for <bob@example.org>", "" },
	{ "X-From", " alice@example.net", "" },
};

static void shows_little(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(16384);

		dmarc_redact(&got, shown[i].name, strlen(shown[i].name), shown[i].value, strlen(shown[i].value));
		if (strcmp(text_str(&got), shown[i].want) != 0)
			fail_msg("row %zu: '%s'", i, text_str(&got));
	}
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(50), tag = TEXT_INIT(5000);

	(void)state;
	dmarc_redact(&got, "Message-ID", 10, "<1@host.example>", 16);
	dmarc_redact(&got, "From", 4, "a@a-name-that-is-too-long-for-it.example", 40);
	dmarc_redact(&got, "From", 4, "a@b.example", 11);
	assert_string_equal(text_str(&got), "Message-ID: <1@host.example>\r\n");
	assert_false(got.failed);
	text_adds(&tag, "d=example.net; b=");
	for (size_t i = 0; i < 2000; i++)
		text_addc(&tag, 'x');
	text_clear(&got);
	dmarc_redact(&got, "DKIM-Signature", 14, tag.bytes, tag.len);
	assert_string_equal(text_str(&got), "DKIM-Signature:\r\n d=example.net\r\n");
}

static const struct {
	const char *name, *value;
	bool want;
} automatic[] = {
	{ "Auto-Submitted", " auto-generated", true },
	{ "auto-submitted", " auto-replied (vacation)", true },
	{ "Auto-Submitted", " no", false },
	{ "Auto-Submitted", " (we) NO; x=y", false },
	{ "Auto-Submitted", "", true },
	{ "Content-Type", " multipart/report; report-type=delivery-status; boundary=x", true },
	{ "Content-Type", " (x) Multipart / (y)\r\n REPORT", true },
	{ "Content-Type", " message/feedback-report", true },
	{ "Content-Type", " multipart/mixed; boundary=multipart/report", false },
	{ "Content-Type", " text/plain", false },
	{ "Content-Type", " multipart", false },
	{ "Content-Type", "", false },
	{ "Subject", " multipart/report", false },
};

static void knows_reports(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(automatic); i++)
		if (dmarc_is_automatic(automatic[i].name, strlen(automatic[i].name), automatic[i].value,
			    strlen(automatic[i].value)) != automatic[i].want)
			fail_msg("row %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_little),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(knows_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
