/* SPDX-License-Identifier: BSD-2-Clause */
/* encoded_word.h - unstructured text of a header field (RFC 5322 2.2.1) with its encoded words (RFC 2047), as UTF-8. Pure. */
#ifndef MAIL_ENCODED_WORD_H
#define MAIL_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

/* There is at least one. */
bool encoded_word_is_in(const char *value, size_t len);
/*
 * Add the value, unfolded, to out. An encoded word is one wherever it stands, also where RFC 2047 5 has none, as readers take it for one;
 * characters that are cut between two are put together. Other octets are read as charset_to_utf8() does what does not say its charset.
 */
void encoded_word_decode(struct text *out, const char *value, size_t len);

#endif
