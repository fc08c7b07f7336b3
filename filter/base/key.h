/* SPDX-License-Identifier: BSD-2-Clause */
/* key.h - keys of the store, made of parts: "limit|fast|192.0.2.0/24". Pure. */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include <stdbool.h>

#include "filter/base/text.h"

/*
 * Add "|" and a part. Blanks, controls, '|' and '%' become %HH, so that no part can be mistaken for two and a person can
 * type it; fold: ASCII letters become small ones.
 */
void key_add(struct text *key, const char *part, size_t len, bool fold);
/* What a person gives for a part, as it was or as it is shown: the escapes of key_add() are undone, and nothing else. Added to out. */
void key_unescape(struct text *out, const char *part, size_t len);
/* One of more than max octets (at least 18) keeps its first, and has its hash in the place of the rest: the same in each process. */
void key_shorten(struct text *key, size_t max);

#endif
