/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pattern_db.h - many regular expressions that are looked for at once: by vectorscan, in one pass over the octets and in a time that depends on
 * their number alone; in a build without it by PCRE2, one after the other and each within a limit.
 */
#ifndef POLICY_PATTERN_DB_H
#define POLICY_PATTERN_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/err.h"

struct pattern_db;

/*
 * Compile them; utf8: they, and what they are looked for in, are UTF-8, and one of their characters is one of it. -EINVAL with the reason in
 * *reterr and, in *ret_bad, which of them it is about (count: none of them); -ENOMEM.
 */
int pattern_db_new(const char *const *regexes, size_t count, bool utf8, struct pattern_db **ret, size_t *ret_bad, struct err *reterr) SLUICE_MUST_USE;
void pattern_db_free(struct pattern_db *db); /* takes NULL */
/* Call found() for each that is there, once. Any thread. False: there was no memory, or one of them went beyond its limit. */
bool pattern_db_scan(struct pattern_db *db, const char *bytes, size_t len, void (*found)(void *arg, size_t regex), void *arg);
/* "vectorscan" or "PCRE2". */
const char *pattern_db_name(void);

#endif
