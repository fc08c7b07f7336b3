/* SPDX-License-Identifier: BSD-2-Clause */
/* piece.h - what all pages are made of. Strings go through escape.h; what is called a label, a caption, a title or a class is ours, and does not. */
#ifndef PAGE_PIECE_H
#define PAGE_PIECE_H

#include <jansson.h>
#include <stdbool.h>

#include "filter/api.h"

/* ---- what the API says ---- */

/* The JSON that a reader of api_read.h gives, owned by the caller; NULL: it said why not, and that stands in the page. */
json_t *page_ask(const struct api_request *q, void (*reader)(const struct api_request *q));
/* A member; what is not there is "" or 0. */
const char *page_str(const json_t *o, const char *key);
long long page_whole(const json_t *o, const char *key);
double page_decimal(const json_t *o, const char *key);

/* ---- the frame ---- */

void page_begin(const struct api_request *q, const char *title);
void page_end(const struct api_request *q);

/* ---- tables ---- */

struct page_column {
	const char *label;
	bool number;
};

/* columns end with a label NULL. */
void page_table(struct text *out, const char *caption, const struct page_column *columns);
void page_table_end(struct text *out);
void page_cell(struct text *out, const struct page_column *c);
void page_cell_end(struct text *out);
void page_cell_number(struct text *out, const struct page_column *c, long long n);
void page_cell_ms(struct text *out, const struct page_column *c, double ms);
void page_cell_str(struct text *out, const struct page_column *c, const char *s);
/* A row that the script gives buttons: actions are those of page.js, the members of e by these names, with NULL at the end, are what is sent. */
void page_row(struct text *out, const char *actions, const json_t *e, const char *const *names);
/* A table of cases, as history_list() has them. */
void page_cases(struct text *out, const json_t *cases, const char *caption);

/* ---- values ---- */

void page_time(struct text *out, long long s);
void page_span(struct text *out, long long s);
/* Milliseconds with as many digits as say something. */
void page_ms(struct text *out, double ms);
/* What came from mail stands apart from what is around it, whichever way it is written. */
void page_bdi(struct text *out, const char *s);
void page_value(struct text *out, const json_t *value);
void page_nothing(struct text *out, const char *why);
void page_verdict(struct text *out, const char *verdict);
void page_rule_link(struct text *out, const char *rule);
/* The file and the line of something in the configuration. */
void page_place(struct text *out, const json_t *o);

#endif
