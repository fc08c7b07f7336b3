/* SPDX-License-Identifier: BSD-2-Clause */
/* test_store_lmdb.c - a file that has grown to its max_size. What else the store promises: tests/contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/services/clock.h"
#include "filter/services/store_lmdb.h"

#define HOUR_MS     3600000
#define PATIENCE_MS 20000 /* it takes two seconds, and longer on a machine that is busy */

static int64_t shift_ms; /* atomic */

/* The linker gives this to the store: entries of an hour expire at once. */
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000 + __atomic_load_n(&shift_ms, __ATOMIC_RELAXED);
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void on_answer(void *arg, const struct sluice_store_answer *answer)
{
	long *counts = arg;

	(void)__atomic_add_fetch(&counts[answer->status == SLUICE_STORE_FAILED], 1, __ATOMIC_RELEASE);
}

/* So many new entries at once, of keys in no order, as hashes are. True: all were taken. */
static bool add(struct store *s, int count)
{
	static unsigned next;
	long counts[2] = { 0 };
	char key[120];

	for (int i = 0; i < count; i++, next++) {
		int len = snprintf(key, sizeof key, "%08x-%u-%080d", next * 2654435761U, next, 0);
		struct sluice_store_op op = { .verb = SLUICE_STORE_GREYLIST, .key = key, .key_len = (size_t)len, .greylist = { 1000, HOUR_MS, HOUR_MS } };

		store_run(s, &op, on_answer, counts);
	}
	while (__atomic_load_n(&counts[0], __ATOMIC_ACQUIRE) + __atomic_load_n(&counts[1], __ATOMIC_ACQUIRE) < count)
		pause_ms(1);
	return counts[1] == 0;
}

static const struct {
	size_t max_bytes;
	int burst; /* twenty of them are less than half of what fits */
} cases[] = { { 1 << 20, 1 }, { 1 << 20, 20 }, { 8 << 20, 300 } };

static void a_file_that_was_full_is_of_use_again_when_its_entries_have_expired(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char folder[] = "/tmp/sluice-test-XXXXXX", path[64];
		struct store_lmdb_settings settings = { .path = mkdtemp(folder), .max_bytes = cases[i].max_bytes };
		struct err err;
		struct store *s = store_lmdb_open(&settings, &err);
		int64_t until_ms;
		uint64_t entries;

		assert_non_null(s);
		while (store_stats(s).working)
			(void)add(s, 256);
		entries = store_stats(s).entries;
		(void)__atomic_add_fetch(&shift_ms, 2 * HOUR_MS, __ATOMIC_RELAXED);
		until_ms = clock_mono_ms() + PATIENCE_MS;
		for (int good = 0; good < 20; pause_ms(20)) { /* for longer than until what has been answered is committed */
			good = add(s, cases[i].burst) ? good + 1 : 0;
			if (clock_mono_ms() > until_ms)
				fail_msg("row %zu: it does not work again", i);
		}
		while (!store_stats(s).working || store_stats(s).entries > entries / 2) {
			assert_true(add(s, 1));
			pause_ms(20);
			if (clock_mono_ms() > until_ms)
				fail_msg("row %zu: of %llu entries %llu are there", i, (unsigned long long)entries, (unsigned long long)store_stats(s).entries);
		}
		store_free(s);
		for (size_t file = 0; file < 2; file++) {
			(void)snprintf(path, sizeof path, "%s/%s", folder, file ? "lock.mdb" : "data.mdb");
			(void)unlink(path);
		}
		(void)rmdir(folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_was_full_is_of_use_again_when_its_entries_have_expired),
	};

	return cmocka_run_group_tests_name("store_lmdb", tests, NULL, NULL);
}
