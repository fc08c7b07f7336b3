/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arc_chain.h - what the ARC sets of one message prove (RFC 8617 5.2): its header fields, the end of the header, its body, its end, in
 * this order, on one thread at a time.
 */
#ifndef ARC_ARC_CHAIN_H
#define ARC_ARC_CHAIN_H

#include "filter/mail/arc_sets.h"
#include "filter/mail/dkim_verify.h"

struct arc_chain;

struct arc_chain *arc_chain_new(void); /* NULL: no memory */
void arc_chain_free(struct arc_chain *c); /* takes NULL */

/* As the parts of plugin.h. All fields, as some of them are signed. Not after arc_chain_finish(). */
void arc_chain_header(struct arc_chain *c, const char *name, size_t name_len, const char *value, size_t len);
/* now_s: the time by which signatures are valid. Here the chain's form is settled. */
void arc_chain_header_end(struct arc_chain *c, int64_t now_s);
void arc_chain_body(struct arc_chain *c, const char *bytes, size_t len);

/* There is a chain, and its form is whole. Only then have keys to be looked up. */
bool arc_chain_whole(const struct arc_chain *c);
const struct arc_sets *arc_chain_sets(const struct arc_chain *c);
/* The signature of the message that counts: of the highest instance. NULL: there is none. */
const struct dkim_signature *arc_chain_signature(struct arc_chain *c);

/*
 * The end of the message. message: the key of arc_chain_signature(); seals: those of the seals, in their order; of a chain that is
 * not whole neither is read. False: no memory.
 */
bool arc_chain_finish(struct arc_chain *c, const struct dkim_key *message, const struct dkim_key *seals) SLUICE_MUST_USE;

/* What came of it, and why; "" where it passes, or there is no chain. temporary: a key could not be looked up. */
enum arc_cv arc_chain_result(const struct arc_chain *c, const char **ret_why, bool *ret_temporary);

#endif
