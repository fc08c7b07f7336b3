/* SPDX-License-Identifier: BSD-2-Clause */
/* program_line.h - the envelope of what a program says: one JSON object a line, with the number of the question it answers. Pure. */
#ifndef SERVICES_PROGRAM_LINE_H
#define SERVICES_PROGRAM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_LINE_WHY_MAX 200

/* line: len octets without the line's end. False: it is no answer; why, in PROGRAM_LINE_WHY_MAX octets, says what is wrong, and where. */
bool program_line_id(const char *line, size_t len, uint64_t *ret_id, char *reterr_why);

#endif
