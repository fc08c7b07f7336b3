/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/rspamd/rspamd_eval.h"

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define SCORES "\"score\":1.75,\"required_score\":15.0,"

static const struct {
	const char *reply;
	enum sluice_exchange_reply want;
	const char *shown; /* action score/required symbols, or why not */
} replies[] = {
	{ OK "Content-Length: 118\r\n\r\n{" SCORES "\"action\":\"no action\",\"symbols\":{\"A\":{\"score\":0.25},\"B\":{\"score\":-1.5,\"name\":\"B\"}}} behind it",
		SLUICE_EXCHANGE_ANSWER, "no-action 1750/15000 A=250 B=-1500" },
	{ OK "\r\n{" SCORES "\"action\":\"soft reject\"}", SLUICE_EXCHANGE_ANSWER, "soft-reject 1750/15000" },
	{ OK "\r\n{" SCORES "\"action\":\"soft-reject\"}", SLUICE_EXCHANGE_ANSWER, "other 1750/15000" },
	{ OK "\r\n{" SCORES "\"action\":\"reject it\"}", SLUICE_EXCHANGE_ANSWER, "other 1750/15000" },
	{ OK "\r\n{" SCORES "\"action\":\"\"}", SLUICE_EXCHANGE_ANSWER, "other 1750/15000" },
	{ OK "\r\n{" SCORES "\"action\":\"reject\",\"symbols\":{\"\":{\"score\":1},\"a\\u001b-\\nb\":{\"score\":1},\"b\":{},\"c\":1,\"d\":{\"score\":\"1\"}}}",
		SLUICE_EXCHANGE_ANSWER, "reject 1750/15000 a?-?b=1000" },
	{ OK "\r\n{" SCORES "\"action\":\"greylist\",\"symbols\":[]}", SLUICE_EXCHANGE_ANSWER, "greylist 1750/15000" },
	{ OK "\r\n{\"score\":1e300,\"required_score\":1,\"action\":\"reject\"}", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "\r\n{\"score\":\"1\",\"required_score\":1,\"action\":\"reject\"}", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "\r\n{" SCORES "\"action\":1}", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "\r\n[]", SLUICE_EXCHANGE_NONSENSE, "its answer has no score" },
	{ OK "\r\n{" SCORES, SLUICE_EXCHANGE_NONSENSE, "its answer is no JSON" },
	{ OK "\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer is no JSON" },
	{ OK "Content-Length: 5\r\n\r\n{}", SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "Content-Length: -1\r\n\r\n{}", SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "Content-Length: 99999999999999999999999\r\n\r\n{}", SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "its answer is in pieces, which HTTP/1.0 does not have" },
	{ OK, SLUICE_EXCHANGE_NONSENSE, "its answer ends too early" },
	{ OK "\r\n{\"error\":\"no such thing\"}", SLUICE_EXCHANGE_REFUSED, "no such thing" },
	{ OK "\r\n{\"error\":\"\"}", SLUICE_EXCHANGE_REFUSED, "it has an error, and does not say which" },
	{ "HTTP/1.1 500 invalid command\r\n\r\n{\"error\":\"x\"}", SLUICE_EXCHANGE_REFUSED, "500 invalid command" },
	{ "HTTP/1.0 403\r\n\r\n", SLUICE_EXCHANGE_REFUSED, "403" },
	{ "HTTP/1.1 2000\r\n\r\n{}", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of HTTP" },
	{ "HTTP/2 200 OK\r\n\r\n{}", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of HTTP" },
	{ "SPAMD/1.1 0 EX_OK\r\n\r\n", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of HTTP" },
	{ "\n", SLUICE_EXCHANGE_NONSENSE, "what it says is no answer of HTTP" },
};

static void an_answer_is_read_and_all_else_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(1000);
		char why[SLUICE_EXCHANGE_WHY_MAX] = "";
		struct rspamd_answer a;
		enum sluice_exchange_reply got = rspamd_read(replies[i].reply, strlen(replies[i].reply), &a, why);

		if (got == SLUICE_EXCHANGE_ANSWER)
			text_addf(&shown, "%s %lld/%lld", rspamd_actions[a.action], (long long)a.score_milli, (long long)a.required_milli);
		for (size_t k = 0; got == SLUICE_EXCHANGE_ANSWER && k < a.count; k++)
			text_addf(&shown, " %s=%lld", a.symbols[k].name, (long long)a.symbols[k].score_milli);
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
	struct rspamd_answer a;

	(void)state;
	text_adds(&reply, OK "\r\n{" SCORES "\"action\":\"reject\",\"symbols\":{\"");
	for (size_t i = 0; i < 150; i++)
		text_adds(&reply, "LONG_");
	text_adds(&reply, "\":{\"score\":1}");
	for (size_t i = 0; i < 300; i++)
		text_addf(&reply, ",\"R%zu\":{\"score\":0.5}", i);
	text_adds(&reply, "}}");
	assert_int_equal(rspamd_read(text_str(&reply), reply.len, &a, why), SLUICE_EXCHANGE_ANSWER);
	assert_int_equal(a.count, RSPAMD_SYMBOLS_MAX);
	assert_int_equal(strlen(a.symbols[0].name), RSPAMD_SYMBOL_MAX);
}

static void a_field_is_one_line_or_none(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(5000);
	char large[RSPAMD_VALUE_MAX + 2];
	size_t before;

	(void)state;
	memset(large, 'x', sizeof large);
	rspamd_begin(&out, 12);
	rspamd_field(&out, "Helo", "mail.example.net", 16);
	rspamd_field(&out, "From", "\"a b\"@\xc3\xa4.example", 16);
	rspamd_field(&out, "Bad", "a\r\nPassword: x", 14);
	rspamd_field(&out, "Bad", "a\nb", 3);
	rspamd_field(&out, "Bad", "a\0b", 3);
	rspamd_field(&out, "Bad", "a\x7f", 2);
	rspamd_field(&out, "Bad", "", 0);
	rspamd_field(&out, "Bad", NULL, 0);
	rspamd_field(&out, "Bad", large, RSPAMD_VALUE_MAX + 1);
	assert_string_equal(text_str(&out), "POST /checkv2 HTTP/1.0\r\nContent-Length: 12\r\nHelo: mail.example.net\r\nFrom: \"a b\"@\xc3\xa4.example\r\n");
	before = out.len;
	rspamd_field(&out, "Good", large, RSPAMD_VALUE_MAX);
	assert_int_equal(out.len, before + 6 + RSPAMD_VALUE_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read_and_all_else_is_none),
		cmocka_unit_test(what_is_too_much_is_left_out),
		cmocka_unit_test(a_field_is_one_line_or_none),
	};

	return cmocka_run_group_tests_name("rspamd_eval", tests, NULL, NULL);
}
