/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/services/clock.h"
#include "filter/services/reactor.h"

enum { THREADS = 4, POSTS = 2000 };

struct poster {
	struct reactor *reactor;
	pthread_t thread;
	int next; /* of the reactor's thread: how many have run, each in its turn */
	int out_of_order;
};

struct item {
	struct poster *poster;
	int number;
};

static struct item items[THREADS][POSTS];

static void count(void *arg)
{
	struct item *item = arg;

	if (item->number != item->poster->next++)
		item->poster->out_of_order++;
}

static void *post_all(void *arg)
{
	struct item *item = arg;
	struct poster *p = item->poster;

	for (int i = 0; i < POSTS; i++) {
		item[i] = (struct item){ p, i };
		if (reactor_post(p->reactor, count, &item[i]) < 0)
			return NULL;
	}
	return NULL;
}

static void runs_posts_of_each_thread_in_order(void **state)
{
	struct reactor *r = reactor_new();
	static struct poster posters[THREADS];

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < THREADS; i++) {
		posters[i].reactor = r;
		items[i][0].poster = &posters[i];
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, items[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(posters[i].thread, NULL);
	reactor_free(r); /* runs what is left */
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(posters[i].next, POSTS);
		assert_int_equal(posters[i].out_of_order, 0);
	}
}

struct seen {
	pthread_t thread;
	sigset_t blocked;
};

static void see(void *arg)
{
	struct seen *seen = arg;

	seen->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
}

static void a_call_is_over_when_it_returns(void **state)
{
	struct reactor *r = reactor_new();
	struct seen seen = { .thread = pthread_self() };

	(void)state;
	sigemptyset(&seen.blocked);
	reactor_call(r, see, &seen);
	assert_false(pthread_equal(seen.thread, pthread_self()));
	assert_true(sigismember(&seen.blocked, SIGTERM));
	reactor_free(r);
	reactor_free(NULL);
}

static void clocks_go_forward(void **state)
{
	int64_t before = clock_mono_ns();

	(void)state;
	assert_true(clock_mono_ns() >= before);
	assert_true(clock_mono_ms() >= before / 1000000);
	assert_true(clock_wall_ms() > INT64_C(1600000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_posts_of_each_thread_in_order),
		cmocka_unit_test(a_call_is_over_when_it_returns),
		cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
