/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_verify.h - libopendkim as the verifier of one message. What is a signature, what is a key and what is in time is
 * judged by dkim_eval; libopendkim canonicalises and does the arithmetic, with keys that were written here.
 */
#ifndef DKIM_VERIFY_H
#define DKIM_VERIFY_H

#include "plugins/dkim/dkim_eval.h"

#define DKIM_MAX_SIGNATURES 20 /* that a site may have looked at */
#define DKIM_LINE_MAX_BYTES                                                                                            \
	(1 << 20) /* of the body: libopendkim holds a line in memory for each kind of canonical form */

/* Where libopendkim gets its memory from. */
struct dkim_memory {
	void *(*take)(void *closure, size_t size);
	void (*give)(void *closure, void *p);
};

struct dkim_library;
/* One serves any number of threads. memory: NULL for malloc(). NULL: no memory. */
struct dkim_library *dkim_library_new(const struct dkim_memory *memory);
void dkim_library_free(struct dkim_library *lib); /* takes NULL */

/* A signature that is looked at, and after dkim_message_finish() what came of it. */
struct dkim_verified {
	struct dkim_signature sig;
	unsigned bits;           /* of the key; 0: not known */
	struct dkim_flaw result; /* why: NULL for a pass */
	bool partial;            /* a pass whose l= leaves octets of the body uncovered */
};

struct dkim_message;
/* max_signatures: at most DKIM_MAX_SIGNATURES. lib has to outlive it. NULL: no memory. */
struct dkim_message *dkim_message_new(const struct dkim_library *lib, size_t max_signatures);
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

#endif
