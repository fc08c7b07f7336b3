/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * case_folder.h - cases on the disk: a folder of files, each of them lines of JSON, named by the time at which it was begun. The daemon
 * writes to the newest; the others change only as a whole, by rename(2) under the lock of the folder, so a reader needs no lock.
 */
#ifndef OBSERVE_CASE_FOLDER_H
#define OBSERVE_CASE_FOLDER_H

#include <stdint.h>

#include "filter/base/err.h"
#include "filter/base/hash.h"
#include "filter/base/text.h"
#include "filter/base/vec.h"

#define CASE_FILE_MAX_BYTES (256u << 20) /* what is read of one */

struct case_keeping { /* how long, and how much */
	const char *folder;
	int64_t keep_ms;
	int64_t max_bytes;
	int64_t addresses_ms; /* then people are hidden (case_person.h); not below keep_ms: never; 0: from the start */
};

/* How large a file grows, and how long it is written to, before the next is begun: so that whole ones can go. */
int64_t case_folder_file_bytes(const struct case_keeping *k);
int64_t case_folder_file_ms(const struct case_keeping *k);

/* The key of what is hidden in this folder, which is made when it is first wanted. -errno with *reterr. */
int case_folder_key(const char *folder, struct hash_key *ret, struct err *reterr) SLUICE_MUST_USE;
/* Begin another file; the folder is made if it is not there. The descriptor, to append to, or -errno with *reterr. */
int case_folder_begin(const char *folder, struct err *reterr) SLUICE_MUST_USE;

struct case_files { /* paths, from the oldest to the newest */
	char **items;
	size_t len, capacity;
};
int case_folder_list(const char *folder, struct case_files *ret, struct err *reterr) SLUICE_MUST_USE;
void case_files_done(struct case_files *f);

/* The newest case with this id, queue id or message id, added to out. 1; 0: there is none; -errno with *reterr. */
int case_folder_find(const char *folder, const char *id, struct text *out, struct err *reterr);
/*
 * Take away what is too old or too much, and hide people where it is time to. The newest file stays as it is. Takes as long as the disk
 * does: for a thread that may wait. -errno with *reterr.
 */
int case_folder_tidy(const struct case_keeping *k, int64_t now_ms, struct err *reterr);
/* Take away each case about this person but those of the newest file, when that is one that is written to. How many, or -errno with *reterr. */
int64_t case_folder_forget(const char *folder, const char *person, bool written, struct err *reterr);

#endif
