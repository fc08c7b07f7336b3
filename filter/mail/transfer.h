/* SPDX-License-Identifier: BSD-2-Clause */
/* transfer.h - how the content of a part is encoded for its way (RFC 2045 6; uuencode, which was there before it). Pure. */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

enum transfer_encoding {
	TRANSFER_IDENTITY, /* 7bit, 8bit, binary: the octets are what they are */
	TRANSFER_BASE64,
	TRANSFER_QUOTED_PRINTABLE,
	TRANSFER_UUENCODE,
	TRANSFER_UNKNOWN, /* a word that is none of these: the octets are taken as they are */
};

enum transfer_encoding transfer_encoding_of(const char *word, size_t len);
/*
 * Add to out what the octets stand for. What is not of the encoding is passed over, or taken as it is: as readers do, so that what they
 * would show is what is seen. False: there was something of that, which some pass over and others stop at (of base64 other octets, or more
 * behind its end; of quoted-printable a "=" with neither two digits nor the end of the line), or it does not fit: out->failed is set.
 */
bool transfer_decode(struct text *out, enum transfer_encoding encoding, const char *bytes, size_t len);

#endif
