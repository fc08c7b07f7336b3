/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - the daemon's log: to stderr or syslog, one line an event. Any threads. Lines are passed as data: nothing in
 * them is a format.
 */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include <stdbool.h>

#include "filter/base/cleanup.h"

enum log_to { LOG_TO_STDERR, LOG_TO_SYSLOG };
enum log_level { LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log;

/* NULL: no memory. Until log_set() lines go to stderr, from info on. */
struct log *log_new(const char *program);
void log_free(struct log *l); /* takes NULL */
void log_set(struct log *l, enum log_to to, enum log_level level);
bool log_wants(const struct log *l, enum log_level level);
void log_write(struct log *l, enum log_level level, const char *format, ...) SLUICE_PRINTF(3, 4);
/* A line that is ready; control characters in it are shown as '?'. */
void log_line(struct log *l, enum log_level level, const char *line);

#endif
