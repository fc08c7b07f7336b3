/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/dmarc/dmarc_row.h"

static struct dmarc_span span(const char *s)
{
	return (struct dmarc_span){ s, s ? strlen(s) : 0 };
}

/* ---- what was done ---- */

#define NONE       DMARC_POLICY_NONE
#define QUARANTINE DMARC_POLICY_QUARANTINE
#define REJECT     DMARC_POLICY_REJECT

static const struct {
	bool aligned;
	enum dmarc_policy policy, asked;
	enum sluice_action action;
	bool tagged;
	const char *override, *want; /* disposition, and each reason */
} rows[] = {
	/* who passes passes, whatever else was done */
	{ true, NONE, NONE, SLUICE_ACCEPT, false, NULL, "none" },
	{ true, REJECT, NONE, SLUICE_ACCEPT, false, NULL, "pass" },
	{ true, QUARANTINE, NONE, SLUICE_REJECT, false, NULL, "pass" },
	{ true, REJECT, NONE, SLUICE_ACCEPT, true, "mailing_list", "pass" },
	/* as asked */
	{ false, REJECT, REJECT, SLUICE_REJECT, false, NULL, "reject" },
	{ false, QUARANTINE, QUARANTINE, SLUICE_HOLD, false, NULL, "quarantine" },
	{ false, QUARANTINE, QUARANTINE, SLUICE_ACCEPT, true, NULL, "quarantine" },
	/* nothing was asked for: what was done was not done for DMARC */
	{ false, NONE, NONE, SLUICE_ACCEPT, false, NULL, "none" },
	{ false, NONE, NONE, SLUICE_REJECT, false, NULL, "none" },
	{ false, NONE, NONE, SLUICE_HOLD, true, "mailing_list", "none" },
	/* less than asked */
	{ false, REJECT, REJECT, SLUICE_ACCEPT, false, NULL, "none local_policy(we let it pass)" },
	{ false, QUARANTINE, QUARANTINE, SLUICE_ACCEPT, false, NULL, "none local_policy(we let it pass)" },
	{ false, REJECT, REJECT, SLUICE_HOLD, false, NULL,
		"quarantine local_policy(we mark such mail, and do not refuse it)" },
	{ false, REJECT, REJECT, SLUICE_ACCEPT, false, "mailing_list", "none mailing_list" },
	{ false, REJECT, REJECT, SLUICE_ACCEPT, true, "trusted-forwarder", "none trusted_forwarder" },
	{ false, REJECT, REJECT, SLUICE_HOLD, false, "mailing-list", "none mailing_list" },
	{ false, REJECT, REJECT, SLUICE_ACCEPT, false, "arc=pass", "none local_policy(arc=pass)" },
	{ false, REJECT, REJECT, SLUICE_ACCEPT, false, "other", "none other" },
	/* more than asked */
	{ false, QUARANTINE, QUARANTINE, SLUICE_REJECT, false, NULL,
		"reject local_policy(other things than DMARC spoke against it)" },
	/* DMARC was set aside: what was done was done for other things */
	{ false, QUARANTINE, QUARANTINE, SLUICE_REJECT, false, "mailing_list", "none mailing_list" },
	{ false, REJECT, REJECT, SLUICE_REJECT, false, "trusted_forwarder", "none trusted_forwarder" },
	/* t=y */
	{ false, REJECT, QUARANTINE, SLUICE_HOLD, false, NULL, "quarantine policy_test_mode" },
	{ false, REJECT, QUARANTINE, SLUICE_ACCEPT, false, NULL, "none policy_test_mode local_policy(we let it pass)" },
	{ false, REJECT, QUARANTINE, SLUICE_REJECT, false, NULL, "reject" },
	{ false, QUARANTINE, NONE, SLUICE_REJECT, false, NULL, "none policy_test_mode" },
	{ false, QUARANTINE, NONE, SLUICE_ACCEPT, true, NULL, "none policy_test_mode" },
};

