/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mime.h - the parts of a message (RFC 2045, 2046), where they stand: nothing is copied but what is short. Finding them takes no stack and
 * a bounded time, whatever is nested in what. Pure; struct sluice_mime and what is in it is explained in plugin.h.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

struct mime_limits {
	unsigned parts;       /* at least 1 */
	unsigned depth;       /* parts in deeper ones are not looked for */
	size_t header_bytes;  /* of the header of one part */
	size_t content_bytes; /* of all that is decoded */
	size_t text_bytes;    /* of each text */
};

struct mime;

struct mime *mime_new(const struct mime_limits *limits); /* NULL: no memory */
void mime_free(struct mime *m);                          /* takes NULL */
/* A field of the message's own header, in their order; all before mime_parse(). */
void mime_field(struct mime *m, const char *name, size_t name_len, const char *value, size_t len);
/* Find them; body is borrowed as long as m. cut: there is more of it. Once. False: no memory. */
bool mime_parse(struct mime *m, const char *body, size_t len, bool cut);
const struct sluice_mime *mime_view(const struct mime *m); /* borrowed as long as m */
/* Where the header of that part begins, in the body or in what a message that is encoded was decoded to. NULL: it is the message itself. */
const char *mime_header(const struct mime *m, size_t part);
/* Of a message that is a multipart its boundary, and where the line of the last one begins. NULL: there is none. */
const char *mime_boundary(const struct mime *m);
const char *mime_last_boundary(const struct mime *m);
/* As sluice_mime_content() and sluice_mime_text(). */
const char *mime_content(struct mime *m, size_t part, size_t *ret_len);
const char *mime_text(struct mime *m, size_t part, size_t *ret_len);

#endif
