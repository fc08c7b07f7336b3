/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_pdf.h - what a PDF (ISO 32000) does by itself. Its names are looked for in all octets, also in streams of objects once these are
 * inflated, and whatever its tables say: a reader repairs them. Needs memory while it inflates; bounded.
 */
#ifndef SCAN_SCAN_PDF_H
#define SCAN_SCAN_PDF_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_PDF_INFLATED_MAX (16u << 20) /* octets, of all streams of objects */

struct scan_pdf {
	bool script;   /* /JavaScript or /JS */
	bool launch;   /* /Launch: it starts a program */
	bool opens;    /* /OpenAction or /AA: something happens without a click */
	bool embedded; /* /EmbeddedFile */
	bool encrypted;
	bool unread;   /* a stream of objects could not be inflated, or not all of it */
	size_t inflated_bytes;
};

/* False: it is none. */
bool scan_pdf_read(const char *bytes, size_t len, struct scan_pdf *ret);

#endif
