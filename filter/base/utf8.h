/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.h - is it UTF-8 (RFC 3629)? Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the well-formed character at the start of bytes: 1 to 4; 0 when there is none. */
size_t utf8_char_len(const char *bytes, size_t len);
bool utf8_valid(const char *bytes, size_t len);

#endif
