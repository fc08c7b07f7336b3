/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shown.h - text from elsewhere on a terminal, which obeys control characters. What would not be seen, would move the cursor or turn the direction
 * of writing is shown by its number, such as [U+001B], as the pages of the daemon do; an octet that is no UTF-8 as [0x9B].
 */
#ifndef CTL_SHOWN_H
#define CTL_SHOWN_H

#include <stdio.h>

#include "filter/base/text.h"

/* Add the character that s begins with; how many octets it was. len is not 0. */
size_t shown_char(struct text *out, const char *s, size_t len);
void shown_add(struct text *out, const char *s, size_t len);
void shown_put(FILE *out, const char *s);
/* Of several lines, whose ends, LF or CRLF, and tabs stay. */
void shown_lines(FILE *out, const char *s, size_t len);

#endif
