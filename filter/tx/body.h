/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * body.h - the body of a message, kept once for all checks that want to look at it: in memory up to a size, beyond it in a file without a
 * name, which goes with the last who has it open.
 */
#ifndef TX_BODY_H
#define TX_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct body_limits {
	size_t memory_bytes;
	size_t max_bytes;  /* no more is kept */
	const char *spool; /* the folder of the file; borrowed as long as there is a body */
};

struct body;

struct body *body_new(const struct body_limits *limits); /* NULL: no memory */
void body_free(struct body *b);                          /* takes NULL */
/* What does not fit any more, or cannot be written, is counted. Not after body_bytes(). */
void body_add(struct body *b, const char *bytes, size_t len);
size_t body_size(const struct body *b); /* of all that was added */
bool body_is_cut(const struct body *b); /* that is more than is kept */
/* Was the spool folder needed? *ret_kept: and could the body be written there? */
bool body_is_large(const struct body *b, bool *ret_kept);
/* All that is kept, as long as there is a body. NULL, with *ret_why, a static text: it could not be. */
const char *body_bytes(struct body *b, size_t *ret_len, const char **ret_why);

#endif
