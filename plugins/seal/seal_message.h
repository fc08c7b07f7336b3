/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seal_message.h - one message on its way to an ARC set of ours (RFC 8617 5.1): its header fields, the end of the header, its body, its
 * end, in this order, on one thread at a time.
 */
#ifndef SEAL_SEAL_MESSAGE_H
#define SEAL_SEAL_MESSAGE_H

#include "filter/mail/arc_sets.h"
#include "plugins/seal/seal_config.h"

#define SEAL_RESULTS_MAX 32000 /* octets of ARC-Authentication-Results; with more it cannot be sealed */

enum seal_result { SEAL_SEALED, SEAL_NOT_NEEDED, SEAL_NO_KEY, SEAL_FAILED };

struct seal_message;

/* NULL: no memory. config must outlive it. */
struct seal_message *seal_message_new(const struct seal_config *config);
void seal_message_free(struct seal_message *m); /* takes NULL */

/* As the parts of plugin.h. */
void seal_message_header(struct seal_message *m, const char *name, size_t name_len, const char *value, size_t len);
void seal_message_end_of_header(struct seal_message *m);
void seal_message_body(struct seal_message *m, const char *bytes, size_t len);

/* What the sets hold that came with it. */
const struct arc_sets *seal_message_sets(const struct seal_message *m);

/*
 * Make the set, at that time (since 1970). cv: of the chain that came. results: what ARC-Authentication-Results says behind "i=1; ". Once.
 */
enum seal_result seal_message_end(struct seal_message *m, enum arc_cv cv, const char *results, int64_t now_s);
/* Why there is none; "": it is sealed. */
const char *seal_message_reason(const struct seal_message *m);
/* The instance of the set, and a field of it: a value folded with LF, without the blank after the colon. */
unsigned seal_message_instance(const struct seal_message *m);
const char *seal_message_field(const struct seal_message *m, enum arc_part part);

#endif
