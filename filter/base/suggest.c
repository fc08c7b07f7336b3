/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/suggest.h"

#include <string.h>

#include "filter/base/ascii.h"

#define SUGGEST_MAX_LEN 64 /* longer words are nobody's typing error */

struct suggest suggest_for(const char *word, size_t len)
{
	/* Up to a third may be wrong: beyond that a suggestion puzzles more than it helps. */
	unsigned near = len < 3 ? 1 : (unsigned)((len + 1) / 3);

	return (struct suggest){ .word = word, .len = len, .distance = near + 1 };
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to insert, delete, change, or swap with their neighbour to make one word of the other. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][SUGGEST_MAX_LEN + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (unsigned j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *recycled = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned changed = ascii_lower(a[i - 1]) != ascii_lower(b[j - 1]);

			now[j] = least(last[j - 1] + changed, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && ascii_lower(a[i - 1]) == ascii_lower(b[j - 2]) &&
				ascii_lower(a[i - 2]) == ascii_lower(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = recycled;
	}
	return last[b_len];
}

void suggest_try(struct suggest *s, const char *candidate)
{
	size_t len = strlen(candidate);
	unsigned distance;

	if (s->len == 0 || s->len > SUGGEST_MAX_LEN || len > SUGGEST_MAX_LEN)
		return;
	distance = edit_distance(s->word, s->len, candidate, len);
	if (distance < s->distance && distance < s->len) {
		s->best = candidate;
		s->distance = distance;
	}
}
