/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdlib.h>

#include "config.h"
#include "filter/base/grow.h"

#define HOLES      60
#define HOLE_BYTES 2048 /* more than what the cache of a thread takes, */
#define HOLE_STEP  16   /* and what is left of a hole has up to a KB, as much as it does take */

static void what_was_there_is_there(void **state)
{
	char *p = grow(NULL, 0, 4);

	(void)state;
	assert_non_null(p);
	memcpy(p, "abc", 4);
	for (size_t had = 4; had <= 1u << 20; had *= 4) { /* moved, and then by realloc() */
		p = grow(p, had, had * 4);
		assert_non_null(p);
		assert_string_equal(p, "abc");
		memset(p + had, 'x', had * 3);
	}
	free(p);
}

#ifndef SANITIZED /* their malloc() ends the process, and tells nothing of what it has */
static void no_memory_leaves_what_there_was(void **state)
{
	char *p = grow(NULL, 0, 4);
	volatile size_t too_much = PTRDIFF_MAX;

	(void)state;
	assert_non_null(p);
	memcpy(p, "abc", 4);
	assert_null(grow(p, 4, too_much));
	assert_string_equal(p, "abc");
	free(p);
}

/* Blocks that grow in front of holes of many sizes, each of fresh memory: nothing is kept when all have been freed. */
static void no_odd_rests_are_kept(void **state)
{
	char *grown[HOLES], *behind[HOLES];
	size_t before = mallinfo2().uordblks, after;

	(void)state;
	for (size_t i = 0; i < HOLES; i++) {
		char *block = grow(NULL, 0, HOLE_BYTES), *hole = malloc(HOLE_BYTES + HOLE_STEP * (i + 2));

		behind[i] = malloc(HOLE_BYTES);
		assert_true(block && hole && behind[i]);
		free(hole);
		grown[i] = grow(block, HOLE_BYTES, 2 * HOLE_BYTES);
		assert_non_null(grown[i]);
	}
	for (size_t i = 0; i < HOLES; i++) {
		free(grown[i]);
		free(behind[i]);
	}
	after = mallinfo2().uordblks;
	assert_in_range(after, 0, before + HOLE_BYTES);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_there_is_there),
#ifndef SANITIZED
		cmocka_unit_test(no_memory_leaves_what_there_was),
		cmocka_unit_test(no_odd_rests_are_kept),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
