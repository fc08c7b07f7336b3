/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/milter/macros.h"
#include "filter/milter/packet.h"
#include "filter/milter/protocol.h"

/* ---- memory that runs out: the linker puts this in the place of grow() ---- */

void *__real_grow(void *old, size_t had, size_t size);
void *__wrap_grow(void *old, size_t had, size_t size);

static int grows_left = -1; /* below 0: without end */

void *__wrap_grow(void *old, size_t had, size_t size)
{
	if (!grows_left)
		return NULL;
	grows_left -= grows_left > 0;
	return __real_grow(old, had, size);
}

/* ---- packets ---- */

static const struct { const char *bytes; size_t len; enum packet_found want; size_t size; } heads[] = {
	{ "", 0, PACKET_PART, 0 },
	{ "\0\0\0", 3, PACKET_PART, 0 },
	{ "\0\0\0\1", 4, PACKET_PART, 5 },
	{ "\0\0\0\1Q", 5, PACKET_WHOLE, 5 },
	{ "\0\0\0\1Qrest", 9, PACKET_WHOLE, 5 },
	{ "\0\0\0\3Bab", 7, PACKET_WHOLE, 7 },
	{ "\0\0\0\3Ba", 6, PACKET_PART, 7 },
	{ "\0\0\0\0", 4, PACKET_BAD, 0 },
	{ "\1\0\0\0", 4, PACKET_PART, (16u << 20) + 4 },
	{ "\1\0\0\1", 4, PACKET_BAD, 0 },
	{ "\xff\xff\xff\xff" "E", 5, PACKET_BAD, 0 },
};

static void a_packet_is_whole_in_part_or_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct packet p;
		size_t size;
		enum packet_found found = packet_find(heads[i].bytes, heads[i].len, &p, &size);

		if (found != heads[i].want || size != heads[i].size)
			fail_msg("row %zu: found %d, size %zu", i, (int)found, size);
	}
}

static void strings_and_numbers_are_taken_whole_or_not_at_all(void **state)
{
	struct packet p = { 'L', "name\0value\0\0\1\2\3\4\5\6rest", 22 };
	uint32_t four;
	uint16_t two;

	(void)state;
	assert_string_equal(packet_take_string(&p), "name");
	assert_string_equal(packet_take_string(&p), "value");
	assert_string_equal(packet_take_string(&p), "");
	assert_true(packet_take_u32(&p, &four) && four == 0x01020304);
	assert_true(packet_take_u16(&p, &two) && two == 0x0506);
	assert_null(packet_take_string(&p));
	assert_int_equal(p.len, 4);
	p.len = 1;
	assert_false(packet_take_u16(&p, &two) || packet_take_u32(&p, &four));
	p.len = 0;
	assert_null(packet_take_string(&p));
}

static void what_is_written_is_found_again(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1000);
	struct packet p;
	uint32_t number;
	size_t begun, size;

	(void)state;
	packet_end(&out, packet_begin(&out, 'c'));
	begun = packet_begin(&out, 'i');
	packet_add_u32(&out, 7);
	packet_add_string(&out, "X");
	packet_end(&out, begun);
	assert_int_equal(packet_find(out.bytes, out.len, &p, &size), PACKET_WHOLE);
	assert_true(p.command == 'c' && p.len == 0 && size == 5);
	assert_int_equal(packet_find(out.bytes + 5, out.len - 5, &p, &size), PACKET_WHOLE);
	assert_true(p.command == 'i' && packet_take_u32(&p, &number) && number == 7);
	assert_string_equal(packet_take_string(&p), "X");
}

/* ---- macros ---- */

static bool hear(struct macros *m, const char *bytes, size_t len)
{
	char *exact = malloc(len); /* of its very size: who reads on is seen */
	struct packet p = { SMFIC_MACRO, exact, len };
	bool heard;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	heard = macros_hear(m, &p);
	free(exact);
	return heard;
}
#define HEAR(m, bytes) hear(m, bytes, sizeof(bytes) - 1)

