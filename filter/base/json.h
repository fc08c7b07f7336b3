/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - writing JSON (RFC 8259) into a text. The caller writes structure in order; commas are put where they belong.
 * Strings may hold any octets: what is not UTF-8 is shown as the replacement character U+FFFD; controls are escaped.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

/* Begin and end an object or array; key NULL inside an array and at the top. */
void json_open(struct text *t, const char *key, char bracket); /* '{' or '[' */
void json_close(struct text *t, char bracket);                 /* '}' or ']' */
void json_text(struct text *t, const char *key, const void *bytes, size_t len);
void json_str(struct text *t, const char *key, const char *s); /* NULL: null */
void json_int(struct text *t, const char *key, int64_t value);
void json_bool(struct text *t, const char *key, bool value);
void json_milli(struct text *t, const char *key, int64_t thousandths); /* 1500 is 1.5 */

#endif
