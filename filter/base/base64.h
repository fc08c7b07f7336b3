/* SPDX-License-Identifier: BSD-2-Clause */
/* base64.h - base64 (RFC 4648 4). Pure. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "filter/base/text.h"

/*
 * Decode, added to out. White space within is skipped, and padding may be missing, as mail has both. False: other octets are in it,
 * or more behind its end, or it ends in the middle of an octet; what can be read is added none the less, as lenient readers do. Or it
 * does not fit, and out->failed is set.
 */
bool base64_decode(struct text *out, const char *s, size_t len);
/* Encode, added to out, with padding and without line breaks. */
void base64_encode(struct text *out, const void *bytes, size_t len);

#endif
