/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "filter/services/handover.h"

static int freed;

static void free_thing(void *thing)
{
	(void)__atomic_add_fetch((int *)thing, 1, __ATOMIC_SEQ_CST);
}

static void *make(void *arg)
{
	handover_done(arg);
	return NULL;
}

static void what_is_made_in_time_is_taken(void **state)
{
	struct handover *h = handover_new(&freed, free_thing);
	pthread_t maker;

	(void)state;
	freed = 0;
	assert_int_equal(pthread_create(&maker, NULL, make, h), 0);
	assert_true(handover_wait(h, 60000));
	(void)pthread_join(maker, NULL);
	assert_int_equal(freed, 0);
	handover_leave(h);
	assert_int_equal(freed, 1);
}

static void who_comes_last_frees_it(void **state)
{
	struct handover *h = handover_new(&freed, free_thing);

	(void)state;
	freed = 0;
	assert_false(handover_wait(h, 10));
	handover_leave(h);
	assert_int_equal(freed, 0);
	handover_done(h);
	assert_int_equal(freed, 1);
}

static void it_holds_however_the_two_meet(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct handover *h = handover_new(&freed, free_thing);
		pthread_t maker;

		freed = 0;
		assert_int_equal(pthread_create(&maker, NULL, make, h), 0);
		if (i % 2)
			(void)handover_wait(h, 0);
		handover_leave(h);
		(void)pthread_join(maker, NULL);
		assert_int_equal(freed, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_in_time_is_taken),
		cmocka_unit_test(who_comes_last_frees_it),
		cmocka_unit_test(it_holds_however_the_two_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
