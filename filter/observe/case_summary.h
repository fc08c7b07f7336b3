/* SPDX-License-Identifier: BSD-2-Clause */
/* case_summary.h - a case in a few words, as lists of cases show it. Pure. */
#ifndef OBSERVE_CASE_SUMMARY_H
#define OBSERVE_CASE_SUMMARY_H

#include "filter/observe/case.h"

#define CASE_SUMMARY_MAX        32768
#define CASE_SUMMARY_RECIPIENTS 5 /* that are named; the number says how many there are */

/* One object of JSON: who, to whom, what became of it and by which rule. Long texts are cut. */
void case_summary(struct text *out, const struct case_ *c);
/* An octet string as one C string, a NUL behind it: nothing is added of an empty one. */
void case_summary_add_name(struct text *out, const char *bytes, size_t len);

#endif
