/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_onenote.h - the files that are in a notebook of OneNote ([MS-ONESTORE] 2.6.13), found by what they begin with. Pure. */
#ifndef SCAN_SCAN_ONENOTE_H
#define SCAN_SCAN_ONENOTE_H

#include <stdbool.h>
#include <stddef.h>

bool scan_onenote_is(const char *bytes, size_t len);
/* The next file from *at on, which goes behind it. False: there is none. */
bool scan_onenote_next(const char *bytes, size_t len, size_t *at, const char **ret, size_t *ret_len);

#endif
