/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/milter/conn.h"
#include "filter/milter/protocol.h"

/* What the MTA would be told, a line for each packet; nothing is left over. */
static void read_packets(const struct text *out, struct text *ret)
{
	struct packet p;
	size_t size;

	for (size_t at = 0; at < out->len; at += size) {
		uint32_t index = 0;
		const char *name;

		assert_int_equal(packet_find(out->bytes + at, out->len - at, &p, &size), PACKET_WHOLE);
		if (p.command == SMFIR_REPLBODY) {
			text_addf(ret, "b %zu\n", p.len);
			continue;
		}
		if (p.command == SMFIR_INSHEADER || p.command == SMFIR_CHGHEADER)
			assert_true(packet_take_u32(&p, &index));
		name = packet_take_string(&p);
		text_addf(ret, "%c %u %s", p.command, (unsigned)index, name);
		if (p.len)
			text_addf(ret, ":%s", packet_take_string(&p));
		text_addc(ret, '\n');
		assert_int_equal(p.len, 0);
	}
}

static void what_is_inserted_last_stands_above_all(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4096), said = TEXT_INIT(4096);
	struct edit_removal remove[] = { { "Authentication-Results", 2 }, { "Authentication-Results", 1 } };
	struct edit_header tags[] = { { "X-Sluice-Tag", "a tag" } };
	struct edit_header insert[] = { { "X-First", "1" }, { "X-Second", "2\n\tfolded" } };
	struct edits edits = { .authres = "mx.example.org; none" };
	struct conn conn = { .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS, .lead_space = true };

	(void)state;
	edits.remove.items = remove;
	edits.remove.len = ARRAY_LEN(remove);
	edits.tags.items = tags;
	edits.tags.len = ARRAY_LEN(tags);
	edits.insert.items = insert;
	edits.insert.len = ARRAY_LEN(insert);
	assert_true(edits_apply(&out, &conn, &edits));
	read_packets(&out, &said);
	assert_string_equal(text_str(&said), "m 2 Authentication-Results:\n"
					     "m 1 Authentication-Results:\n"
					     "i 0 X-Sluice-Tag: a tag\n"
					     "i 0 X-First: 1\n"
					     "i 0 X-Second: 2\n\tfolded\n"
					     "i 0 Authentication-Results: mx.example.org; none\n");
}

static void nothing_is_added_that_the_mta_does_not_allow(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4096);
	struct edit_header insert[] = { { "X-First", "1" } };
	struct edits edits = { .hold = "why" };
	struct conn conn = { .actions = SMFIF_CHGHDRS };
	struct sluice_text piece = { "body", 4 };
	const char *who = "u@example.org";

	(void)state;
	edits.insert.items = insert;
	edits.insert.len = ARRAY_LEN(insert);
	edits.add_recipients.items = &who;
	edits.add_recipients.len = 1;
	edits.body.body.items = &piece;
	edits.body.body.len = 1;
	assert_false(edits_apply(&out, &conn, &edits));
	assert_false(edits_body(&out, &conn, &edits));
	assert_false(edits_recipients(&out, &conn, &edits));
	assert_false(edits_hold(&out, &conn, &edits));
	assert_int_equal(out.len, 0);
}

static void no_packet_is_longer_than_an_mta_takes_it(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1 << 20), said = TEXT_INIT(4096), value = TEXT_INIT(1 << 20);
	struct conn conn = { .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY };
	struct sluice_text pieces[3];
	struct edits edits = { 0 };

	(void)state;
	for (size_t i = 0; i < 70000; i++)
		text_addc(&value, 'x');
	edits.authres = text_str(&value);
	assert_false(edits_apply(&out, &conn, &edits));
	assert_int_equal(out.len, 0);
	pieces[0] = (struct sluice_text){ value.bytes, 10 };
	pieces[1] = (struct sluice_text){ value.bytes, 70000 };
	pieces[2] = (struct sluice_text){ value.bytes, 5 };
	edits.body.body.items = pieces;
	edits.body.body.len = ARRAY_LEN(pieces);
	assert_true(edits_body(&out, &conn, &edits));
	read_packets(&out, &said);
	assert_string_equal(text_str(&said), "b 65535\nb 4480\n");
}

static void first_who_gets_it_then_who_does_not(void **state)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(4096), said = TEXT_INIT(4096);
	struct conn conn = { .actions = SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_QUARANTINE };
	const char *more = "new@example.org", *gone = "old@example.org";
	struct edits edits = { .hold = "to be looked at" };

	(void)state;
	edits.add_recipients.items = &more;
	edits.remove_recipients.items = &gone;
	edits.add_recipients.len = edits.remove_recipients.len = 1;
	assert_true(edits_recipients(&out, &conn, &edits));
	assert_true(edits_hold(&out, &conn, &edits));
	read_packets(&out, &said);
	assert_string_equal(text_str(&said), "+ 0 <new@example.org>\n- 0 <old@example.org>\nq 0 to be looked at\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_inserted_last_stands_above_all),
		cmocka_unit_test(nothing_is_added_that_the_mta_does_not_allow),
		cmocka_unit_test(no_packet_is_longer_than_an_mta_takes_it),
		cmocka_unit_test(first_who_gets_it_then_who_does_not),
	};

	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
