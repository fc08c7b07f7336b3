/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mailbox.h - the messages in a file, of one or in the form mbox (RFC 4155, and as it is found: with ">From " quoted or not); in a Maildir; in a folder of files, each a
 * message; or from the standard input ("-").
 */
#ifndef CTL_MAILBOX_H
#define CTL_MAILBOX_H

#include "filter/base/text.h"

#define MAILBOX_MESSAGE_MAX (16u << 20) /* octets of a message that are read; the rest is passed over */

/* Octets of all its messages; 0: not known. */
uint64_t mailbox_size(const char *path);
/*
 * message() gets each, as it is in the file, and where it is for people ("box: message 12"), until it returns something else than EX_OK. An exit
 * status: that, or EX_NOINPUT when something cannot be read, which is said on stderr; what comes behind it is read all the same.
 */
int mailbox_each(const char *path, int (*message)(void *arg, const char *where, const struct text *bytes), void *arg);

#endif
