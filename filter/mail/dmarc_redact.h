/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_redact.h - what a failure report may show of the header of somebody's message (RFC 9991 7, RFC 6590), and whether a message
 * is one of those about which nothing is to be reported. Pure.
 */
#ifndef MAIL_DMARC_REDACT_H
#define MAIL_DMARC_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"

#define DMARC_REDACTED "redacted" /* in the place of a local part */

/*
 * Add a header field as it may be shown: From with the domain of its first address alone; Date and Message-ID; of DKIM-Signature the
 * tags that say who signed how, with the domain alone of i=. Of other fields, and of what has no such form, nothing is added, nor of
 * one that no longer fits. What is added is printable ASCII in lines that end with CRLF.
 */
void dmarc_redact(struct text *out, const char *name, size_t name_len, const char *value, size_t len);

/*
 * Does the field say that a program has written the message (RFC 3834), or that it is itself a report (RFC 6522)? To report about such
 * may have no end.
 */
bool dmarc_is_automatic(const char *name, size_t name_len, const char *value, size_t len);

#endif
