/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_dmarc;

/* ---- settings ---- */

static unsigned option_of(const char *key)
{
	unsigned i = 0;

	while (strcmp(sluice_plugin_dmarc.options[i].key, key) != 0)
		i++;
	return i;
}

/* Reports, from and of these; NULL: not set. */
static int configure(bool reports, const char *from, const char *org, const char *contact, int64_t most, void **ret,
	struct sluice_config_error *reterr)
{
	struct sluice_setting settings[6];
	struct sluice_block block = { .settings = settings };

	settings[block.count++] =
		(struct sluice_setting){ .option = option_of("reports"), .number = reports, .line = 3 };
	if (from)
		settings[block.count++] =
			(struct sluice_setting){ .option = option_of("report_from"), .text = from, .line = 4 };
	if (org)
		settings[block.count++] =
			(struct sluice_setting){ .option = option_of("report_org"), .text = org, .line = 5 };
	if (contact)
		settings[block.count++] =
			(struct sluice_setting){ .option = option_of("report_contact"), .text = contact, .line = 6 };
	settings[block.count++] = (struct sluice_setting){ .option = option_of("report_rows"), .number = most };
	settings[block.count++] = (struct sluice_setting){ .option = option_of("discovery"), .number = 1 };
	return sluice_plugin_dmarc.configure(&block, 1, ret, reterr);
}

