/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * headers_eval.h - is the message what RFC 5322 wants one to be? Looked at as it comes: its header fields, and the lines of its body.
 * Nothing here refuses: much of it good mail does, too. Pure.
 */
#ifndef HEADERS_EVAL_H
#define HEADERS_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

/* Fields that a message has at most once (RFC 5322 3.6, RFC 2045 3), those first that it should have. */
enum headers_field {
	HEADERS_DATE,
	HEADERS_FROM,
	HEADERS_TO,
	HEADERS_MESSAGE_ID,
	HEADERS_SUBJECT,
	HEADERS_WANTED,
	HEADERS_SENDER = HEADERS_WANTED,
	HEADERS_REPLY_TO,
	HEADERS_CC,
	HEADERS_BCC,
	HEADERS_IN_REPLY_TO,
	HEADERS_REFERENCES,
	HEADERS_MIME_VERSION,
	HEADERS_CONTENT_TYPE,
	HEADERS_CONTENT_TRANSFER_ENCODING,
	HEADERS_FIELDS,
};
extern const char *const headers_names[HEADERS_FIELDS]; /* in the order of enum headers_field */

struct headers {
	unsigned count[HEADERS_FIELDS];
	bool malformed[HEADERS_FIELDS]; /* one of this name is */
	bool has_date;
	int64_t date_s;
	struct text from;     /* the address in From, of the first field */
	struct text shown;    /* what its display name says, decoded, in UTF-8 */
	struct text reply_to; /* the first address in Reply-To */
	unsigned addressees;  /* addresses in To and Cc */
	const char *our_name; /* borrowed */
	unsigned received, received_by_us;
	bool eight_bit;       /* octets that are not ASCII, in the header */
	bool control;         /* controls other than tabs, in the header */
	bool long_line;       /* of more than 998 octets without its end (RFC 5322 2.1.1), in header or body */
	bool bare_cr, bare_lf; /* an end of line that is none (RFC 5321 2.3.8), in header or body */
	bool hidden_end;      /* a line of one dot between ends of lines that are not all CRLF: some servers see the end of the message there */
	bool has_body;        /* there is something in it that is no white space */
	/* of the body, up to what was read: */
	size_t line_len;
	bool only_dot;   /* the line so far is one dot */
	bool after_bare; /* the line before ended with a bare CR or LF */
	bool after_cr;   /* the last octet was a CR */
};

void headers_init(struct headers *h, const char *our_name); /* which is borrowed */
void headers_done(struct headers *h);
/* value: all behind the colon, with its folds. */
void headers_see_field(struct headers *h, const char *name, size_t name_len, const char *value, size_t len);
/* Cut anywhere. */
void headers_see_body(struct headers *h, const char *bytes, size_t len);
/*
 * The first address that the display name of From shows and that is another one than that in From, added to out. False: there is none.
 */
bool headers_shown_address(const struct headers *h, struct text *out);

#endif
