/* SPDX-License-Identifier: BSD-2-Clause */
/* date.h - the date of a message (RFC 5322 3.3, with the forms of old, 4.3). Pure. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The value of a field Date as seconds since 1970. False: it is none: a day that does not exist, a weekday that is not that day's, no zone,
 * something before or behind it. Comments are allowed anywhere; a zone that nobody can know ("-0000", a military letter) is UTC.
 */
bool date_parse(const char *value, size_t len, int64_t *ret_s);

#endif
