/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/listing.h"

#include <stdio.h>
#include <stdlib.h>

void listing_begin(struct listing *l)
{
	*l = (struct listing){ .item = TEXT_INIT(LISTING_ITEM_MAX) };
	putchar('[');
}

struct text *listing_next(struct listing *l)
{
	fputs(text_str(&l->item), stdout);
	fputs(l->count++ ? ",\n" : "", stdout);
	text_clear(&l->item);
	return &l->item;
}

void listing_put(struct listing *l, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	text_adds(listing_next(l), text ? text : "null");
	free(text);
}

void listing_end(struct listing *l)
{
	fputs(text_str(&l->item), stdout);
	puts("]");
	text_done(&l->item);
}
