/* SPDX-License-Identifier: BSD-2-Clause */
/* suggest.h - did you mean: the nearest of some words. Pure. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

struct suggest {
	const char *word; /* what was written */
	size_t len;
	const char *best; /* the nearest so far that is near enough, or NULL */
	unsigned distance;
};

struct suggest suggest_for(const char *word, size_t len);
/* Look at one candidate; it must live as long as the suggestion. */
void suggest_try(struct suggest *s, const char *candidate);

#endif
