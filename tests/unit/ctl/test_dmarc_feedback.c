/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/ctl/dmarc_feedback.h"
#include "filter/mail/dmarc_report.h"

#define META                                                                                                           \
	"<report_metadata><org_name>Us</org_name><date_range><begin>1</begin><end>2</end></date_range></"              \
	"report_metadata>"
#define POLICY "<policy_published><domain>example.net</domain><p>none</p></policy_published>"
#define ROW    "<row><source_ip>192.0.2.1</source_ip><count>3</count></row>"
#define RECORD "<record>" ROW "</record>"

static int parse(const char *xml, size_t len, struct feedback *f, struct err *err)
{
	char *copy = malloc(len ? len : 1); /* so that a sanitizer sees who reads on */
	int r;

	assert_non_null(copy);
	memcpy(copy, xml, len);
	r = feedback_parse(copy, len, f, err);
	free(copy);
	return r;
}

static void reads_what_we_write(void **state)
{
	static const struct dmarc_report_reason reasons[] = { { "mailing_list", "a & b" } };
	static const struct dmarc_report_dkim signatures[] = { { "a.example", "k", "fail", "why" },
		{ "b.example", "l", "pass", NULL } };
	const struct dmarc_report_row rows[] = {
		{ "192.0.2.1", 3, "pass", "pass", "fail", NULL, 0, "example.net", "b.example", "example.org",
			signatures, 2, "b.example", "softfail" },
		{ "2001:db8::7", 4, "none", "fail", "fail", reasons, 1, "x.example.net", "", NULL, NULL, 0, NULL,
			NULL },
	};
	const struct dmarc_report report = { .org = "<Us> & \"them\"",
		.email = "r@example.org",
		.id = "1@x",
		.begin_s = 86400,
		.end_s = 172799,
		.domain = "example.net",
		.p = "reject",
		.sp = "none",
		.np = "quarantine",
		.adkim = "s",
		.aspf = "r",
		.testing = "y",
		.rows = rows,
		.row_count = 2 };
	SLUICE_CLEANUP(text_done) struct text xml = TEXT_INIT(100000);
	struct feedback f;
	struct err err;

	(void)state;
	dmarc_report_write(&xml, &report);
	if (parse(xml.bytes, xml.len, &f, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(f.org, "<Us> & \"them\"");
	assert_string_equal(f.email, "r@example.org");
	assert_string_equal(f.id, "1@x");
	assert_int_equal(f.begin_s, 86400);
	assert_int_equal(f.end_s, 172799);
	assert_string_equal(f.domain, "example.net");
	assert_string_equal(f.p, "reject");
	assert_string_equal(f.sp, "none");
	assert_string_equal(f.np, "quarantine");
	assert_string_equal(f.adkim, "s");
	assert_string_equal(f.testing, "y");
	assert_int_equal(f.messages, 7);
	assert_int_equal(f.passed, 3);
	assert_int_equal(f.rows.len, 2);
	assert_string_equal(f.rows.items[0].source_ip, "192.0.2.1");
	assert_string_equal(f.rows.items[0].dkim_domain, "a.example");
	assert_string_equal(f.rows.items[0].dkim_selector, "k");
	assert_string_equal(f.rows.items[0].dkim_result, "fail");
	assert_string_equal(f.rows.items[0].spf_domain, "b.example");
	assert_string_equal(f.rows.items[0].spf_result, "softfail");
	assert_string_equal(f.rows.items[0].reason, "");
	assert_string_equal(f.rows.items[1].reason, "mailing_list");
	assert_string_equal(f.rows.items[1].header_from, "x.example.net");
	assert_string_equal(f.rows.items[1].envelope_from, "");
	feedback_done(&f);
}

static const struct {
	const char *name, *xml, *error; /* error NULL: it is good */
} rows[] = {
	{ "RFC 7489", "<?xml version=\"1.0\"?><feedback><version>1.0</version>" META POLICY RECORD "</feedback>",
		NULL },
	{ "its drafts", "<feedback xmlns=\"http://dmarc.org/dmarc-xml/0.1\">" META POLICY RECORD "</feedback>", NULL },
	{ "RFC 9990", "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">" META POLICY RECORD "</feedback>", NULL },
	{ "with a prefix",
		"<d:feedback "
	        "xmlns:d=\"urn:ietf:params:xml:ns:dmarc-2.0\"><d:policy_published><d:domain>example.net</d:domain>"
		"</d:policy_published><d:record><d:row><d:source_ip>192.0.2.1</d:source_ip><d:count>3</d:count></"
	        "d:row></d:record>"
		"</d:feedback>",
		NULL },
	{ "blanks",
		"\n\n <feedback>\n" META POLICY
		"<record><row><source_ip>\n 192.0.2.1 </source_ip><count> 3\n</count></row></record>\n</feedback>\n",
		NULL },
	{ "CDATA and references",
		"<feedback>" POLICY "<record><row><source_ip><![CDATA[192.0.2]]>.&#49;</source_ip><count>3</count></"
	                            "row></record></feedback>",
		NULL },
	{ "extensions",
		"<feedback xmlns:e=\"urn:e\"><e:x><record><row><count>9</count></row></record></e:x>" POLICY
		"<extension><e:a><domain>no</domain></e:a></extension><record>" ROW
		"<e:row><source_ip>no</source_ip></e:row></record></feedback>",
		NULL },
	{ "unknown elements",
		"<feedback><new><deep><domain>no</domain></deep></new>" POLICY
		"<record><row><source_ip>192.0.2.1</source_ip><count>3</count>"
		"<more>x</more></row></record></feedback>",
		NULL },
	{ "BOM", "\xef\xbb\xbf<feedback>" POLICY RECORD "</feedback>", NULL },
	{ "Latin-1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><feedback>" POLICY RECORD "</feedback>", NULL },

	{ "nothing", "", "no element found" },
	{ "text", "hello", "syntax error" },
	{ "something else", "<html><body/></html>", "line 1: the document is no DMARC report" },
	{ "another namespace", "<feedback xmlns=\"urn:other\">" POLICY RECORD "</feedback>",
		"the document is no DMARC report" },
	{ "no record", "<feedback>" META POLICY "</feedback>", "it has no record" },
	{ "no domain", "<feedback>" META RECORD "</feedback>", "it has no policy_published/domain" },
	{ "cut off", "<feedback>" META POLICY RECORD, "no element found" },
	{ "cut off in a tag", "<feedback>" META POLICY RECORD "</feedb", "unclosed token" },
	{ "mismatched", "<feedback>" META POLICY RECORD "</record></feedback>", "mismatched tag" },
	{ "two documents", "<feedback>" POLICY RECORD "</feedback><feedback/>", "junk after document element" },
	{ "no count", "<feedback>" POLICY "<record><row><source_ip>192.0.2.1</source_ip></row></record></feedback>",
		"no source_ip or no count" },
	{ "no address", "<feedback>" POLICY "<record><row><count>1</count></row></record></feedback>",
		"no source_ip or no count" },
	{ "a count of letters",
		"<feedback>" POLICY
		"<record><row><source_ip>x</source_ip><count>many</count></row></record></feedback>",
		"no number of messages" },
	{ "a negative count",
		"<feedback>" POLICY "<record><row><source_ip>x</source_ip><count>-1</count></row></record></feedback>",
		"no number of messages" },
	{ "a huge count",
		"<feedback>" POLICY
		"<record><row><source_ip>x</source_ip><count>9223372036854775807</count></row></record></feedback>",
		"no number of messages" },
	{ "a date of letters",
		"<feedback><report_metadata><date_range><begin>now</begin></date_range></report_metadata>" POLICY RECORD
		"</feedback>",
		"the date range has no numbers" },
	{ "a document type", "<!DOCTYPE feedback><feedback>" POLICY RECORD "</feedback>",
		"line 1: it has a document type" },
	{ "a file",
		"<!DOCTYPE feedback [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><feedback>&x;" POLICY RECORD
		"</feedback>",
		"it has a document type" },
	{ "an external subset",
		"<!DOCTYPE feedback SYSTEM \"http://127.0.0.1:1/x.dtd\"><feedback>" POLICY RECORD "</feedback>",
		"it has a document type" },
	{ "a billion laughs",
		"<!DOCTYPE feedback [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><feedback>&b;" POLICY RECORD
		"</feedback>",
		"it has a document type" },
	{ "an entity that is none", "<feedback>&x;" POLICY RECORD "</feedback>", "undefined entity" },
	{ "no UTF-8", "<feedback>\xff\xfe" POLICY RECORD "</feedback>", "not well-formed" },
	{ "an unknown encoding",
		"<?xml version=\"1.0\" encoding=\"x-nonsense\"?><feedback>" POLICY RECORD "</feedback>",
		"unknown encoding" },
};

static void takes_what_is_a_report_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct feedback f;
		struct err err = { "" };
		int r = parse(rows[i].xml, strlen(rows[i].xml), &f, &err);

		if ((r < 0) != (rows[i].error != NULL) || (r < 0 && !strstr(err.text, rows[i].error)))
			fail_msg("%s: %d %s", rows[i].name, r, err.text);
		if (r == 0 && (f.rows.len != 1 || f.messages != 3 || strcmp(f.domain, "example.net") != 0 ||
				      strcmp(f.rows.items[0].source_ip, "192.0.2.1") != 0))
			fail_msg("%s: %s, %zu rows, %lld messages", rows[i].name, f.domain, f.rows.len,
				(long long)f.messages);
		feedback_done(&f);
	}
}

static void repeat(struct text *out, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		text_adds(out, s);
}

static void what_is_beyond_sense_is_refused_or_cut(void **state)
{
	SLUICE_CLEANUP(text_done)
	struct text deep = TEXT_INIT(10 << 20),
		    longish = TEXT_INIT(10 << 20), many = TEXT_INIT(100 << 20);
	struct feedback f;
	struct err err;

	(void)state;
	text_adds(&deep, "<feedback>");
	repeat(&deep, "<a>", 100000);
	assert_true(parse(deep.bytes, deep.len, &f, &err) < 0);
	assert_non_null(strstr(err.text, "nested too deep"));
	feedback_done(&f);

	text_adds(&longish, "<feedback><report_metadata><org_name>");
	repeat(&longish, "0123456789", 100000);
	text_adds(&longish, "</org_name></report_metadata>" POLICY RECORD "</feedback>");
	assert_int_equal(parse(longish.bytes, longish.len, &f, &err), 0);
	assert_int_equal(strlen(f.org), FEEDBACK_TEXT_MAX);
	feedback_done(&f);

	text_adds(&many, "<feedback>" POLICY);
	repeat(&many, RECORD, FEEDBACK_ROWS_MAX);
	assert_false(many.failed);
	text_adds(&many, RECORD "</feedback>");
	assert_true(parse(many.bytes, many.len, &f, &err) < 0);
	assert_non_null(strstr(err.text, "there are more records than in any report"));
	feedback_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_we_write),
		cmocka_unit_test(takes_what_is_a_report_and_nothing_else),
		cmocka_unit_test(what_is_beyond_sense_is_refused_or_cut),
	};

	return cmocka_run_group_tests_name("dmarc_feedback", tests, NULL, NULL);
}
