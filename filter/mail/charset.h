/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * charset.h - text of mail in UTF-8, whatever it came in. Of the charsets that iconv knows only those that mail is written in: the others
 * serve but to reach code that nobody looks after. Pure.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

/* A charset with this name (RFC 2978), without regard to case, is one that we read. */
bool charset_is_known(const char *name, size_t len);
/* Text that says it is in that charset is already what charset_to_utf8() would make of it. */
bool charset_is_utf8_already(const char *name, size_t name_len, const char *bytes, size_t len);
/*
 * Add what is in that charset to out, as UTF-8; octets that mean nothing in it become U+FFFD. Where it is US-ASCII, unknown or not said
 * (""), UTF-8 is taken for UTF-8 and all else for windows-1252, as the readers of mail do. What does not fit is cut, and out->failed set.
 */
void charset_to_utf8(struct text *out, const char *name, size_t name_len, const char *bytes, size_t len);

#endif
