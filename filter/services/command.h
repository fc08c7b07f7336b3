/* SPDX-License-Identifier: BSD-2-Clause */
/* command.h - what another program prints. */
#ifndef SERVICES_COMMAND_H
#define SERVICES_COMMAND_H

#include <stdint.h>

#include "filter/base/err.h"
#include "filter/base/text.h"

#define COMMAND_MAX_ARGS 16

/*
 * Run argv[0], looked for in PATH where it has no slash, and wait: no shell, nothing to read, none of our files. What it prints is added
 * to out. Whoever has not ended at deadline_ms (monotonic), or prints more than out can take, is killed with all that it has started.
 *
 * 0; -errno with *reterr, which names the program and the last line of its complaint: -ENOENT and others, it could not be started;
 * -ETIMEDOUT; -EFBIG; -EIO, it failed. Not for a thread that has no time.
 */
int command_read(const char *const *argv, int64_t deadline_ms, struct text *out, struct err *reterr) SLUICE_MUST_USE;
/* Would argv[0] of this name be found? */
bool command_exists(const char *name);

#endif
