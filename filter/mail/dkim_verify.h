/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_verify.h - the signatures of one message, verified (RFC 6376 6): its header fields, the end of the header, its body, its
 * end, in this order, on one thread at a time. What is a signature and what is in time is judged by dkim_signature, what is a key by dkim_lookup.
 */
#ifndef MAIL_DKIM_VERIFY_H
#define MAIL_DKIM_VERIFY_H

#include "filter/base/text.h"
#include "filter/mail/dkim_lookup.h"

#define DKIM_MAX_SIGNATURES   20          /* that a site may have looked at */
#define DKIM_HEADER_MAX_BYTES (48u << 20) /* of all fields; one of more cannot be verified */
#define DKIM_HEADER_FIELDS    2000        /* in a message; signatures of one with more are not verified, whose names would take too long */

/* A signature that is looked at, and after dkim_message_finish() what came of it. */
struct dkim_verified {
	struct dkim_signature sig;
	unsigned bits;           /* of the key; 0: not known */
	struct dkim_flaw result; /* why: NULL for a pass */
	uint64_t covered;        /* octets of the canonical body that a pass speaks for */
	bool partial;            /* a pass whose l= leaves octets of the body uncovered */
};

struct dkim_message;
/*
 * kind: DKIM_SIGNATURE, of which the first max_signatures are looked at, at most DKIM_MAX_SIGNATURES; or DKIM_ARC_MESSAGE, of which
 * only the one with the highest i= is, as RFC 8617 5.2 wants it. NULL: no memory.
 */
struct dkim_message *dkim_message_new(enum dkim_kind kind, size_t max_signatures);
void dkim_message_free(struct dkim_message *m); /* takes NULL */

/* As the parts of plugin.h: fields, the end of the header, the body. Not after dkim_message_finish(). */
void dkim_message_header(struct dkim_message *m, const char *name, size_t name_len, const char *value, size_t len);
/* now_s: the time by which signatures are valid. */
void dkim_message_header_end(struct dkim_message *m, int64_t now_s);
void dkim_message_body(struct dkim_message *m, const char *bytes, size_t len);

/* The first signatures of the message, up to max_signatures; after the end of the header they are complete. */
struct dkim_verified *dkim_message_signatures(struct dkim_message *m, size_t *ret_count);
/* Signatures beyond those. */
size_t dkim_message_skipped(const struct dkim_message *m);
/*
 * The end of the message. keys: one for each signature; those of signatures with a flaw are not read. Fills the
 * results. False: no memory, and no result is known.
 */
bool dkim_message_finish(struct dkim_message *m, const struct dkim_key *keys) SLUICE_MUST_USE;

/* Is this the signature of that hash? key: one that dkim_key_choose() found for it. */
bool dkim_verify_hash(const struct dkim_signature *sig, EVP_PKEY *key, const unsigned char hash[DKIM_HASH_BYTES]);

#endif
