/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * macros.h - what the MTA says in macros. Each stage has a set of its own; a later set hides an earlier one, and goes with it.
 * Values are borrowed until the next macros_hear() or macros_forget(); "" when the MTA gave none.
 */
#ifndef MILTER_MACROS_H
#define MILTER_MACROS_H

#include "filter/milter/packet.h"
#include "filter/tx/session.h"

enum macro_stage { MACROS_CONNECT, MACROS_HELO, MACROS_MAIL, MACROS_RCPT, MACROS_DATA, MACROS_EOH, MACROS_EOM, MACRO_STAGES };

struct macros {
	struct text sets[MACRO_STAGES]; /* a name and a value, each with a NUL, one after the other */
};

#define MACROS_MAX_BYTES 65536 /* of one set; what is more is not heard */

void macros_init(struct macros *m);
void macros_done(struct macros *m);
/* Hear an SMFIC_MACRO: it takes the place of the sets of its stage and of those after it. False: it is none, or there is no memory. */
bool macros_hear(struct macros *m, struct packet *p);
/* Forget the sets of this stage and of those after it. */
void macros_forget(struct macros *m, enum macro_stage from);

/* name: with its braces, if it has any. */
const char *macro_text(const struct macros *m, const char *name);
struct macros_connection macros_connection(const struct macros *m);
struct macros_tls macros_tls(const struct macros *m);
struct macros_auth macros_auth(const struct macros *m);
/* Add to an SMFIC_OPTNEG which macros we read. */
void macros_request(struct text *out);

#endif
