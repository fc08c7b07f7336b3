/* SPDX-License-Identifier: BSD-2-Clause */
/* source.h - the files of a configuration, kept as long as the policy made from them, and places in them. */
#ifndef POLICY_SOURCE_H
#define POLICY_SOURCE_H

#include <stddef.h>

#include "filter/base/arena.h"
#include "filter/base/err.h"

#define SOURCE_MAX_BYTES (16u << 20)

struct source {
	char *path;
	char *bytes; /* a NUL after len */
	size_t len;
};

struct place {
	const struct source *source; /* NULL: a default, no file */
	unsigned line, column;       /* from 1 */
};

/* 0; -errno with *reterr. */
int source_load(const char *path, struct source **ret, struct err *reterr) SLUICE_MUST_USE;
/* The same from memory; path is for messages. -ENOMEM. */
int source_from(const char *path, const char *bytes, size_t len, struct source **ret, struct err *reterr) SLUICE_MUST_USE;
void source_free(struct source *s); /* takes NULL */
/* A path as written in s, relative to the folder of s. In the arena; NULL: no memory. */
const char *source_path(const struct source *s, const char *path, struct arena *arena);

/*
 * "FILE:LINE:COLUMN: what is wrong", the line itself, and a mark under the column. Returns -EINVAL, so that a parser
 * can return it.
 */
int place_error(struct place at, struct err *reterr, const char *format, ...) SLUICE_PRINTF(3, 4);

#endif
