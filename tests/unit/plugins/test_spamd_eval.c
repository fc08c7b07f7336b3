/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/spamd/spamd_eval.h"

#define OK "SPAMD/1.1 0 EX_OK\r\n"

static const struct {
	const char *reply;
	enum sluice_exchange_reply want;
	const char *shown; /* spam score/required rules, or why not */
} replies[] = {
	{ OK "Content-length: 14\r\nSpam: True ; 999.9 / 5.0\r\n\r\nGTUBE,HAS_SUBJ", SLUICE_EXCHANGE_ANSWER, "1 999900/5000 GTUBE HAS_SUBJ" },
	{ OK "Spam: False ; -0.1 / 5.0\r\nContent-length: 0\r\n\r\n", SLUICE_EXCHANGE_ANSWER, "0 -100/5000" },
	{ "SPAMD/1.5 0 EX_OK\nspam: yes;15/5\n\nA, B\r\n\r\n", SLUICE_EXCHANGE_ANSWER, "1 15000/5000 A B" },
	{ OK "X: y\r\nSpam: True ; 1.23456 / 5\r\nContent-length: 3\r\n\r\nA,B,C", SLUICE_EXCHANGE_ANSWER, "1 1234/5000 A B" },
	{ OK "Spam: True ; 1 / 5\r\n\r\n,,\x1b[1m,\xff,,", SLUICE_EXCHANGE_ANSWER, "1 1000/5000 ?[1m ?" },
	{ OK "Spam: True ; 1 / 5\r\nContent-length: 4\r\n\r\nABC", SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "Spam: True ; 1 / 5\r\nContent-length: -4\r\n\r\nABC", SLUICE_EXCHANGE_NONSENSE, "its answer has a length that is none" },
	{ OK "Spam: True ; 1 / 5\r\nContent-length: 99999999999999999999\r\n\r\nABC", SLUICE_EXCHANGE_NONSENSE, "its answer has a length that is none" },
	{ OK "Spam: True ; 1 / 5\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "\r\nGTUBE", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "Spam: Maybe ; 1 / 5\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "Spam: True ; nan / 5\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "Spam: True ; 10000000000 / 5\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "Spam: True ; 1\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ "SPAMD/1.0 76 Bad header line: FOO\r\n", SLUICE_EXCHANGE_REFUSED, "76 Bad header line: FOO" },
	{ "SPAMD/1.0 01 x\r\n", SLUICE_EXCHANGE_REFUSED, "01 x" },
	{ "SPAMD/1.1 EX_OK\r\n", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of spamd" },
	{ "SPAMD/1.1 0 EX_OK", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of spamd" },
	{ "HTTP/1.1 200 OK\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of spamd" },
	{ "\r\n", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of spamd" },
};

static void an_answer_is_read_and_all_else_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(1000);
		char why[SLUICE_EXCHANGE_WHY_MAX] = "";
		struct spamd_answer a;
		enum sluice_exchange_reply got = spamd_read(replies[i].reply, strlen(replies[i].reply), &a, why);

		if (got == SLUICE_EXCHANGE_ANSWER)
			text_addf(&shown, "%d %lld/%lld", a.spam, (long long)a.score_milli, (long long)a.required_milli);
		for (size_t k = 0; got == SLUICE_EXCHANGE_ANSWER && k < a.count; k++)
			text_addf(&shown, " %s", a.rules[k]);
		if (got != SLUICE_EXCHANGE_ANSWER)
			text_adds(&shown, why);
		if (got != replies[i].want || strcmp(text_str(&shown), replies[i].shown) != 0)
			fail_msg("'%s': got %d, %s", replies[i].reply, (int)got, text_str(&shown));
	}
}

static void what_is_too_much_is_left_out(void **state)
{
	SLUICE_CLEANUP(text_done) struct text reply = TEXT_INIT(100000);
	char why[SLUICE_EXCHANGE_WHY_MAX];
	struct spamd_answer a;

	(void)state;
	text_adds(&reply, OK "Spam: True ; 1 / 5\r\n\r\n");
	for (size_t i = 0; i < 150; i++)
		text_adds(&reply, "LONG_");
	for (size_t i = 0; i < 300; i++)
		text_addf(&reply, ",R%zu", i);
	assert_int_equal(spamd_read(text_str(&reply), reply.len, &a, why), SLUICE_EXCHANGE_ANSWER);
	assert_int_equal(a.count, SPAMD_RULES_MAX);
	assert_int_equal(strlen(a.rules[0]), SPAMD_RULE_MAX);
	assert_string_equal(a.rules[1], "R0");
}

#define DATE "; Tue, 14 Nov 2023 22:13:20 +0000\r\n"

static const struct {
	struct sluice_ip ip;
	const char *helo, *name, *from;
	bool authenticated;
	const char *want;
} clients[] = {
	{ { 4, { 192, 0, 2, 7 } }, "mail.example.net", "host.example.net", "a@example.net", false,
		"Received: from mail.example.net (host.example.net [192.0.2.7])\r\n\tby mx.example.org with ESMTP id ABC\r\n\t(envelope-from <a@example.net>)" DATE },
	{ { 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, "[192.0.2.8]", NULL, "", true,
		"Received: from [192.0.2.8] ([IPv6:2001:db8::1])\r\n\tby mx.example.org with ESMTPA id ABC\r\n\t(envelope-from <>)" DATE },
	{ { 4, { 192, 0, 2, 7 } }, "x ([127.0.0.1])", "a\r\nb", "a>\r\nX-Spam: no", false,
		"Received: from unknown ([192.0.2.7])\r\n\tby mx.example.org with ESMTP id ABC" DATE },
	{ { 4, { 192, 0, 2, 7 } }, "[]", "", "\"a b\"@example.net", false, "Received: from unknown ([192.0.2.7])\r\n\tby mx.example.org with ESMTP id ABC" DATE },
	{ { 4, { 192, 0, 2, 7 } }, NULL, NULL, NULL, false, "Received: from unknown ([192.0.2.7])\r\n\tby mx.example.org with ESMTP id ABC" DATE },
	{ { 0, { 0 } }, "mail.example.net", NULL, "a@example.net", false, "" },
};

static struct sluice_text text_of(const char *s)
{
	return (struct sluice_text){ s, s ? strlen(s) : 0 };
}

static void a_client_says_no_more_of_itself_than_it_may(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2000);
		const struct spamd_about about = { .client = &clients[i].ip, .helo = text_of(clients[i].helo), .name = text_of(clients[i].name),
			.from = text_of(clients[i].from), .our_name = "mx.example.org", .queue_id = "ABC", .authenticated = clients[i].authenticated,
			.now_s = 1700000000 };

		spamd_received(&out, &about);
		assert_string_equal(text_str(&out), clients[i].want);
	}
}

static void the_head_says_how_much_and_for_whom(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2000);

	(void)state;
	spamd_head(&out, 12, "");
	spamd_head(&out, 0, "bob");
	assert_string_equal(text_str(&out), "SYMBOLS SPAMC/1.5\r\nContent-length: 12\r\n\r\nSYMBOLS SPAMC/1.5\r\nContent-length: 0\r\nUser: bob\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read_and_all_else_is_none),
		cmocka_unit_test(what_is_too_much_is_left_out),
		cmocka_unit_test(a_client_says_no_more_of_itself_than_it_may),
		cmocka_unit_test(the_head_says_how_much_and_for_whom),
	};

	return cmocka_run_group_tests_name("spamd_eval", tests, NULL, NULL);
}
