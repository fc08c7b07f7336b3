/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdalign.h>

#include "filter/base/arena.h"

static void gives_zeroed_and_aligned_memory(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	assert_non_null(a);
	for (int round = 0; round < 3; round++) {
		for (size_t size = 0; size < 3000; size += 7) {
			unsigned char *p = arena_alloc(a, size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			if (size > 0)
				memset(p, 0xa5, size);
			if (size % 70 == 0)
				arena_reset(a);
		}
	}
	arena_free(a);
}

static void keeps_to_its_maximum(void **state)
{
	struct arena *a = arena_new(10000);
	size_t given = 0;

	(void)state;
	assert_null(arena_alloc(a, 10001));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 3));
	while (arena_alloc(a, 1000))
		given += 1000;
	assert_in_range(given, 9000, 10000);
	arena_reset(a);
	assert_non_null(arena_alloc(a, 9900));
	assert_null(arena_alloc(a, 200));
	assert_non_null(arena_alloc(a, 1));
	arena_free(a);
}

static void zero_bytes_count_too(void **state)
{
	struct arena *a = arena_new(1000);
	int given = 0;

	(void)state;
	while (arena_alloc(a, 0))
		given++;
	assert_in_range(given, 1, 1000);
	arena_free(a);
}

static void copies_and_prints(void **state)
{
	struct arena *a = arena_new(100000);
	const char *copy = arena_copy(a, "a\0b", 3);

	(void)state;
	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(arena_copy(a, NULL, 0), "");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_int_equal(strlen(arena_printf(a, "%*s", 9000, "")), 9000);
	assert_null(arena_printf(a, "%*s", 100000, ""));
	arena_free(a);
}

static void freeing_nothing_is_allowed(void **state)
{
	(void)state;
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_and_aligned_memory),
		cmocka_unit_test(keeps_to_its_maximum),
		cmocka_unit_test(zero_bytes_count_too),
		cmocka_unit_test(copies_and_prints),
		cmocka_unit_test(freeing_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
