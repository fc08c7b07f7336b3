/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arc_sets.h - the ARC sets in the header of one message: what is there, and whether its form is whole (RFC 8617 4.2, 5.2). Header fields
 * first, then their end. One thread at a time.
 */
#ifndef MAIL_ARC_SETS_H
#define MAIL_ARC_SETS_H

#include "filter/mail/dkim_signature.h"

#define ARC_WHY_MAX 256 /* octets */

/* The fields of a set, in the order in which a seal signs them (RFC 8617 5.1.1). */
enum arc_part { ARC_RESULTS, ARC_MESSAGE, ARC_SEAL };
#define ARC_PARTS (ARC_SEAL + 1)
extern const char *const arc_part_names[]; /* of the field, by enum arc_part */

struct arc_sets;

struct arc_sets *arc_sets_new(void); /* NULL: no memory */
void arc_sets_free(struct arc_sets *s); /* takes NULL */

/* As the parts of plugin.h; fields that are not of ARC are passed over. */
void arc_sets_header(struct arc_sets *s, const char *name, size_t name_len, const char *value, size_t len);
/* Here it is settled whether the form is whole. False: no memory. */
bool arc_sets_header_end(struct arc_sets *s) SLUICE_MUST_USE;

/* The highest instance, 0 to ARC_MAX_SETS. */
unsigned arc_sets_count(const struct arc_sets *s);
/* Why no chain can pass that has these sets; "": they are whole, or there is none. */
const char *arc_sets_why(const struct arc_sets *s);
/* Of instance i, from 1 on. NULL: it has none, or there is no such instance. */
const struct dkim_signature *arc_sets_seal(const struct arc_sets *s, unsigned i);
/* What instance i has found out: its ARC-Authentication-Results behind "i=1;". NULL: it has none. */
const char *arc_sets_results(const struct arc_sets *s, unsigned i, size_t *ret_len);
/* A field of instance i in canonical form, with a CRLF; NULL: it has none. */
const struct text *arc_sets_field(const struct arc_sets *s, unsigned i, enum arc_part part);
/* Its seal as that signs itself: without what b= is, and without a CRLF. */
const struct text *arc_sets_unsealed(const struct arc_sets *s, unsigned i);

#endif
