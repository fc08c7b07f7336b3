/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8.h - characters in UTF-8 (RFC 3629). Pure. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of the well-formed character at the start of bytes: 1 to 4; 0 when there is none. */
size_t utf8_char_len(const char *bytes, size_t len);
bool utf8_valid(const char *bytes, size_t len);
/* Octets of a byte order mark at the start, which editors put there and nobody sees: 3, or 0. */
size_t utf8_mark_len(const char *bytes, size_t len);
/* The code of one well-formed character of n octets. */
uint32_t utf8_decode(const char *bytes, size_t n);
/* The octets of a code up to 0x10ffff, no surrogate; their number. */
size_t utf8_encode(uint32_t code, char ret[4]);
/* Is one well-formed character of n octets a control character: C0, DEL or C1? */
bool utf8_is_control(const char *bytes, size_t n);
/* Is this a code that is not seen, or turns the direction of what is: controls, marks of direction, of no width, and tags? */
bool utf8_is_unseen(uint32_t code);

#endif
