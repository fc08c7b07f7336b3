/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern.h - what is looked for in the content of messages: `pattern NAME "regex" in PLACE, ...`, or a file of such. Each is a fact,
 * pattern.NAME; a file is one more, pattern.NAME_count. All that are looked for in one place are one pattern_db.
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include <libpsl.h>
#include <stdbool.h>

#include "filter/base/vec.h"
#include "filter/policy/pattern_db.h"
#include "filter/policy/source.h"

#define PATTERN_MAX_ITEMS 100000 /* expressions in all */
#define PATTERN_MAX_BYTES 8000   /* of one */

enum pattern_where {
	PATTERN_SUBJECT,  /* decoded */
	PATTERN_HEADER,   /* a header field, decoded */
	PATTERN_TEXT,     /* what readers show: text in UTF-8, that of HTML without its markup */
	PATTERN_HTML,     /* HTML as it stands, in UTF-8 */
	PATTERN_URL,      /* links in text and HTML */
	PATTERN_FILENAME, /* names of parts, decoded */
	PATTERN_RAW,      /* the body as it came */
};
extern const char *const pattern_where_words[]; /* NULL-terminated */

struct pattern {
	const char *name;
	struct place place;
	bool is_set;        /* it is a file: count_fact is there */
	unsigned fact, count_fact; /* of the catalog */
	size_t first, count; /* its expressions */
};

struct pattern_item {
	const char *regex;
	size_t pattern;
	struct place place;
};

struct pattern_place {
	enum pattern_where where;
	const char *header; /* of HEADER */
	VEC(size_t) items;  /* what is looked for there, in the order of db */
	struct pattern_db *db;
};

struct patterns {
	VEC(struct pattern) all;
	VEC(struct pattern_item) items;
	VEC(struct pattern_place) places;
	psl_ctx_t *psl; /* where links are looked at */
};

void patterns_done(struct patterns *p);

#endif
