/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach_files.h - the settings of a mail server, changed all or not at all: each file F has its content from before in F.sluice-before, and what was
 * made of them stands in the record, F.sluice-state of the first. The record is on the disk before the first file is changed, so that whoever
 * was interrupted finds his way back.
 */
#ifndef CTL_ATTACH_FILES_H
#define CTL_ATTACH_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "filter/base/err.h"
#include "filter/base/text.h"

#define ATTACH_FILES_MAX  2
#define ATTACH_FILE_BYTES (16u << 20)
#define ATTACH_PATH_MAX   (PATH_MAX + 32) /* with a suffix of ours, and the NUL */

struct attach_file {
	const char *name;    /* "main.cf": of its copy */
	char path[PATH_MAX]; /* of the file itself, whatever links lead there */
	char fresh[PATH_MAX]; /* a copy with the changes */
	struct stat st;
	struct text old, new;
};
struct attach_files {
	struct attach_file items[ATTACH_FILES_MAX];
	size_t count;
	int lock; /* -1: not ours */
};
#define ATTACH_FILES_INIT ((struct attach_files){ .lock = -1 })
void attach_files_done(struct attach_files *f);

/* One more file, with its content; name is not copied. 0, -errno with *reterr, as all of these. */
int attach_files_add(struct attach_files *f, const char *name, const char *path, struct err *reterr) SLUICE_MUST_USE;
/* Nobody else attaches or undoes meanwhile. */
int attach_files_lock(struct attach_files *f, struct err *reterr) SLUICE_MUST_USE;
/* A copy of the file in this folder, to be changed. */
int attach_files_copy(struct attach_file *file, const char *folder, struct err *reterr) SLUICE_MUST_USE;
/* The copies are as if they had not been touched for a while. */
void attach_files_age(const struct attach_files *f);
/* The changed copies are `new`. */
int attach_files_read_copies(struct attach_files *f, struct err *reterr) SLUICE_MUST_USE;
bool attach_files_differ(const struct attach_files *f);
/* What diff(1) says of two files, under the name of the one. */
int attach_files_diff(const char *name, const char *before, const char *after, struct text *out, struct err *reterr) SLUICE_MUST_USE;

/* How the files are, by the record that an earlier change has left. */
enum attach_state {
	ATTACH_NONE,    /* there is no record */
	ATTACH_WHOLE,   /* as they were left */
	ATTACH_HALF,    /* some are as they were left, others as they were before: the change, or its undoing, was interrupted */
	ATTACH_EDITED,  /* somebody has changed one of them since; its path is in edited */
};
int attach_files_state(const struct attach_files *f, enum attach_state *ret, char edited[PATH_MAX], struct err *reterr) SLUICE_MUST_USE;
/* Make the files `new`. When that fails they are as before. */
int attach_files_put(struct attach_files *f, struct err *reterr) SLUICE_MUST_USE;
/* Make those of the record what they were before, to the octet, and forget the record. They must not be ATTACH_EDITED. */
int attach_files_undo(const struct attach_files *f, struct err *reterr) SLUICE_MUST_USE;

#endif
