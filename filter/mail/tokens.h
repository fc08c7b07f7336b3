/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tokens.h - what a message is made of in the eyes of a classifier that counts: words and pairs of neighbouring words, of the subject, the
 * author, the text that is shown, and the links. Pure; a bounded time and memory whatever the message.
 *
 * What is learned is a copy out of a mailbox, and what is judged is the message as it came: both have to give the same tokens. So nothing is
 * looked at that is added, taken off or changed between the two, or that may be: Received and all other trace fields, Return-Path, Delivered-To,
 * X-Original-To, Status, X-UID and the like; Authentication-Results, X-Spam-* and what other filters say, ours among them; List-* and
 * Precedence, which a list of the site's own adds after us; Date and Message-ID, which a mail server adds where they are missing (of the
 * latter only whether it is of the author's domain). Recipients say who gets mail, not what it is: only how many there are is looked at. Whether lines
 * end with LF or CRLF makes no difference.
 *
 * An id is a hash under a fixed key, as it has to mean the same to each process and after each start. Who knows this program can make a
 * word that has the id of another, which needs no more work than 2^64 tries: it buys no more than to write that other word. The table that
 * finds what is there already has a random key.
 */
#ifndef MAIL_TOKENS_H
#define MAIL_TOKENS_H

#include <libpsl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/cleanup.h"
#include "plugins/plugin.h"

#define TOKENS_VERSION 1 /* of how a message is taken apart: what was learned by another says nothing about these */
/* Of a message. Which of more are taken: the header's, then links, then of each text in turn its share, half of it from the text's beginning, half from its end. */
#define TOKENS_MAX     1024
#define TOKENS_MAX_TEXT_BYTES (256u << 10) /* of all texts are read */

struct tokens; /* each id once, and never 0 */

/* How a message is looked at; functions as in plugin.h, of arg. */
struct tokens_message {
	bool (*field)(void *arg, size_t i, struct sluice_part *ret);
	const struct sluice_mime *mime;
	const char *(*text)(void *arg, size_t part, size_t *ret_len);
	void *arg;
};

/* psl, of registrable domains, is borrowed. NULL: no memory. */
struct tokens *tokens_new(const psl_ctx_t *psl);
void tokens_free(struct tokens *t); /* takes NULL */
/* Its tokens, in the place of those that were there. False: no memory. */
bool tokens_take(struct tokens *t, const struct tokens_message *m) SLUICE_MUST_USE;
/* The same of a whole message as a file has it: header, empty line, body; a line "From " of a mailbox before it is passed over. */
bool tokens_of_message(struct tokens *t, const char *bytes, size_t len) SLUICE_MUST_USE;

/* Ascending; borrowed until t is used again. */
const uint64_t *tokens_ids(const struct tokens *t, size_t *ret_count);
/* What people see of it, UTF-8: "cheap pills", "subject:invoice", "url:example.org". Borrowed in the same way; no NUL follows. */
const char *tokens_shown(const struct tokens *t, size_t i, size_t *ret_len);

#endif
