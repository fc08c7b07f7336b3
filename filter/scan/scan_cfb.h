/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_cfb.h - the Compound File Binary format ([MS-CFB]), in which Office 97 to 2003 keeps its documents, Windows Installer its
 * packages, and newer Office its encrypted documents: what is in the directory, and the first of a few streams. Pure; bounded by the
 * length of the file.
 */
#ifndef SCAN_SCAN_CFB_H
#define SCAN_SCAN_CFB_H

#include <stdbool.h>
#include <stddef.h>

struct scan_cfb {
	const char *macro;     /* NULL, or what kind: "VBA macros" */
	const char *encrypted; /* NULL, or how it is seen */
	const char *embedded;
	bool installer; /* of Windows Installer */
	bool broken;    /* not all of the directory could be followed: all that looks like entries of one was looked at */
};

/* False: it is none. */
bool scan_cfb_read(const char *bytes, size_t len, struct scan_cfb *ret);

#endif
