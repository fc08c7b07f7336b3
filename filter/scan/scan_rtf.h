/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_rtf.h - objects and links in the Rich Text Format. Its control words are looked for wherever they stand. Pure. */
#ifndef SCAN_SCAN_RTF_H
#define SCAN_SCAN_RTF_H

#include <stdbool.h>
#include <stddef.h>

struct scan_rtf {
	const char *embedded; /* NULL, or what: "an object that is updated when the document is opened" */
	const char *external;
};

/* False: it is none. */
bool scan_rtf_read(const char *bytes, size_t len, struct scan_rtf *ret);

#endif
