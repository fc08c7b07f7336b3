/* SPDX-License-Identifier: BSD-2-Clause */
/* case_log.h - where cases go as lines of JSON: a folder (case_folder.h), stderr, syslog, or nowhere. Any threads. */
#ifndef OBSERVE_CASE_LOG_H
#define OBSERVE_CASE_LOG_H

#include <stddef.h>

#include "filter/observe/case_folder.h"
#include "filter/services/health.h"

struct case_log;

/* Goes nowhere. health: hears when cases cannot be written, and when they can be again. NULL: no memory */
struct case_log *case_log_new(struct health *health);
void case_log_free(struct case_log *l); /* takes NULL */
/*
 * k->folder: "", "stderr", "syslog", or the absolute path of a folder; it is copied. -errno with *reterr, and all stays as it was. One thread at
 * a time.
 */
int case_log_open(struct case_log *l, const struct case_keeping *k, struct err *reterr) SLUICE_MUST_USE;
/* json: one line, no end of line. A disk that is full loses the case, and holds nobody up. */
void case_log_add(struct case_log *l, const char *json, size_t len);
/* Begin another file, so that all the cases so far can be changed by others. 0; 1: they are in no folder; -errno with *reterr. */
int case_log_next(struct case_log *l, struct err *reterr);
/* As case_folder_tidy(), if there is a folder; a file that has been written to for long enough is ended. One thread at a time. */
int case_log_tidy(struct case_log *l, int64_t now_ms, struct err *reterr);

#endif
