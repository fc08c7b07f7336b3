/* SPDX-License-Identifier: BSD-2-Clause */
/* listing.h - what `--json` of a command that lists prints: one array, a line for each element (base/json.h). */
#ifndef CTL_LISTING_H
#define CTL_LISTING_H

#include <jansson.h>

#include "filter/base/text.h"

#define LISTING_ITEM_MAX (256u << 20)

struct listing {
	size_t count;
	struct text item;
};

void listing_begin(struct listing *l);
/* Where the next element is written to; the one before is printed. */
struct text *listing_next(struct listing *l);
/* The next element, as jansson has it. */
void listing_put(struct listing *l, const json_t *value);
void listing_end(struct listing *l);

#endif
