/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_lmdb.h - the store of one machine: a file, and nothing to start.
 *
 * One writer thread runs all operations. They are answered at once and committed together, a fifth of a second later at
 * most: what was answered longer ago than that survives kill -9, and, as each commit is synced, a power cut. A file that was
 * full begins with one operation at a time, so that little is lost of what was answered should it still be.
 */
#ifndef SERVICES_STORE_LMDB_H
#define SERVICES_STORE_LMDB_H

#include "filter/base/err.h"
#include "filter/services/store.h"

struct store_lmdb_settings {
	const char *path;      /* of a folder, which is made when it is not there (mode 0700) */
	const char *user;      /* who gets folder and files when root makes them: as whom we go on; "" or NULL: nobody */
	size_t max_bytes;      /* the file grows to it; then operations that need room fail until entries expire, and for a second more */
	/* The store has stopped working, with why; or works again. On the writer's thread, without a lock. May be NULL. */
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

/* NULL with *reterr: no folder, another process has it, a file that is damaged or no store. */
struct store *store_lmdb_open(const struct store_lmdb_settings *settings, struct err *reterr);

#endif
