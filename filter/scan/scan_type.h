/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_type.h - what the content of a file is, and whether that is what it is said to be. Pure. */
#ifndef SCAN_SCAN_TYPE_H
#define SCAN_SCAN_TYPE_H

#include <stdbool.h>
#include <stddef.h>

/* Is it a program, by its octets and the media type that was found for them? NULL, or what it is: "a program for Windows". */
const char *scan_type_program(const char *bytes, size_t len, const char *type);
/* Is it a script of Unix? */
bool scan_type_script(const char *bytes, size_t len, const char *type);
/*
 * May content of this type be in a file with this declared media type (NULL: none), or with this extension? False only where both are
 * known well enough: a content whose type is not known contradicts nothing.
 */
bool scan_type_fits_declared(const char *type, const char *declared);
bool scan_type_fits_extension(const char *type, const char *extension);

#endif
