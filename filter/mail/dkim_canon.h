/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim_canon.h - header and body in the form that is signed: canonicalization (RFC 6376 3.4). Pure. */
#ifndef MAIL_DKIM_CANON_H
#define MAIL_DKIM_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/*
 * "name:value" without a CRLF at the end, added to out. value: all behind the colon, folded by CRLF, or, for DKIM_RELAXED alone, by
 * LF.
 */
void dkim_canon_header(struct text *out, enum dkim_canon canon, const char *name, size_t name_len, const char *value, size_t value_len);

#define DKIM_CANON_BUFFER_BYTES 4096

/* A body on its way. Begin with dkim_canon_body(); the struct is the caller's, and has no end of its own. */
struct dkim_canon_body {
	enum dkim_canon canon;
	void (*out)(void *arg, const char *bytes, size_t len);
	void *arg;
	bool any, cr, blank; /* something was passed on; a CR, and white space, that wait for what follows */
	uint64_t lines;      /* ends of lines that wait */
	size_t used;
	char buffer[DKIM_CANON_BUFFER_BYTES];
};

/* out(arg, ...) is called with the octets of the canonical body, in pieces. */
void dkim_canon_body(struct dkim_canon_body *b, enum dkim_canon canon, void (*out)(void *arg, const char *bytes, size_t len), void *arg);
/* Some octets of the body, cut anywhere; a line ends with CRLF, and CR or LF alone is an octet as any other. */
void dkim_canon_body_add(struct dkim_canon_body *b, const char *bytes, size_t len);
/* No more of it. A last line without its end gets one; an empty body is a CRLF to DKIM_SIMPLE, and nothing to DKIM_RELAXED. */
void dkim_canon_body_end(struct dkim_canon_body *b);

#endif
