/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/ip.h"
#include "filter/observe/case.h"

static struct case_ plain(void)
{
	struct case_ c = {
		.id = "0123456789abc",
		.connection = "",
		.message = "",
		.time_ms = 1764061200123,
		.queue_id = "",
		.message_id = "",
		.client = { .name = "", .helo = "h", .helo_len = 1, .user = "" },
		.verdict = { .dsn = "", .text = "", .rule = "", .file = "", .stage = SLUICE_STAGE_MESSAGE },
	};

	assert_true(ip_parse("192.0.2.1", 9, &c.client.ip));
	return c;
}

static const char *line_of(const struct case_ *c, struct text *out)
{
	case_line(out, c);
	return text_str(out);
}

static void an_accepted_message_on_one_line(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(8192);
	const struct case_recipient to[] = { { "u@example.org", 13, false }, { "x@example.org", 13, true } };
	struct case_ c = plain();

	(void)state;
	c.envelope = true;
	c.from = "a@example.net";
	c.from_len = 13;
	c.recipients = to;
	c.recipient_count = 2;
	c.queue_id = "4XQ";
	c.size_bytes = 42;
	c.score_milli = 1500;
	c.stages[SLUICE_STAGE_MAIL] = (struct case_stage){ true, 1500000 };
	assert_string_equal(line_of(&c, &out), "case=0123456789abc qid=4XQ verdict=accept stage=message score=1.5 client=192.0.2.1 helo=h "
					      "from=<a@example.net> to=<u@example.org> refused=<x@example.org> size=42 ms=1.5");
}

static void what_mail_brings_cannot_forge_a_line(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(8192);
	struct case_ c = plain();

	(void)state;
	c.client.helo = "a b\"\\\r\n\x1b\xff=";
	c.client.helo_len = strlen(c.client.helo);
	assert_non_null(strstr(line_of(&c, &out), " helo=\"a b\\\"\\\\\\x0d\\x0a\\x1b\\xff=\" "));
}

static void long_values_are_cut(void **state)
{
	static char helo[5000];
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(8192);
	struct case_ c = plain();

	(void)state;
	memset(helo, 'x', sizeof helo);
	c.client.helo = helo;
	c.client.helo_len = sizeof helo;
	assert_non_null(strstr(line_of(&c, &out), "xxx... "));
	assert_true(out.len < 500);
}

static void a_refusal_as_json(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(65536);
	static const struct value yes = { .known = true, .type = SLUICE_BOOL, .yes = true };
	static const struct case_fact facts[] = { { "a.b", &yes, NULL } };
	static const struct case_rule rules[] = { { .name = "r", .file = "f", .text = "rule r ...", .line = 7, .stage = SLUICE_STAGE_RCPT,
		.action = "reject", .recipient = "u@x", .facts = facts, .fact_count = 1 } };
	static const char *const records[] = { "127.0.0.2" };
	static const struct case_answer answers[] = { { .name = "n", .type = "A", .status = "ok", .source = "dns", .ttl_s = 60, .waited_ns = 2000000,
		.checks = "dnsbl", .records = records, .record_count = 1 } };
	static const struct case_missed missed[] = { { "m", "f", 9, SLUICE_STAGE_MAIL, CASE_MISS_CONDITION, NULL, facts, 1 },
		{ "n", "f", 10, SLUICE_STAGE_RCPT, CASE_MISS_LIMIT, "u@x", NULL, 0 } };
	static const struct case_check checks[] = { { "dnsbl", SLUICE_DONE, 5000 } };
	struct case_ c = plain();

	(void)state;
	c.verdict.action = CASE_REJECT;
	c.verdict.stage = SLUICE_STAGE_RCPT;
	c.verdict.code = 554;
	c.verdict.dsn = "5.7.1";
	c.verdict.text = "no \"way\"";
	c.verdict.rule = "r";
	c.verdict.file = "f";
	c.verdict.line = 7;
	c.facts = facts;
	c.fact_count = 1;
	c.rules = rules;
	c.rule_count = 1;
	c.missed = missed;
	c.missed_count = 2;
	c.answers = answers;
	c.answer_count = 1;
	c.checks = checks;
	c.check_count = 1;
	case_json(&out, &c);
	assert_string_equal(text_str(&out),
		"{\"case\":\"0123456789abc\",\"connection\":\"\",\"message\":\"\",\"time\":\"2025-11-25T09:00:00.123Z\",\"queue_id\":\"\",\"message_id\":\"\","
		"\"client\":{\"ip\":\"192.0.2.1\",\"name\":\"\",\"helo\":\"h\",\"port\":0,\"daemon_port\":0,\"user\":\"\"},\"size\":0,"
		"\"verdict\":{\"action\":\"reject\",\"stage\":\"rcpt\",\"code\":554,\"dsn\":\"5.7.1\",\"text\":\"no \\\"way\\\"\",\"rule\":\"r\","
		"\"file\":\"f\",\"line\":7},\"score\":0,\"facts\":{\"a.b\":true},"
		"\"rules\":[{\"name\":\"r\",\"stage\":\"rcpt\",\"action\":\"reject\",\"file\":\"f\",\"line\":7,\"text\":\"rule r ...\","
		"\"recipient\":\"u@x\",\"facts\":{\"a.b\":true}}],"
		"\"missed\":[{\"name\":\"m\",\"stage\":\"mail\",\"file\":\"f\",\"line\":9,\"why\":\"condition\",\"facts\":{\"a.b\":true}},"
		"{\"name\":\"n\",\"stage\":\"rcpt\",\"file\":\"f\",\"line\":10,\"why\":\"limit\",\"recipient\":\"u@x\",\"facts\":{}}],"
		"\"checks\":{\"dnsbl\":{\"outcome\":\"done\",\"ms\":0.005}},\"stages\":{},"
		"\"answers\":[{\"name\":\"n\",\"type\":\"A\",\"status\":\"ok\",\"source\":\"dns\",\"age\":0,\"ttl\":60,\"ms\":2,\"checks\":\"dnsbl\","
		"\"records\":[\"127.0.0.2\"]}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_message_on_one_line),
		cmocka_unit_test(what_mail_brings_cannot_forge_a_line),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(a_refusal_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
