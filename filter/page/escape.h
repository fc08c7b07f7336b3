/* SPDX-License-Identifier: BSD-2-Clause */
/* escape.h - text as HTML has it. Pure. */
#ifndef PAGE_ESCAPE_H
#define PAGE_ESCAPE_H

#include "filter/base/text.h"

/*
 * Add octets as text, between tags or in an attribute with double quotes: nothing in them is markup. What would not be seen, or would turn the
 * direction of what is (controls, U+200B to U+200F, U+202A to U+202E, U+2060 to U+206F, U+FEFF, tags), is shown by its number; what is no UTF-8 as U+FFFD.
 */
void escape_text(struct text *out, const char *bytes, size_t len);
/* The same of a C string; NULL is nothing. */
void escape_str(struct text *out, const char *s);
/* Octets as one value in a query or a part of a path, in an attribute. */
void escape_url(struct text *out, const char *s);

#endif
