/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_name.h - what the name of a file says. Names are as somebody gave them: any octets. Pure. */
#ifndef SCAN_SCAN_NAME_H
#define SCAN_SCAN_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_EXTENSION_MAX 10

/* What stands behind the last dot of the last part, in lower case, without blanks and dots at its end; "" none, or a longer one. */
void scan_name_extension(const char *name, size_t len, char ret[SCAN_EXTENSION_MAX + 1]);
/* Would a click run it, by its name? NULL, or what it is: "a program for Windows". */
const char *scan_name_program(const char *name, size_t len);
/* A program that shows another extension: "invoice.pdf.exe", blanks before ".exe", or letters that are shown from right to left. */
bool scan_name_disguised(const char *name, size_t len);
/* In an archive: is it absolute, on a drive, or does it climb out of its folder? With / and \ alike. */
bool scan_name_slips(const char *name, size_t len);

#endif
