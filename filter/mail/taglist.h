/* SPDX-License-Identifier: BSD-2-Clause */
/* taglist.h - lists of tags (RFC 6376 3.2), as DKIM has them in its signatures and keys: "v=1; a=rsa-sha256; ...". Pure. */
#ifndef MAIL_TAGLIST_H
#define MAIL_TAGLIST_H

#include <stdbool.h>
#include <stddef.h>

#define TAGLIST_MAX_TAGS 32 /* a longer list breaks the grammar */

struct tag {
	const char *name;
	size_t name_len;
	const char *value; /* as it stands there, without the white space at its ends */
	size_t value_len;
};
struct taglist {
	struct tag tags[TAGLIST_MAX_TAGS]; /* in their order */
	size_t count;
};

/* The tags of a list, borrowed from it. False: it breaks the grammar, or has one tag twice. */
bool taglist_parse(const char *bytes, size_t len, struct taglist *ret);
/* NULL: it is not there. Names differ by their case. */
const struct tag *taglist_find(const struct taglist *l, const char *name);
/* The value without any white space, and a NUL after it. False: it has more than size - 1 octets; buf is then "". */
bool tag_squeeze(const struct tag *tag, char *buf, size_t size);
/* The next word of a value of words with colons between ("dns/txt : x"), without white space at its ends. *pos is 0 at first. */
bool tag_next_word(const struct tag *tag, size_t *pos, const char **ret_word, size_t *ret_len);

#endif
