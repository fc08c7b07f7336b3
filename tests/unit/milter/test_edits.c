/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/text.h"
#include "filter/milter/edge.h"

static struct text said;

/* In the place of libmilter's: what the MTA would be told. */
int smfi_insheader(SMFICTX *ctx, int index, char *name, char *value)
{
	(void)ctx;
	text_addf(&said, "%d %s:%s\n", index, name, value);
	return MI_SUCCESS;
}

int smfi_chgheader(SMFICTX *ctx, char *name, int index, char *value)
{
	(void)ctx;
	text_addf(&said, "%s %d %s\n", value ? "change" : "remove", index, name);
	return MI_SUCCESS;
}

static void what_is_inserted_last_stands_above_all(void **state)
{
	struct edit_removal remove[] = { { "Authentication-Results", 2 }, { "Authentication-Results", 1 } };
	struct edit_header tags[] = { { "X-Sluice-Tag", "a tag" } };
	struct edit_header insert[] = { { "X-First", "1" }, { "X-Second", "2\n\tfolded" } };
	struct edits edits = { .authres = "mx.example.org; none" };
	struct conn conn = { .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS, .lead_space = true };

	(void)state;
	said = TEXT_INIT(4096);
	edits.remove.items = remove;
	edits.remove.len = ARRAY_LEN(remove);
	edits.tags.items = tags;
	edits.tags.len = ARRAY_LEN(tags);
	edits.insert.items = insert;
	edits.insert.len = ARRAY_LEN(insert);
	assert_true(edits_apply(NULL, &conn, &edits));
	assert_string_equal(text_str(&said), "remove 2 Authentication-Results\n"
					     "remove 1 Authentication-Results\n"
					     "0 X-Sluice-Tag: a tag\n"
					     "0 X-First: 1\n"
					     "0 X-Second: 2\n\tfolded\n"
					     "0 Authentication-Results: mx.example.org; none\n");
	text_done(&said);
}

static void nothing_is_added_that_the_mta_does_not_allow(void **state)
{
	struct edit_header insert[] = { { "X-First", "1" } };
	struct edits edits = { 0 };
	struct conn conn = { .actions = SMFIF_CHGHDRS };

	(void)state;
	said = TEXT_INIT(4096);
	edits.insert.items = insert;
	edits.insert.len = ARRAY_LEN(insert);
	assert_false(edits_apply(NULL, &conn, &edits));
	assert_int_equal(said.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_inserted_last_stands_above_all),
		cmocka_unit_test(nothing_is_added_that_the_mta_does_not_allow),
	};

	return cmocka_run_group_tests_name("edits", tests, NULL, NULL);
}