static void reports_are_of_somebody(void **state)
{
	static const struct {
		const char *from, *org, *contact, *error;
		unsigned line;
	} rows[] = {
		{ NULL, "Us", NULL, "add 'report_from dmarc-reports@example.org'", 3 },
		{ "reports", "Us", NULL, "report_from is no plain address", 4 },
		{ "<a@example.org>", "Us", NULL, "report_from is no plain address", 4 },
		{ "a b@example.org", "Us", NULL, "report_from is no plain address", 4 },
		{ "a@localhost", "Us", NULL, "report_from is no plain address", 4 },
		{ "a@example.org\r\nBcc: b@example.org", "Us", NULL, "report_from is no plain address", 4 },
		{ "a@example.org", NULL, NULL, "add 'report_org \"Example Inc.\"'", 3 },
		{ "a@example.org", "Us\r\nX: y", NULL, "are one line of text", 3 },
		{ "a@example.org", "Us", "\n", "are one line of text", 3 },
		{ "a@example.org", "Us", "https://example.org/", NULL, 0 },
		{ "a@example.org", "Us", NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_config_error err = { "", 0 };
		void *made = NULL;
		int r = configure(true, rows[i].from, rows[i].org, rows[i].contact, 10, &made, &err);

		if ((r < 0) != (rows[i].error != NULL) || (r < 0 && !strstr(err.text, rows[i].error)) ||
			err.line != rows[i].line)
			fail_msg("row %zu: %d, line %u: %s", i, r, err.line, err.text);
		if (r == 0) {
			assert_true(sluice_plugin_dmarc.checks[0].wanted(made));
			sluice_plugin_dmarc.release(made);
		}
	}
}

static void without_reports_nothing_is_needed(void **state)
{
	struct sluice_config_error err;
	void *made;

	(void)state;
	assert_int_equal(configure(false, NULL, NULL, NULL, 10, &made, &err), 0);
	assert_false(sluice_plugin_dmarc.checks[0].wanted(made));
	sluice_plugin_dmarc.release(made);
}

/* ---- messages ---- */

/* The host has facts of others only: those of this check are given as well, for concluded(). */
#define FACTS(result, asked, record)                                                                                   \
	{ "spf.result", "fail" }, { "spf.domain", "b.example" }, { "spf.outcome", "done" }, { "dkim.result", "pass" }, \
		{ "dkim.outcome", "done" }, { "dkim.signatures", "d=c.example s=k a=rsa-sha256 b=2048 pass" },         \
		{ "dmarc.result", result }, { "dmarc.policy", "reject" }, { "dmarc.disposition", asked },              \
		{ "dmarc.policy_domain", "example.net" }, { "dmarc.org_domain", "example.net" },                       \
		{ "dmarc.spf_aligned", "no" }, { "dmarc.dkim_aligned", "no" },                                         \
	{                                                                                                              \
		"dmarc.record", record                                                                                 \
	}
#define RECORD "v=DMARC1; p=reject; rua=mailto:r@example.net"

static const struct sluice_conclusion rejected = { .action = SLUICE_REJECT, .rule = "x" };
static const struct sluice_conclusion later = { .action = SLUICE_TEMPFAIL, .rule = "x" };
static const struct sluice_conclusion taken = {
	.action = SLUICE_ACCEPT, .rcpt_domain = "example.org", .rcpt_domain_len = 11
};

static const struct fake_fact fails[] = { FACTS("fail", "reject", RECORD), { NULL, NULL } };
static const struct fake_fact overridden[] = { FACTS("fail", "reject", RECORD), { "dmarc.override", "mailing_list" },
	{ NULL, NULL } };
static const struct fake_fact open[] = { FACTS("temperror", "reject", RECORD), { NULL, NULL } };
static const struct fake_fact unasked[] = { FACTS("fail", "reject", "v=DMARC1; p=reject"), { NULL, NULL } };
static const struct fake_fact none[] = { { "spf.result", "none" }, { "dkim.result", "none" },
	{ "dkim.outcome", "done" }, { "dmarc.result", "none" }, { NULL, NULL } };
static const struct fake_item opted_out[] = { { "dmarc-no-reports", "example.net" }, { NULL, NULL } };

static const struct {
	const struct fake_fact *facts;
	const struct sluice_conclusion *conclusion;
	bool authenticated;
	const struct fake_item *lists;
	const char *header;
	const char *want; /* in the row; NULL: there is none */
} rows[] = {
	{ fails, &rejected, false, NULL, "From: a@example.net\n",
		"\"disposition\":\"reject\",\"dkim\":\"fail\",\"spf\":\"fail\",\"reasons\":[],\"header_from\":"
	        "\"example.net\","
		"\"envelope_from\":\"b.example\",\"signatures\":[{\"domain\":\"c.example\",\"selector\":\"k\","
	        "\"result\":\"pass\"}],"
		"\"spf_domain\":\"b.example\",\"spf_result\":\"fail\"}}}\n" },
	{ fails, &taken, false, NULL, "From: a@Sub.Example.NET\n",
		"\"disposition\":\"none\",\"dkim\":\"fail\",\"spf\":\"fail\",\"reasons\":[{\"type\":\"local_policy\","
	        "\"comment\":"
		"\"we let it pass\"}],\"header_from\":\"sub.example.net\",\"envelope_from\":\"b.example\","
		"\"envelope_to\":\"example.org\"," },
	{ overridden, &taken, false, NULL, "From: a@example.net\n", "\"reasons\":[{\"type\":\"mailing_list\"}]" },
	{ fails, &later, false, NULL, "From: a@example.net\n", NULL },      /* it comes again */
	{ fails, &rejected, true, NULL, "From: a@example.net\n", NULL },    /* of our users */
	{ fails, &rejected, false, NULL, "Subject: x\n", NULL },            /* no author */
	{ open, &rejected, false, NULL, "From: a@example.net\n", NULL },    /* who knows */
	{ unasked, &rejected, false, NULL, "From: a@example.net\n", NULL }, /* no rua */
	{ none, &rejected, false, NULL, "From: a@example.net\n", NULL },    /* no record */
	{ fails, &rejected, false, opted_out, "From: a@example.net\n", NULL },
};

static void counts_what_somebody_wants_to_hear_of(void **state)
{
	struct sluice_config_error err;
	void *made;

	(void)state;
	assert_int_equal(configure(true, "r@example.org", "Us", NULL, 10, &made, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = "192.0.2.1",
			.helo = "x.example",
			.mail_from = "a@b.example",
			.authenticated = rows[i].authenticated,
			.facts = rows[i].facts,
			.header = rows[i].header,
			.lists = rows[i].lists,
			.conclusion = rows[i].conclusion,
			.state = made };
		const char *put, *count;

		(void)fake_run(&c, &sluice_plugin_dmarc, "dmarc");
		put = strstr(text_str(&c.asked), "put dmarc|row|19675|"); /* of 1700000000 s */
		count = strstr(text_str(&c.asked), "count dmarc|row|19675|");
		if ((put != NULL) != (rows[i].want != NULL) || (count != NULL) != (put != NULL))
			fail_msg("row %zu asks: %s", i, text_str(&c.asked));
		if (put && (!strstr(put, rows[i].want) ||
				   strncmp(put + 52, " {\"seen\":1700000000,\"row\":{\"policy\":{", 37) != 0))
			fail_msg("row %zu puts: %s", i, put);
		if (put && (memcmp(put + 4, count + 6, 48) != 0 || strcmp(count + 54, " +1\n") != 0))
			fail_msg("row %zu counts elsewhere: %s", i, text_str(&c.asked));
		fake_done(&c);
	}
	sluice_plugin_dmarc.release(made);
}

static void a_day_has_so_many_rows(void **state)
{
	static const char *const headers[] = { "From: a@example.net\n", "From: a@x.example.net\n",
		"From: a@y.example.net\n" };
	struct sluice_config_error err;
	void *made;

	(void)state;
	assert_int_equal(configure(true, "r@example.org", "Us", NULL, 2, &made, &err), 0);
	for (size_t i = 0; i < 6; i++) {
		struct sluice_check_ctx c = { .client = "192.0.2.1",
			.mail_from = "a@b.example",
			.facts = fails,
			.header = headers[i % 3],
			.conclusion = &rejected,
			.state = made };

		(void)fake_run(&c, &sluice_plugin_dmarc, "dmarc");
		assert_int_equal(strstr(text_str(&c.asked), "count dmarc|row|") != NULL, i % 3 != 2);
		assert_int_equal(
			strstr(text_str(&c.log), "dmarc.reports is sick: this day has as many different rows") != NULL,
			i % 3 == 2);
		fake_done(&c);
	}
	sluice_plugin_dmarc.release(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_are_of_somebody),
		cmocka_unit_test(without_reports_nothing_is_needed),
		cmocka_unit_test(counts_what_somebody_wants_to_hear_of),
		cmocka_unit_test(a_day_has_so_many_rows),
	};

	return cmocka_run_group_tests_name("dmarc_reports", tests, NULL, NULL);
}
