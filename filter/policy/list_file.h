/* SPDX-License-Identifier: BSD-2-Clause */
/* list_file.h - the files that lists are read from: one item a line, and # comments. */
#ifndef POLICY_LIST_FILE_H
#define POLICY_LIST_FILE_H

#include <stdint.h>

#include "filter/base/vec.h"
#include "filter/policy/list_items.h"

#define LIST_FILE_MAX_BYTES   (256u << 20)
#define LIST_FOLDER_MAX_FILES 1000
#define LIST_LINE_MAX         4096

/* An item as it stands in a file; valid during the call. */
struct list_line {
	const char *item;
	size_t len;
	const char *comment; /* without the # and blanks around; NULL: none */
	size_t comment_len;
	struct place place;
};
/* Less than 0: no more of them, and this is returned. */
typedef int (*list_line_fn)(void *arg, const struct list_line *line, struct err *reterr);

/* 0; -EINVAL with *reterr for a line, which it shows with its place; another -errno for a file that cannot be read, with its path; -ENOMEM. */
int list_file_each(const char *path, list_line_fn fn, void *arg, struct err *reterr) SLUICE_MUST_USE;
/* Each regular file of a folder, by name; those with a dot before or a ~ behind their names are passed over. The same errors. */
int list_folder_each(const char *path, list_line_fn fn, void *arg, struct err *reterr) SLUICE_MUST_USE;
/*
 * A number that is another one when the file, or what is in the folder, has changed: made of names, inodes, sizes and times, with
 * nothing read. What is not there has one, too.
 */
uint64_t list_file_mark(const char *path, bool folder);

/* Files that something depends on, and what they were before they were read. */
struct list_files {
	VEC(char *) paths;
	uint64_t mark;
};
/* To be called before it is read. -ENOMEM. */
int list_files_add(struct list_files *f, const char *path, struct err *reterr) SLUICE_MUST_USE;
uint64_t list_files_mark(const struct list_files *f); /* as f->mark, now */
void list_files_done(struct list_files *f);

#endif
