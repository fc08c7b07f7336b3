/* SPDX-License-Identifier: BSD-2-Clause */
/* glob.h - patterns for texts: `*` any octets, `?` one; without regard to the case of ASCII letters. Pure. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool glob_matches(const char *text, size_t len, const char *pattern, size_t pattern_len);

#endif
