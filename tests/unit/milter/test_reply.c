/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/milter/conn.h"
#include "filter/milter/protocol.h"

static struct text out = TEXT_INIT(65536);

/* The text of the reply that is made of this one. */
static const char *reply(unsigned code, const char *text)
{
	struct verdict v = { .action = code < 500 ? VERDICT_TEMPFAIL : VERDICT_REJECT, .code = code, .dsn = code < 500 ? "4.7.1" : "5.7.1", .text = text, .ref = "1-2" };
	struct packet p;
	const char *said;
	size_t size;

	text_clear(&out);
	reply_send(&out, &v);
	assert_int_equal(packet_find(out.bytes, out.len, &p, &size), PACKET_WHOLE);
	assert_int_equal(size, out.len);
	assert_int_equal(p.command, SMFIR_REPLYCODE);
	said = packet_take_string(&p);
	assert_non_null(said);
	assert_int_equal(p.len, 0);
	return said;
}

static void percent_is_doubled_and_controls_are_not_sent(void **state)
{
	(void)state;
	assert_string_equal(reply(550, "100% of\r\n a\xff"), "550 5.7.1 100%% of?? a? (ref=1-2)");
	assert_string_equal(reply(451, ""), "451 4.7.1  (ref=1-2)");
}

/* The lines of a reply: their number, each with its codes, none longer than SMTP allows. */
static size_t lines_of(const char *said)
{
	size_t count = 0;

	for (const char *line = said; line; count++) {
		const char *end = strstr(line, "\r\n");
		size_t len = end ? (size_t)(end - line) : strlen(line);

		assert_true(len <= 2 * REPLY_LINE_MAX + 10);
		assert_memory_equal(line, end ? "550-5.7.1 " : "550 5.7.1 ", 10);
		line = end ? end + 2 : NULL;
	}
	return count;
}

static void long_texts_are_cut_at_blanks(void **state)
{
	char text[REPLY_TEXT_MAX + 1];
	const char *said;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = i % 10 == 9 ? ' ' : 'a';
	text[sizeof text - 1] = '\0';
	said = reply(550, text);
	assert_int_equal(lines_of(said), 3);
	for (const char *line = said; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
		assert_true(line[10] == 'a' || line[10] == '(');
}

static void a_text_without_blanks_is_cut_all_the_same(void **state)
{
	char text[REPLY_TEXT_MAX];
	const char *said, *end;

	(void)state;
	memset(text, '%', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	said = reply(550, text);
	assert_in_range(lines_of(said), 3, REPLY_MAX_LINES);
	end = strstr(said, "\r\n");
	assert_int_equal(end - said, 10 + 2 * REPLY_LINE_MAX);
}

static void steps_follow_the_plan(void **state)
{
	struct plan plan = { 0 };
	uint32_t none = negotiate_steps(&plan);

	(void)state;
	assert_int_equal(none & (SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN),
		SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NODATA | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
	assert_int_equal(none & 0x2f, 0); /* connect, HELO, MAIL, RCPT and the fields are always wanted */
	plan.refuses[SLUICE_STAGE_CONNECT] = true; /* said at HELO, and to each MAIL */
	assert_int_equal(negotiate_steps(&plan), none & ~(SMFIP_NR_HELO | SMFIP_NR_MAIL));
	plan = (struct plan){ .needs_body = true, .needs_unknown = true };
	assert_int_equal(negotiate_steps(&plan), none & ~(SMFIP_NOBODY | SMFIP_NOUNKNOWN));
	plan = (struct plan){ .refuses = { [SLUICE_STAGE_RCPT] = true } };
	assert_int_equal(negotiate_steps(&plan), none & ~SMFIP_NR_RCPT);
	plan = (struct plan){ .judges = { [SLUICE_STAGE_DATA] = true } };
	assert_int_equal(negotiate_steps(&plan), none & ~SMFIP_NODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent_is_doubled_and_controls_are_not_sent),
		cmocka_unit_test(long_texts_are_cut_at_blanks),
		cmocka_unit_test(a_text_without_blanks_is_cut_all_the_same),
		cmocka_unit_test(steps_follow_the_plan),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	text_done(&out);
	return failed;
}
