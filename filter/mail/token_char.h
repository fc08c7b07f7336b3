/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token_char.h - the characters of words: which make one, and what of their many looks is left, so that a word that is written in another
 * way is the same word. Pure, and without the tables of a library, as what was learned has to mean the same after its next release.
 */
#ifndef MAIL_TOKEN_CHAR_H
#define MAIL_TOKEN_CHAR_H

#include <stdint.h>

enum token_char {
	TOKEN_CHAR_GAP,     /* it ends a word */
	TOKEN_CHAR_NOTHING, /* nobody sees it, or a mark on the character before it: it is as if it were not there */
	TOKEN_CHAR_WORD,    /* a letter or digit */
	TOKEN_CHAR_RUN,     /* of a script that puts no blanks between words: Chinese, Japanese, Thai, ... */
	TOKEN_CHAR_ALONE,   /* a word of its own: emoji */
};

/*
 * What a character is. *code becomes the one that is meant by it: a small letter, without marks where it is a Latin one; those of full width, in
 * circles and squares, and of mathematics are the letters that they show.
 */
enum token_char token_char_fold(uint32_t *code);

#endif
