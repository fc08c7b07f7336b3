/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the XML is that of RFC 9990, xmllint says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "filter/mail/dmarc_report.h"

static const struct dmarc_report_row plain = {
	.source_ip = "192.0.2.1",
	.count = 1,
	.disposition = "none",
	.dkim = "fail",
	.spf = "pass",
	.header_from = "example.net",
};
static const struct dmarc_report report = {
	.org = "Us",
	.email = "r@example.org",
	.id = "1.example.net@mx.example.org",
	.begin_s = 1700006400,
	.end_s = 1700092799,
	.domain = "example.net",
	.p = "none",
	.rows = &plain,
	.row_count = 1,
};

static bool is_valid(const char *xml, size_t len)
{
	char path[] = "/tmp/sluice-report-XXXXXX", command[500];
	int fd = mkstemp(path), status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, xml, len), len);
	assert_int_equal(close(fd), 0);
	(void)snprintf(command, sizeof command, "xmllint --nonet --noout --relaxng '%s' %s >/dev/null 2>&1",
		getenv("DMARC_SCHEMA"), path);
	status = system(command);
	assert_int_equal(unlink(path), 0);
	return status == 0;
}

static void the_least_that_a_report_has(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000);

	(void)state;
	dmarc_report_write(&got, &report);
	assert_string_equal(text_str(&got), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
					    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
					    "  <version>1.0</version>\n"
					    "  <report_metadata>\n"
					    "    <org_name>Us</org_name>\n"
					    "    <email>r@example.org</email>\n"
					    "    <report_id>1.example.net@mx.example.org</report_id>\n"
					    "    <date_range>\n"
					    "      <begin>1700006400</begin>\n"
					    "      <end>1700092799</end>\n"
					    "    </date_range>\n"
					    "  </report_metadata>\n"
					    "  <policy_published>\n"
					    "    <domain>example.net</domain>\n"
					    "    <p>none</p>\n"
					    "  </policy_published>\n"
					    "  <record>\n"
					    "    <row>\n"
					    "      <source_ip>192.0.2.1</source_ip>\n"
					    "      <count>1</count>\n"
					    "      <policy_evaluated>\n"
					    "        <disposition>none</disposition>\n"
					    "        <dkim>fail</dkim>\n"
					    "        <spf>pass</spf>\n"
					    "      </policy_evaluated>\n"
					    "    </row>\n"
					    "    <identifiers>\n"
					    "      <header_from>example.net</header_from>\n"
					    "    </identifiers>\n"
					    "    <auth_results>\n"
					    "    </auth_results>\n"
					    "  </record>\n"
					    "</feedback>\n");
	assert_true(is_valid(got.bytes, got.len));
}

static void all_that_a_report_may_have(void **state)
{
	static const struct dmarc_report_reason reasons[] = { { "policy_test_mode", NULL },
		{ "local_policy", "we let it pass" } };
	static const struct dmarc_report_dkim signatures[] = { { "example.net", "sel", "pass", NULL },
		{ "other.example", "k", "fail", "the body has been changed" } };
	static const char *const inside[] = {
		"    <extra_contact_info>https://example.org/</extra_contact_info>\n",
		"    <generator>Sluice 1</generator>\n",
		"    <domain>example.net</domain>\n    <discovery_method>treewalk</discovery_method>\n    "
		"<p>reject</p>\n"
		"    <sp>quarantine</sp>\n    <np>none</np>\n    <fo>1:d</fo>\n    <adkim>s</adkim>\n    "
		"<aspf>r</aspf>\n"
		"    <testing>y</testing>\n",
		"        <reason>\n          <type>policy_test_mode</type>\n        </reason>\n        <reason>\n"
		"          <type>local_policy</type>\n          <comment>we let it pass</comment>\n        </reason>\n",
		"      <header_from>sub.example.net</header_from>\n      <envelope_from></envelope_from>\n"
		"      <envelope_to>example.org</envelope_to>\n",
		"      <dkim>\n        <domain>other.example</domain>\n        <selector>k</selector>\n        "
		"<result>fail</result>\n"
		"        <human_result>the body has been changed</human_result>\n      </dkim>\n",
		"      <spf>\n        <domain>b.example</domain>\n        <scope>mfrom</scope>\n        "
		"<result>softfail</result>\n"
		"      </spf>\n",
	};
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(4 << 20);
	struct dmarc_report_row rows[1000];
	struct dmarc_report r = report;
	size_t records = 0;

	(void)state;
	r.contact = "https://example.org/";
	r.generator = "Sluice 1";
	r.discovery = "treewalk";
	r.p = "reject";
	r.sp = "quarantine";
	r.np = "none";
	r.adkim = "s";
	r.aspf = "r";
	r.testing = "y";
	r.fo = "1:d";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct dmarc_report_row){ "2001:db8::7", INT64_MAX, "quarantine", "fail", "fail", reasons, 2,
			"sub.example.net", "", "example.org", signatures, 2, "b.example", "softfail" };
	r.rows = rows;
	r.row_count = ARRAY_LEN(rows);
	dmarc_report_write(&got, &r);
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		if (!strstr(text_str(&got), inside[i]))
			fail_msg("there is no '%s' in %s", inside[i], text_str(&got));
	for (const char *p = text_str(&got); (p = strstr(p, "<record>")) != NULL; p++)
		records++;
	assert_int_equal(records, ARRAY_LEN(rows));
	assert_true(is_valid(got.bytes, got.len));
}

static void what_xml_cannot_have_is_replaced(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a<b>&\"'c", "a&lt;b&gt;&amp;\"'c" }, { "]]>", "]]&gt;" },
		{ "</org_name><x/>", "&lt;/org_name&gt;&lt;x/&gt;" },
		{ "\x01\x08\x0b\x1f", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "a\tb\nc\rd", "a\tb\nc&#13;d" },
		{ "b\xc3\xbc"
		  "cher \xf0\x9f\x93\xab",
			"b\xc3\xbc"
			"cher \xf0\x9f\x93\xab" },
		{ "\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd(" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
		{ "\xef\xbf\xbe|\xef\xbf\xbf|\xef\xbf\xbd", "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd" },
		{ "\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd" }, /* a '<' of two octets */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(100000), want = TEXT_INIT(1000);
		struct dmarc_report_row row = plain;
		struct dmarc_report r = report;

		r.org = row.envelope_from = rows[i].text;
		r.rows = &row;
		dmarc_report_write(&got, &r);
		text_addf(&want, "<org_name>%s</org_name>", rows[i].want);
		if (!strstr(text_str(&got), text_str(&want)))
			fail_msg("row %zu: %s", i, text_str(&got));
		assert_true(is_valid(got.bytes, got.len));
	}
}

static void what_is_too_large_is_said(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(600);

	(void)state;
	dmarc_report_write(&got, &report);
	assert_true(got.failed);
}

static void the_name_of_its_file(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);

	(void)state;
	dmarc_report_filename(&got, &report, "mx.example.org", "a1");
	assert_string_equal(text_str(&got), "mx.example.org!example.net!1700006400!1700092799!a1.xml.gz");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_that_a_report_has),
		cmocka_unit_test(all_that_a_report_may_have),
		cmocka_unit_test(what_xml_cannot_have_is_replaced),
		cmocka_unit_test(what_is_too_large_is_said),
		cmocka_unit_test(the_name_of_its_file),
	};

	return cmocka_run_group_tests_name("dmarc_report", tests, NULL, NULL);
}
