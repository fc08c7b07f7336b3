/* SPDX-License-Identifier: BSD-2-Clause */
/* program.h - run another program, with a text to read and a time to end in. */
#ifndef CTL_PROGRAM_H
#define CTL_PROGRAM_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

/*
 * Run argv[0], looked for in PATH where it has no slash, with this on its standard input; what it writes goes where ours does. It is killed when
 * it has not read its input, or has not ended, in time. Its exit status, or -1 with the reason added to why: it could not be
 * started, was ended by a signal, or was killed.
 */
int program_run(const char *const *argv, const char *input, size_t len, int64_t timeout_ms, struct text *why);
/* The same path from the root on, in buf where it is not: some of Postfix's programs take no other. */
const char *program_path(const char *path, char buf[PATH_MAX]);

#endif
