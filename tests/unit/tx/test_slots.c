/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/services/clock.h"
#include "filter/tx/slots.h"

static const char zone_text[] = "a.example A 192.0.2.1\nsilent.example A TIMEOUT\n";

static struct zone *zone;
static struct resolver *resolver;

static int begin(void **state)
{
	struct resolver_settings settings = { .only_local = true };
	struct err err;

	(void)state;
	if (zone_parse("zone", zone_text, sizeof zone_text - 1, &zone, &err) < 0)
		return -1;
	settings.local = zone;
	resolver = resolver_new(NULL, &settings, &err);
	return resolver ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	resolver_free(resolver);
	zone_free(zone);
	return 0;
}

static void count(void *arg, const struct slot_row *row)
{
	(void)row;
	++*(unsigned *)arg;
}

static unsigned slots_count(struct slots *s)
{
	unsigned n = 0;

	slots_each(s, count, &n);
	return n;
}

static void one_slot_for_a_name_and_type(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);
	const struct sluice_dns_answer *a = slots_ask_dns(s, SLOT_CONNECTION, "a.example", SLUICE_DNS_A, NULL, 0);

	(void)state;
	assert_int_equal(a->status, SLUICE_DNS_OK);
	assert_ptr_equal(slots_ask_dns(s, SLOT_MESSAGE, "A.Example.", SLUICE_DNS_A, NULL, 1), a);
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "a.example", SLUICE_DNS_TXT, NULL, 1)->status, SLUICE_DNS_NODATA);
	assert_int_equal(slots_count(s), 2);
	slots_end(s, SLOT_MESSAGE);
	assert_int_equal(slots_count(s), 1);
	slots_free(s);
}

static void a_name_that_cannot_be_is_nxdomain(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);

	(void)state;
	assert_int_equal(slots_ask_dns(s, SLOT_CONNECTION, "a..example", SLUICE_DNS_A, NULL, 0)->status, SLUICE_DNS_NXDOMAIN);
	assert_int_equal(slots_count(s), 0);
	slots_free(s);
}

static void silence_becomes_a_timeout_for_those_whose_time_is_up(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);

	(void)state;
	assert_null(slots_ask_dns(s, SLOT_CONNECTION, "silent.example", SLUICE_DNS_A, NULL, 3));
	assert_int_equal(slots_wait(s, clock_mono_ms() + 5), 0);
	slots_expire(s, UINT64_C(1) << 2);
	assert_null(slots_ask_dns(s, SLOT_CONNECTION, "silent.example", SLUICE_DNS_A, NULL, 3));
	slots_expire(s, UINT64_C(1) << 3);
	assert_int_equal(slots_ask_dns(s, SLOT_CONNECTION, "silent.example", SLUICE_DNS_A, NULL, 3)->status, SLUICE_DNS_TIMEOUT);
	slots_free(s);
}

static void who_shares_a_slot_whose_time_is_up_is_told(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);

	(void)state;
	assert_null(slots_ask_dns(s, SLOT_CONNECTION, "silent.example", SLUICE_DNS_A, NULL, 3));
	assert_null(slots_ask_dns(s, SLOT_MESSAGE, "silent.example", SLUICE_DNS_A, NULL, 4));
	slots_expire(s, UINT64_C(1) << 3);
	assert_false(slots_is_waiting(s, 4));
	assert_int_equal(slots_wait(s, clock_mono_ms() + 5), UINT64_C(1) << 4);
	slots_free(s);
}

static void questions_beyond_the_limit_fail(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 1);

	(void)state;
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "a.example", SLUICE_DNS_A, NULL, 0)->status, SLUICE_DNS_OK);
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "b.example", SLUICE_DNS_A, NULL, 0)->status, SLUICE_DNS_FAILED);
	slots_end(s, SLOT_MESSAGE);
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "b.example", SLUICE_DNS_A, NULL, 0)->status, SLUICE_DNS_NXDOMAIN);
	slots_free(s);
}

