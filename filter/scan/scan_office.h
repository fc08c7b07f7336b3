/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_office.h - what the parts of an Office document in a zip say (ECMA-376, and OpenDocument): by their names, and in three of them. Pure. */
#ifndef SCAN_SCAN_OFFICE_H
#define SCAN_SCAN_OFFICE_H

#include <stdbool.h>
#include <stddef.h>

struct scan_office {
	bool is_document; /* its parts say so: the rest then counts */
	const char *macro, *embedded, *external; /* NULL, or what kind */
};

/* Is content of this media type such a document? */
bool scan_office_type(const char *type);
/* Is it markup as these documents have it, by name and first octets? It is then read by scan_office_part() alone. */
bool scan_office_markup(const char *name, size_t name_len, const char *bytes, size_t len);
/* Note what a part says. */
void scan_office_part(struct scan_office *o, const char *name, size_t name_len, const char *bytes, size_t len);

#endif