static void says_what_was_done_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		const struct sluice_conclusion done = { .action = rows[i].action, .tagged = rows[i].tagged };
		struct dmarc_applied a;

		dmarc_row_applied(&(struct dmarc_row_facts){ .spf_aligned = rows[i].aligned,
					  .policy = rows[i].policy,
					  .asked = rows[i].asked,
					  .done = &done,
					  .override = span(rows[i].override) },
			&a);
		text_adds(&got, a.disposition);
		for (size_t k = 0; k < a.count; k++) {
			text_addf(&got, " %s", a.reasons[k].type);
			if (a.reasons[k].comment)
				text_addf(&got, "(%s)", a.reasons[k].comment);
		}
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("row %zu: got '%s', want '%s'", i, text_str(&got), rows[i].want);
	}
}

/* ---- the row ---- */

static struct dmarc_span item(void *arg, size_t i)
{
	const char *const *items = arg;

	return span(items[i]);
}

static bool write(
	struct text *out, const char *record, const char *const *signatures, void (*change)(struct dmarc_row_facts *f))
{
	const struct sluice_conclusion done = { .action = SLUICE_REJECT };
	struct dmarc_record r;
	struct dmarc_row_facts f = {
		.policy_domain = span("example.net"),
		.org_domain = span("example.net"),
		.record = &r,
		.policy = REJECT,
		.asked = REJECT,
		.done = &done,
		.client = { 4, { 192, 0, 2, 1 } },
		.header_from = "sub.example.net",
		.envelope_from = span(""),
		.signature = item,
		.arg = (void *)(uintptr_t)signatures,
	};

	text_clear(out);
	assert_true(dmarc_record_parse(record, strlen(record), &r));
	if (change)
		change(&f);
	return dmarc_row_write(out, &f);
}

static const char *const none[] = { NULL };
#define RUA "rua=mailto:a@example.net"

static void writes_all_that_is_known(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(DMARC_ROW_MAX_BYTES);

	(void)state;
	assert_true(write(&got, "v=DMARC1; p=reject; " RUA, none, NULL));
	assert_string_equal(text_str(&got),
		"{\"policy\":{\"domain\":\"example.net\",\"org\":\"example.net\",\"discovery\":\"treewalk\",\"p\":"
		"\"reject\","
		"\"sp\":\"reject\",\"np\":\"reject\",\"adkim\":\"r\",\"aspf\":\"r\",\"testing\":\"n\",\"fo\":\"0\","
		"\"rua\":\"mailto:a@example.net\"},\"record\":{\"source_ip\":\"192.0.2.1\",\"disposition\":\"reject\","
		"\"dkim\":\"fail\",\"spf\":\"fail\",\"reasons\":[],\"header_from\":\"sub.example.net\",\"envelope_"
		"from\":\"\","
		"\"signatures\":[]}}");
}

static void more(struct dmarc_row_facts *f)
{
	static const struct sluice_conclusion done = { .action = SLUICE_ACCEPT };

	f->psl = true;
	f->org_domain = span(NULL);
	f->done = &done;
	f->client = (struct sluice_ip){ 6, { 0x20, 1, 0xd, 0xb8, [15] = 7 } };
	f->envelope_from = span("b\"\xff.example");
	f->envelope_to = span("example.org");
	f->spf_domain = span("b.example");
	f->spf_result = span("softfail");
}

static void writes_the_rest(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(DMARC_ROW_MAX_BYTES);
	static const char *const signatures[] = { "d=x.example s=a a=rsa-sha256 b=1024 fail: the body has been changed",
		"d=sub.example.net s=b a=ed25519-sha256 pass", NULL };

	(void)state;
	assert_true(write(&got, "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=s; t=y; fo=1:d:s; " RUA,
		signatures, more));
	assert_string_equal(text_str(&got),
		"{\"policy\":{\"domain\":\"example.net\",\"org\":\"example.net\",\"discovery\":\"psl\",\"p\":"
		"\"reject\","
		"\"sp\":\"quarantine\",\"np\":\"none\",\"adkim\":\"s\",\"aspf\":\"s\",\"testing\":\"y\",\"fo\":\"1:d:"
		"s\","
		"\"rua\":\"mailto:a@example.net\"},\"record\":{\"source_ip\":\"2001:db8::7\",\"disposition\":\"none\","
		"\"dkim\":\"fail\",\"spf\":\"fail\",\"reasons\":[{\"type\":\"local_policy\",\"comment\":\"we let it "
		"pass\"}],"
		"\"header_from\":\"sub.example.net\",\"envelope_from\":\"b\\\"\xef\xbf\xbd.example\",\"envelope_to\":"
		"\"example.org\","
		"\"signatures\":[{\"domain\":\"sub.example.net\",\"selector\":\"b\",\"result\":\"pass\"},"
		"{\"domain\":\"x.example\",\"selector\":\"a\",\"result\":\"fail\",\"why\":\"the body has been "
		"changed\"}],"
		"\"spf_domain\":\"b.example\",\"spf_result\":\"softfail\"}}");
}

