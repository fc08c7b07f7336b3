/* SPDX-License-Identifier: BSD-2-Clause */
/* scan_walk.h - what scan.c and scan_archive.c know together: the walk through a file, and what lies in it. */
#ifndef SCAN_SCAN_WALK_H
#define SCAN_SCAN_WALK_H

#include "filter/scan/scan.h"
#include "filter/scan/scan_office.h"

struct scan_walk {
	magic_t magic;
	const struct scan_limits *limits;
	struct text *out;
	int64_t deadline_ms; /* monotonic */
	uint64_t entries, unpacked_bytes;
	unsigned files, findings[SLUICE_SCAN_KINDS]; /* in the answer */
	bool full; /* a limit of the whole was reached: it goes no further */
};

/* A file on its way: one within another has a parent. */
struct scan_node {
	const struct scan_node *parent;
	unsigned depth;
	const char *bytes; /* NULL: not known */
	size_t len;
	const char *name;
	size_t name_len;
	const char *declared; /* media type; NULL: none */
};

void scan_walk_file(struct scan_walk *w, const struct scan_node *n);
/* Only what its name and its beginning say: the rest is not there, or is not to be looked at. */
void scan_walk_head(struct scan_walk *w, const struct scan_node *n);
void scan_walk_found(struct scan_walk *w, const struct scan_node *n, enum sluice_scan_kind kind, const char *text);
/* A limit was reached: the walk ends. */
void scan_walk_bomb(struct scan_walk *w, const struct scan_node *n, const char *text);
bool scan_walk_is_late(struct scan_walk *w, const struct scan_node *n); /* then it is a bomb */

/* If it is an archive or a compressed stream, look at what is in it; parts of documents are noted in *ret. is_document: it is one itself. */
void scan_archive(struct scan_walk *w, const struct scan_node *n, bool is_document, struct scan_office *ret);

#endif
