/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list_cdb.h - a list of domains or addresses in a constant database (cdb), looked up where it is on the disk: for those that are too large to
 * be read. The keys are the items, in small letters, with a NUL behind them or without one; the values do not matter.
 */
#ifndef POLICY_LIST_CDB_H
#define POLICY_LIST_CDB_H

#include "filter/policy/list_file.h"

struct list_cdb;

/*
 * Open the file, and look at each key once. -EINVAL with *reterr for one that could not be found or is none, or a file that is no cdb; another
 * -errno with *reterr for a file that cannot be read; -ENOMEM.
 */
int list_cdb_open(const char *path, enum sluice_list_type type, struct list_cdb **ret, struct err *reterr) SLUICE_MUST_USE;
void list_cdb_free(struct list_cdb *l); /* takes NULL */
size_t list_cdb_len(const struct list_cdb *l);
/* Each key, its number in the place of a line. As list_file_each(). */
int list_cdb_each(const char *path, enum sluice_list_type type, list_line_fn fn, void *arg, struct err *reterr) SLUICE_MUST_USE;

/* Each is false for a list of another type. Any threads. */
bool list_cdb_domain(const struct list_cdb *l, const char *domain, size_t len);
bool list_cdb_address(const struct list_cdb *l, const struct sluice_address *a);

#endif
