/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.h - who may ask over HTTP: a file with a line `NAME SCOPE HASH` for each token, where HASH is the SHA-256 of it. The token
 * itself is nowhere but with whom it was given to.
 */
#ifndef OBSERVE_TOKEN_H
#define OBSERVE_TOKEN_H

#include <stdbool.h>

#include "filter/base/err.h"
#include "filter/base/text.h"

#define TOKEN_FILE_MAX_BYTES 65536
#define TOKEN_NAME_MAX       63
#define TOKEN_HASH_BYTES     32
#define TOKEN_LEN            64 /* of one that is made here: hexadecimal digits of 32 random octets */
#define TOKEN_MAX            256 /* of one that somebody sends */

enum token_scope { TOKEN_READ, TOKEN_OPERATE, TOKEN_ADMIN }; /* each may do what those before it may */
extern const char *const token_scope_words[];                /* in the order of enum token_scope */

struct http_token {
	char name[TOKEN_NAME_MAX + 1];
	enum token_scope scope;
	unsigned char hash[TOKEN_HASH_BYTES];
};

/* Letters, digits, '-', '_', '.'. */
bool token_name_valid(const char *name);
bool token_scope_read(const char *word, size_t len, enum token_scope *ret);
/* One line without its end. False: it is none. Pure. */
bool token_line_read(const char *line, size_t len, struct http_token *ret);
void token_line_write(struct text *out, const struct http_token *t);

/*
 * Each line of a file but for comments and empty ones, whose tokens are told. The first line that is none ends it: -EINVAL with its number in
 * *reterr. Pure.
 */
int token_each(const struct text *file, void (*row)(void *arg, const struct http_token *t, unsigned line), void *arg, struct err *reterr) SLUICE_MUST_USE;
/*
 * The file, added to out, if nobody but its owner (root or us) can change it, and others cannot read it. 0; -errno with *reterr, which says
 * what to do.
 */
int token_file_read(const char *path, struct text *out, struct err *reterr) SLUICE_MUST_USE;
/* Whose token this is, in a time that does not depend on it. False: nobody's. */
bool token_find(const struct text *file, const char *token, struct http_token *ret, struct err *reterr);
void token_hash(const char *token, unsigned char ret[TOKEN_HASH_BYTES]);

#endif
