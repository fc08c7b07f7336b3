/* SPDX-License-Identifier: BSD-2-Clause */
/* case_log.h - where cases go as lines of JSON: a file, stderr, syslog, or nowhere. Any threads. */
#ifndef OBSERVE_CASE_LOG_H
#define OBSERVE_CASE_LOG_H

#include <stddef.h>

#include "filter/base/err.h"

struct case_log;

struct case_log *case_log_new(void); /* goes nowhere. NULL: no memory or no descriptor */
void case_log_free(struct case_log *l); /* takes NULL */
/*
 * "", "stderr", "syslog", or the path of a file, which is opened anew each time: so a reload follows a rotated file.
 * -errno with *reterr, and the old place stays. One thread at a time.
 */
int case_log_open(struct case_log *l, const char *where, struct err *reterr) SLUICE_MUST_USE;
/* json: one line, no end of line. A disk that is full loses the line, and holds nobody up. */
void case_log_add(struct case_log *l, const char *json, size_t len);

#endif