static void a_later_set_hides_an_earlier_one_and_goes_with_it(void **state)
{
	struct macros m;

	(void)state;
	macros_init(&m);
	assert_string_equal(macro_text(&m, "i"), "");
	assert_true(HEAR(&m, "Cj\0mx.example.org\0{client_port}\0" "4711\0"));
	assert_true(HEAR(&m, "Mi\0Q1\0{mail_addr}\0a@example.net\0"));
	assert_true(HEAR(&m, "Ri\0Q2\0{rcpt_addr}\0u@example.org\0"));
	assert_string_equal(macro_text(&m, "i"), "Q2");
	assert_string_equal(macro_text(&m, "{i}"), "Q2");
	assert_string_equal(macro_text(&m, "j"), "mx.example.org");
	assert_int_equal(macros_connection(&m).client_port, 4711);
	assert_true(HEAR(&m, "Mi\0Q3\0"));
	assert_string_equal(macro_text(&m, "i"), "Q3");
	assert_string_equal(macro_text(&m, "{rcpt_addr}"), "");
	assert_string_equal(macro_text(&m, "{mail_addr}"), "");
	macros_forget(&m, MACROS_MAIL);
	assert_string_equal(macro_text(&m, "i"), "");
	assert_string_equal(macro_text(&m, "j"), "mx.example.org");
	macros_done(&m);
}

static void one_letter_may_have_braces_or_none(void **state)
{
	struct macros m;

	(void)state;
	macros_init(&m);
	assert_true(HEAR(&m, "E{i}\0Q1\0ab\0no\0\0empty\0{\0brace\0"));
	assert_string_equal(macro_text(&m, "i"), "Q1");
	assert_string_equal(macro_text(&m, "{ab}"), "");
	assert_string_equal(macro_text(&m, "a"), "");
	macros_done(&m);
}

static void what_is_no_set_of_macros_is_refused(void **state)
{
	struct macros m;

	(void)state;
	macros_init(&m);
	assert_false(HEAR(&m, ""));
	assert_false(HEAR(&m, "Mi\0Q1"));
	assert_false(HEAR(&m, "Mi"));
	assert_true(HEAR(&m, "M"));
	assert_true(HEAR(&m, "?i\0Q1\0"));
	assert_string_equal(macro_text(&m, "i"), "");
	macros_done(&m);
}

static void too_many_macros_are_none(void **state)
{
	static char many[2 * MACROS_MAX_BYTES] = "M";
	struct macros m;

	(void)state;
	macros_init(&m);
	for (size_t i = 1; i + 4 <= sizeof many; i += 4)
		memcpy(many + i, "i\0Q\0", 4);
	assert_true(hear(&m, many, sizeof many - 3));
	assert_string_equal(macro_text(&m, "i"), "");
	macros_done(&m);
}

static void macros_without_memory_are_refused(void **state)
{
	static const char set[] = "M{auth_type}\0PLAIN\0{auth_authen}\0ann\0{cert_subject}\0/C=DE/O=An organisation with a name that is long/OU=The department for "
		"long names of those that have even longer ones/CN=mail.example.net\0{auth_author}\0bob\0";
	bool heard = false;
	int enough = 0;

	(void)state;
	for (; !heard && enough < 10; enough++) {
		struct macros m;

		macros_init(&m);
		grows_left = enough;
		heard = HEAR(&m, set);
		grows_left = -1;
		assert_string_equal(macro_text(&m, "{auth_authen}"), heard ? "ann" : "");
		assert_string_equal(macro_text(&m, "{auth_author}"), heard ? "bob" : "");
		macros_done(&m);
	}
	assert_true(heard && enough > 2); /* it was short at the first of them, and in between */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_whole_in_part_or_bad),
		cmocka_unit_test(strings_and_numbers_are_taken_whole_or_not_at_all),
		cmocka_unit_test(what_is_written_is_found_again),
		cmocka_unit_test(a_later_set_hides_an_earlier_one_and_goes_with_it),
		cmocka_unit_test(one_letter_may_have_braces_or_none),
		cmocka_unit_test(what_is_no_set_of_macros_is_refused),
		cmocka_unit_test(too_many_macros_are_none),
		cmocka_unit_test(macros_without_memory_are_refused),
	};

	return cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
