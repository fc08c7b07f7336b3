/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sign_table.h - OpenDKIM's two tables as its users have them: the KeyTable names keys, the SigningTable says whose mail is
 * signed with which (opendkim.conf(5)). Pure.
 *
 * In both, # begins a comment and empty lines say nothing. An error is "FILE:LINE: what is wrong and what would be right".
 */
#ifndef SIGN_SIGN_TABLE_H
#define SIGN_SIGN_TABLE_H

#include "filter/base/err.h"
#include "filter/base/vec.h"

#define SIGN_TABLE_MAX_BYTES (4u << 20)
#define SIGN_TABLE_MAX_ROWS  4096
#define SIGN_LINE_MAX_BYTES  1024
#define SIGN_MAX_KEYS        8 /* that one sender's mail is signed with; names beyond it are an error */

/* NAME DOMAIN:SELECTOR:PATH */
struct key_row {
	const char *name;
	const char *domain; /* NULL: "%", the domain of the sender */
	const char *selector;
	const char *path; /* as written: begins with / or ./ or ../; a % in it stands for the domain, which then is not "%" */
	unsigned line;
};
struct key_table {
	VEC(struct key_row) rows;
	char *bytes; /* what the rows point into */
};

/* file is for messages. 0; -EINVAL with *reterr; -ENOMEM. */
int key_table_parse(const char *file, const char *bytes, size_t len, struct key_table *ret, struct err *reterr) SLUICE_MUST_USE;
void key_table_done(struct key_table *t);
/* The row of that name, or NULL. */
const struct key_row *key_table_find(const struct key_table *t, const char *name, size_t len);

/* PATTERN NAME[,NAME ...]: a row for each NAME. OpenDKIM's `:SIGNER` behind the names is read over. */
struct signing_row {
	const char *pattern;
	const char *key; /* NAME of a KeyTable; "%": the one that is called as the sender's domain */
	unsigned line;
};
struct signing_table {
	VEC(struct signing_row) rows;
	bool wildcards; /* some pattern has a * within: OpenDKIM's "refile" */
	char *bytes;
};

int signing_table_parse(const char *file, const char *bytes, size_t len, struct signing_table *ret, struct err *reterr) SLUICE_MUST_USE;
void signing_table_done(struct signing_table *t);

/*
 * The rows for a sender's address, as OpenDKIM finds them: those of one pattern, in the order of the file. With wildcards
 * that is the first pattern that matches; without, the closest one of
 *	user@host, host, user@.host and .host (above the sender's, the nearest first), user@*, *
 * Case does not matter. Fills ret and returns how many; 0: nobody signs for them.
 */
size_t signing_table_match(const struct signing_table *t, const char *local, size_t local_len, const char *domain, size_t domain_len,
	const struct signing_row *ret[SIGN_MAX_KEYS]);

#endif