static void what_one_waiter_asks_leaves_the_others_their_number(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 1);
	const struct sluice_dns_answer *failed;

	(void)state;
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "a.example", SLUICE_DNS_A, NULL, 0)->status, SLUICE_DNS_OK);
	failed = slots_ask_dns(s, SLOT_MESSAGE, "b.example", SLUICE_DNS_A, NULL, 0);
	assert_int_equal(failed->status, SLUICE_DNS_FAILED);
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "a.example", SLUICE_DNS_A, NULL, 1)->status, SLUICE_DNS_OK); /* costs nothing */
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "b.example", SLUICE_DNS_A, NULL, 1)->status, SLUICE_DNS_NXDOMAIN);
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "c.example", SLUICE_DNS_A, NULL, 1)->status, SLUICE_DNS_FAILED);
	assert_ptr_equal(slots_ask_dns(s, SLOT_MESSAGE, "b.example", SLUICE_DNS_A, NULL, 0), failed); /* he goes on with what he has heard */
	slots_free(s);
}

static void a_slot_lives_as_long_as_the_longest_scope_of_its_waiters(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 1);

	(void)state;
	assert_null(slots_ask_dns(s, SLOT_MESSAGE, "silent.example", SLUICE_DNS_A, NULL, 1));
	assert_null(slots_ask_dns(s, SLOT_CONNECTION, "silent.example", SLUICE_DNS_A, NULL, 2));
	assert_null(slots_ask_dns(s, SLOT_MESSAGE, "silent.example", SLUICE_DNS_A, NULL, 1)); /* makes it no shorter */
	assert_int_equal(slots_ask_dns(s, SLOT_MESSAGE, "a.example", SLUICE_DNS_A, NULL, 1)->status, SLUICE_DNS_OK); /* his number is whole again */
	slots_end(s, SLOT_MESSAGE);
	assert_int_equal(slots_count(s), 1);
	assert_true(slots_is_waiting(s, 2));
	assert_int_equal(slots_ask_dns(s, SLOT_CONNECTION, "a.example", SLUICE_DNS_A, NULL, 2)->status, SLUICE_DNS_FAILED); /* it counts for this one now */
	slots_free(s);
}

static void shown(void *arg, const struct slot_row *row)
{
	*(const char **)arg = row->name;
}

static void a_secret_name_is_shown_as_it_may_be(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);
	const char *name = NULL;

	(void)state;
	(void)slots_ask_dns(s, SLOT_MESSAGE, "key.bl.example", SLUICE_DNS_A, "bl.example", 0);
	slots_each(s, shown, &name);
	assert_string_equal(name, "bl.example");
	slots_free(s);
}

static void without_a_program_its_answer_is_failed(void **state)
{
	struct slots *s = slots_new(resolver, NULL, 10);
	const struct sluice_program_answer *a = slots_ask_program(s, SLOT_MESSAGE, NULL, "{}", 2, 1);

	(void)state;
	assert_non_null(a);
	assert_int_equal(a->status, SLUICE_PROGRAM_FAILED);
	assert_ptr_equal(slots_ask_program(s, SLOT_MESSAGE, NULL, "{}", 2, 2), a);
	assert_ptr_not_equal(slots_ask_program(s, SLOT_MESSAGE, NULL, "[]", 2, 2), a);
	assert_int_equal(slots_count(s), 2);
	slots_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_slot_for_a_name_and_type),
		cmocka_unit_test(a_name_that_cannot_be_is_nxdomain),
		cmocka_unit_test(silence_becomes_a_timeout_for_those_whose_time_is_up),
		cmocka_unit_test(who_shares_a_slot_whose_time_is_up_is_told),
		cmocka_unit_test(questions_beyond_the_limit_fail),
		cmocka_unit_test(what_one_waiter_asks_leaves_the_others_their_number),
		cmocka_unit_test(a_slot_lives_as_long_as_the_longest_scope_of_its_waiters),
		cmocka_unit_test(a_secret_name_is_shown_as_it_may_be),
		cmocka_unit_test(without_a_program_its_answer_is_failed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