static void who_wants_no_reports_has_no_row(void **state)
{
	static const char *const records[] = { "v=DMARC1; p=none", "v=DMARC1; p=none; rua=https://example.net/",
		"v=DMARC1; p=none; rua=mailto:root@localhost", "v=DMARC1; p=none; ruf=mailto:a@example.net" };
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(DMARC_ROW_MAX_BYTES), tight = TEXT_INIT(100);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		if (write(&got, records[i], none, NULL))
			fail_msg("'%s' has a row", records[i]);
	assert_false(write(&tight, "v=DMARC1; p=reject; " RUA, none, NULL)); /* cut, it would be worse than none */
}

/* The domains of the signatures in a row, in their order. */
static void domains_of(const struct text *row, struct text *out)
{
	const char *at = strstr(text_str(row), "\"signatures\":");

	while (at && (at = strstr(at, "\"domain\":\"")) != NULL) {
		at += strlen("\"domain\":\"");
		text_add(out, at, strcspn(at, "\""));
		text_addc(out, ' ');
	}
}

static void signatures_of_more_worth_come_first(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(DMARC_ROW_MAX_BYTES), domains = TEXT_INIT(1000);
	static const char *const signatures[] = { "d=bad1.example s=a a=rsa-sha256 b=1024 fail",
		"d=other.example s=a pass", "d=example.net i=a@example.net s=a a=rsa-sha256 b=2048 l=100 pass", "d=nosel.example pass", "s=nodomain pass",
		"d=odd.example s=a a=x y odd", "d=bad2.example s=a a=rsa-sha1 policy: SHA-1 proves nothing",
		"d=Sub.Example.NET s=a pass", "d=ample.net s=a pass", "", NULL };

	(void)state;
	assert_true(write(&got, "v=DMARC1; p=reject; " RUA, signatures, NULL));
	domains_of(&got, &domains);
	assert_string_equal(
		text_str(&domains), "Sub.Example.NET example.net other.example ample.net bad1.example bad2.example ");
}

static struct dmarc_span endless(void *arg, size_t i)
{
	(void)arg;
	return span(i == 200 ? "d=good.example s=a pass" : "d=bad.example s=a fail");
}

static void many(struct dmarc_row_facts *f)
{
	f->signature = endless;
}

static void of_many_signatures_the_good_ones_are_kept(void **state)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(DMARC_ROW_MAX_BYTES), domains = TEXT_INIT(1000);
	size_t count = 0;

	(void)state;
	assert_true(write(&got, "v=DMARC1; p=reject; " RUA, none, many));
	domains_of(&got, &domains);
	assert_int_equal(strncmp(text_str(&domains), "good.example bad.example ", 25), 0);
	for (size_t i = 0; i < domains.len; i++)
		count += domains.bytes[i] == ' ';
	assert_int_equal(count, DMARC_ROW_SIGNATURES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_done_and_why),
		cmocka_unit_test(writes_all_that_is_known),
		cmocka_unit_test(writes_the_rest),
		cmocka_unit_test(who_wants_no_reports_has_no_row),
		cmocka_unit_test(signatures_of_more_worth_come_first),
		cmocka_unit_test(of_many_signatures_the_good_ones_are_kept),
	};

	return cmocka_run_group_tests_name("dmarc_row", tests, NULL, NULL);
}
