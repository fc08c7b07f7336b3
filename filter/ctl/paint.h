/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paint.h - colours, where they say at once what is well and what is not. Only on a terminal that has them (TERM), and not where NO_COLOR is set
 * and not empty: elsewhere the text stands alone.
 */
#ifndef CTL_PAINT_H
#define CTL_PAINT_H

#include <stdio.h>

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_LOOK, PAINT_BAD };

/* Text of len octets, then blanks up to width. */
void paint_text(FILE *out, enum paint how, const char *s, size_t len, size_t width);
void paint_word(FILE *out, enum paint how, const char *word, size_t width);

#endif
