/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim_published.h - are the keys that sign in the DNS? */
#ifndef ENGINE_DKIM_PUBLISHED_H
#define ENGINE_DKIM_PUBLISHED_H

#include "filter/engine/snapshot.h"

enum dkim_found {
	DKIM_FOUND_GOOD,
	DKIM_FOUND_TESTING,
	DKIM_FOUND_MISSING,
	DKIM_FOUND_OTHER,
	DKIM_FOUND_REVOKED,
	DKIM_FOUND_NOT_FOR_MAIL,
	DKIM_FOUND_SEVERAL,
	DKIM_FOUND_UNANSWERED,
};
extern const char *const dkim_found_words[]; /* "good", "testing" and so on */
extern const char *const dkim_found_texts[]; /* what that means, for people */
/* Signatures by the key are worth nothing to others, and the DNS said so. */
bool dkim_found_is_bad(enum dkim_found found);

struct dkim_published {
	const char *name, *record; /* what the DNS should have */
	enum dkim_found found;
};
/*
 * Each key of the configuration that signs for the domain (in small letters; NULL: for any that the configuration names), asked for side by side;
 * each is answered within the resolver's own timeout. A key that is used for several purposes comes once. How many there are, or -ENOMEM.
 */
int dkim_published_each(const struct snapshot *s, const char *domain, void (*key)(void *arg, const struct dkim_published *p), void *arg);

#endif
