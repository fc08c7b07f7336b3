/* SPDX-License-Identifier: BSD-2-Clause */
/* show.h - a case, as JSON, for people to read. */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* NULL: it is no case, which is said on stderr. To be freed with json_decref(). */
json_t *show_read(const char *json);
/* Who sent what to whom, and the verdict. */
void show_summary(FILE *out, const json_t *c);
/* All that it stood on. */
void show_details(FILE *out, const json_t *c);

#endif
