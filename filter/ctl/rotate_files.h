/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rotate_files.h - the keys of one domain and type in their folder, by what they do: SELECTOR.pem signs, SELECTOR.next will, and
 * SELECTOR.retired did. The daemon reads those of the first kind alone.
 */
#ifndef CTL_ROTATE_FILES_H
#define CTL_ROTATE_FILES_H

#include "filter/base/vec.h"
#include "filter/mail/sign_key.h"

#define ROTATE_SIGNS   ".pem"
#define ROTATE_NEXT    ".next"
#define ROTATE_RETIRED ".retired"

struct rotate_key {
	char *selector;
	int64_t made_s;
	char *record; /* what the DNS should have */
};
struct rotate_keys {
	struct rotate_key *items;
	size_t len, capacity;
};

struct rotate_folder {
	const char *keys, *domain; /* KEYS/DOMAIN */
	enum dkim_key_type type;
	const char *user; /* as whom the daemon runs */
};

/* The keys with this suffix. An exit status; a folder that is not there has none. */
int rotate_files_list(const struct rotate_folder *folder, const char *suffix, struct rotate_keys *ret);
void rotate_keys_done(struct rotate_keys *keys);
/* The key of that selector. NULL: it is not there. */
const struct rotate_key *rotate_keys_find(const struct rotate_keys *keys, const char *selector);
/* Is there a file of that selector with any of the suffixes, whatever is in it? */
bool rotate_files_taken(const struct rotate_folder *folder, const char *selector);
/* Give a key another suffix, and have that on the disk; `to` NULL: delete it. An exit status. */
int rotate_files_move(const struct rotate_folder *folder, const char *selector, const char *from, const char *to);

#endif
