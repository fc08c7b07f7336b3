/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mime_param.h - the parameters of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2183 2), also as RFC 2231 extends them, and as
 * those write them who have read neither. Pure.
 */
#ifndef MAIL_MIME_PARAM_H
#define MAIL_MIME_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

/* What the writing of a parameter has that fools one reader or another; together in an unsigned. */
enum mime_param_odd {
	MIME_PARAM_REPEATED = 1,  /* it is there twice in one form, or with parts (NAME*0) that are there twice */
	MIME_PARAM_EIGHT_BIT = 2, /* octets that are not ASCII, as they are */
	MIME_PARAM_BOTH = 4,      /* encoded as RFC 2231 has it, and what that gives has encoded words (RFC 2047) */
	MIME_PARAM_CONTROL = 8,   /* NUL or another control character, also encoded */
	MIME_PARAM_OPEN = 16,     /* a quoted string that does not end */
	MIME_PARAM_LONG = 32,     /* it is longer than is given of it */
};

/*
 * Call found() for each value that the parameter `want` ("filename", in lower case) has in the value of a header field: first in the form
 * NAME*=, then NAME*0= and so on as one, then NAME=, in their order there. decode: they are text, to be given in UTF-8, and encoded words in
 * them (which RFC 2047 5 forbids, and all write) are decoded; else they are given as they are. Of a value
 * 1000 octets are given. Returns what is odd.
 */
unsigned mime_param_find(const char *value, size_t len, const char *want, bool decode, void (*found)(void *arg, const char *text, size_t len), void *arg);

#endif
