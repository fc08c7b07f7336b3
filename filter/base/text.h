/* SPDX-License-Identifier: BSD-2-Clause */
/* text.h - a growing run of octets that carries its maximum from birth. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/cleanup.h"

struct text {
	char *bytes; /* a NUL after len; NULL while nothing was added: text_str() is then "" */
	size_t len;
	size_t capacity;
	size_t max;  /* of len */
	bool failed; /* something did not fit or there was no memory: what was added since is not in it */
	bool starved; /* of the two: there was no memory */
};

#define TEXT_INIT(max_bytes) ((struct text){ .max = (max_bytes) })

void text_done(struct text *t);
/* Make it empty again; its memory and its maximum stay, failed and starved are cleared. */
void text_clear(struct text *t);
const char *text_str(const struct text *t);

/* Make room for len octets in all, for who knows what will come; nothing happens where there is none. */
void text_room(struct text *t, size_t len);

/* Add octets. What does not fit whole is not added, and failed is set; later calls add nothing. */
void text_add(struct text *t, const void *bytes, size_t len);
void text_adds(struct text *t, const char *s);
void text_addc(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...) SLUICE_PRINTF(2, 3);
void text_addv(struct text *t, const char *format, va_list args) SLUICE_PRINTF(2, 0);
/* Add a text of somebody else's that is safe to show: UTF-8 without control characters, '?' in their place, cut to max octets. */
void text_add_safe(struct text *t, const char *bytes, size_t len, size_t max);
void text_add_int(struct text *t, int64_t n); /* in decimal */
void text_add_milli(struct text *t, int64_t thousandths); /* 1500 is "1.5", 2000 is "2" */

/*
 * The content of a file, added. 0; -errno, with nothing added; -EFBIG when it does not fit; -EINVAL when it is none. Regular files, and the
 * pipe of a shell's <(command); one with a name would keep us waiting for whoever writes to it.
 */
int text_read_file(struct text *t, const char *path) SLUICE_MUST_USE;
const char *text_file_error(int r); /* what text_read_file() returned, in words; as strerror() */

#endif
