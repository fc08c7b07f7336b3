/* SPDX-License-Identifier: BSD-2-Clause */
/* ascii.h - characters and words without regard to the locale. Pure. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

char ascii_lower(char c);
bool ascii_is_digit(char c);
bool ascii_is_alpha(char c);
bool ascii_is_alnum(char c);
bool ascii_only(const char *s, size_t len);                                 /* no octet is beyond ASCII */
bool ascii_is_space(char c);                                                /* SP HT CR LF */
bool ascii_equal(const char *a, size_t a_len, const char *b, size_t b_len); /* without regard to case */
bool ascii_equals(const char *a, size_t a_len, const char *b);              /* the same, b a C string */
int ascii_hex_octet(const char *two); /* of two hexadecimal digits; -1: they are none */
/* All digits, at least one, and at most max. */
bool ascii_to_u64(const char *s, size_t len, uint64_t max, uint64_t *ret);

#endif
