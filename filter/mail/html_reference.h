/* SPDX-License-Identifier: BSD-2-Clause */
/* html_reference.h - character references in HTML: &amp; &#38; &#x26; (HTML, 13.2.5.72 to 13.2.5.80). Pure. */
#ifndef MAIL_HTML_REFERENCE_H
#define MAIL_HTML_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#define HTML_REFERENCE_SIZE 8 /* octets of what one stands for, with the NUL */

/*
 * The reference at the start of bytes, which is an '&': its octets, and what it stands for in UTF-8. 0: it is none, and the '&' stands for
 * itself. attribute: within the value of an attribute, where "&copy=1" is none.
 */
size_t html_reference_read(const char *bytes, size_t len, bool attribute, char ret[HTML_REFERENCE_SIZE]);

#endif
